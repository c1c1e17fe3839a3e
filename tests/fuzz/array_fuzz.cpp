// Array files (HDF5) with bytes altered, cut or appended: refused, or read as they were; never other content.
#include "equal/base/error.hpp"

#include "array_samples.hpp"
#include "target.hpp"

namespace equal::fuzz {
namespace {

struct Sample {
  std::string name, bytes, content;
  store::test::Content read;
};

/// First byte mod 4: which file. Then four bytes an edit: a place in the file (24 bits, wrapped) and what to put there;
/// a place of all ones ends the file at the place that the next edit names.
void fuzz_array(std::string_view bytes) {
  static const std::vector<Sample> samples = [] {
    std::vector<Sample> out;
    for (const auto& [name, read] : store::test::write_samples(folder()))
      out.push_back({name, read_file(folder() / name), read(folder() / name), read});
    return out;
  }();
  const auto first = first_byte(bytes);
  const Sample& sample = samples[first.first % samples.size()];
  std::string_view edits = first.second;  // by name: clang 14 captures no structured binding
  std::string file = sample.bytes;
  bool cut = false;
  while (edits.size() >= 4) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(edits[i]); };
    const std::size_t place = byte(0) | std::size_t{byte(1)} << 8U | std::size_t{byte(2)} << 16U;
    if (place == 0xffffff) {
      cut = true;
    } else if (cut) {
      file.resize(place % (2 * sample.bytes.size()), edits[3]);
      cut = false;
    } else if (!file.empty()) {
      file[place % file.size()] = edits[3];
    }
    edits.remove_prefix(4);
  }
  const auto path = file_of(sample.name, file);
  try {
    check(sample.read(path) == sample.content, "damage is never read as content");
  } catch (const DataError& error) {
    check(file != sample.bytes, "an unaltered file is read");
    check(std::string(error.what()).find(sample.name) != std::string::npos, "the message names the file");
  }
}

const Registered kArray("array", fuzz_array);

}  // namespace
}  // namespace equal::fuzz
