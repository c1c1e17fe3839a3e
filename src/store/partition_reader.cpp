#include <algorithm>
#include <array>
#include <mutex>
#include <optional>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/store/partition.hpp"

#include "hdf5_file.hpp"
#include "partition_layout.hpp"

namespace equal::store {
namespace layout = partition_layout;

namespace {

Digest128 get_digest(const unsigned char* bytes) {
  Digest128 out;
  for (int i = 0; i < 8; ++i) out.high = (out.high << 8) | bytes[i];
  for (int i = 8; i < 16; ++i) out.low = (out.low << 8) | bytes[i];
  return out;
}

/// A byte heap whose offsets are loaded, and checked, when it is first used.
class HeapReader {
 public:
  HeapReader(const ArrayFileReader& file, const char* name, std::int64_t count)
      : file_(file),
        name_(name),
        bytes_(file.find(name, ElementType::u8, {-1})),
        offsets_array_(file.find(std::string(name) + "_offsets", ElementType::u64, {count})) {}

  std::span<const std::uint64_t> offsets() const {
    std::call_once(loaded_, [this] { load(); });
    return offsets_;
  }
  std::uint64_t size(std::uint64_t i) const { return offsets()[i + 1] - offsets()[i]; }
  /// Reads its two offsets and the entry: a reader that is asked now and then holds no table of offsets.
  std::string get(std::uint64_t i) const {
    std::array<std::uint64_t, 2> ends{};
    file_.read(offsets_array_, i, std::span<std::uint64_t>(ends));
    if (ends[0] > ends[1] || ends[1] > file_.bytes(bytes_)) {
      file_.fail(std::string(name_) + "_offsets", format("of document {} do not fit the heap", i));
    }
    std::string out(ends[1] - ends[0], '\0');
    file_.read_bytes(bytes_, ends[0], std::as_writable_bytes(std::span(out)));
    return out;
  }
  /// Fills `out` from the start of entry i on.
  void read(std::uint64_t i, std::span<std::byte> out) const { file_.read_bytes(bytes_, offsets()[i], out); }

 private:
  void load() const {
    offsets_ = file_.read_all<std::uint64_t>(offsets_array_);
    const bool whole = !offsets_.empty() && offsets_.front() == 0 && offsets_.back() == file_.bytes(bytes_);
    if (!whole || !std::is_sorted(offsets_.begin(), offsets_.end())) {
      file_.fail(std::string(name_) + "_offsets", "does not rise from 0 to the end of the heap");
    }
  }
  const ArrayFileReader& file_;
  const char* name_;
  std::size_t bytes_, offsets_array_;
  mutable std::once_flag loaded_;
  mutable std::vector<std::uint64_t> offsets_;
};

}  // namespace

struct PartitionReader::Impl {
  ArrayFileReader file;
  std::uint64_t count;
  std::array<std::size_t, layout::kDigests.size()> digests{};
  std::array<std::size_t, layout::kNumbers.size()> numbers{};
  std::vector<std::unique_ptr<HeapReader>> heaps;

  Impl(std::filesystem::path path, Verify verify)
      : file(std::move(path), layout::kFormat, layout::kVersion, verify), count(file.unsigned_attribute("count")) {
    if (count >= (std::uint64_t{1} << 60)) file.fail("attribute count", "is impossibly large");
    const auto n = static_cast<std::int64_t>(count);
    for (const char* name : layout::kHeaps) {
      const bool by_document = name != layout::kHeaps[layout::sources];
      heaps.push_back(std::make_unique<HeapReader>(file, name, by_document ? n + 1 : -1));
    }
    for (std::size_t i = 0; i < digests.size(); ++i)
      digests[i] = file.find(layout::kDigests[i], ElementType::u8, {n, 16});
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = file.find(layout::kNumbers[i], ElementType::u64, {n});
  }

  void check(std::uint64_t index) const {
    if (index >= count)
      throw InternalError(format("{}: document {} of {} was asked for", file.path().string(), index, count));
  }
  std::string entry(layout::Heap heap, std::uint64_t index) const {
    check(index);
    return heaps[heap]->get(index);
  }
  std::uint64_t number(layout::NumberColumn column, std::uint64_t index) const {
    check(index);
    std::uint64_t value = 0;
    file.read(numbers[column], index, std::span(&value, 1));
    return value;
  }
  std::vector<Digest128> column(layout::DigestColumn which) const {
    const auto bytes = file.read_all<unsigned char>(digests[which]);
    std::vector<Digest128> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = get_digest(bytes.data() + 16 * i);
    return out;
  }
  Digest128 digest(layout::DigestColumn which, std::uint64_t index) const {
    check(index);
    std::array<unsigned char, 16> bytes{};
    file.read_bytes(digests[which], 16 * index, std::as_writable_bytes(std::span(bytes)));
    return get_digest(bytes.data());
  }
  std::string source(std::uint64_t index) const {
    const std::uint64_t source_index = number(layout::source_index, index);
    const HeapReader& names = *heaps[layout::sources];
    if (source_index >= names.offsets().size() - 1)
      file.fail("source_index", format("of document {} names no source", index));
    return names.get(source_index);
  }
};

PartitionReader::PartitionReader(std::filesystem::path path, Verify verify)
    : impl_(std::make_unique<Impl>(std::move(path), verify)) {}
PartitionReader::~PartitionReader() = default;
PartitionReader::PartitionReader(PartitionReader&&) noexcept = default;

const FileHeader& PartitionReader::header() const noexcept { return impl_->file.header(); }
const std::filesystem::path& PartitionReader::path() const noexcept { return impl_->file.path(); }
std::uint64_t PartitionReader::count() const noexcept { return impl_->count; }
std::uint64_t PartitionReader::text_bytes() const noexcept { return impl_->heaps[layout::text]->offsets().back(); }

std::string PartitionReader::id(std::uint64_t index) const { return impl_->entry(layout::id, index); }
std::string PartitionReader::text(std::uint64_t index) const { return impl_->entry(layout::text, index); }
std::string PartitionReader::metadata(std::uint64_t index) const { return impl_->entry(layout::metadata, index); }
std::string PartitionReader::parent(std::uint64_t index) const { return impl_->entry(layout::parent, index); }
std::string PartitionReader::source(std::uint64_t index) const { return impl_->source(index); }
std::uint64_t PartitionReader::parent_offset(std::uint64_t index) const {
  return impl_->number(layout::parent_offset, index);
}
std::uint64_t PartitionReader::position(std::uint64_t index) const { return impl_->number(layout::position, index); }
Digest128 PartitionReader::digest(std::uint64_t index) const { return impl_->digest(layout::digest, index); }

std::uint64_t PartitionReader::text_size(std::uint64_t index) const {
  impl_->check(index);
  return impl_->heaps[layout::text]->size(index);
}

std::vector<KnownPair> PartitionReader::pairs(std::uint64_t index) const {
  const std::string text = impl_->entry(layout::pairs, index);
  std::vector<KnownPair> out;
  if (text.empty()) return out;
  const std::string where = format("{}: pairs of document {}", path().string(), index);
  const Json list = parse_json(text, where);
  if (!list.is_array()) throw DataError(where + ": no JSON array");
  for (const Json& pair : list) {
    const auto question = pair.find("question"), answer = pair.find("answer");
    if (!pair.is_object() || question == pair.end() || answer == pair.end() || !question->is_string() ||
        !answer->is_string()) {
      throw DataError(where + ": not a list of objects with the texts question and answer");
    }
    out.push_back({question->get<std::string>(), answer->get<std::string>()});
  }
  return out;
}

Document PartitionReader::document(std::uint64_t index) const {
  Document out;
  out.id = id(index);
  out.text = text(index);
  out.metadata = metadata(index);
  out.pairs = pairs(index);
  out.parent = parent(index);
  out.parent_offset = parent_offset(index);
  out.source = source(index);
  out.position = position(index);
  out.digest = digest(index);
  out.text_digest = impl_->digest(layout::text_digest, index);
  out.whole_digest = impl_->digest(layout::whole_digest, index);
  out.whole_text_digest = impl_->digest(layout::whole_text_digest, index);
  return out;
}

std::vector<Digest128> PartitionReader::digests() const { return impl_->column(layout::digest); }
std::vector<Digest128> PartitionReader::whole_digests() const { return impl_->column(layout::whole_digest); }
std::vector<Digest128> PartitionReader::whole_text_digests() const { return impl_->column(layout::whole_text_digest); }

void PartitionReader::read_texts(std::uint64_t first, std::uint64_t max_documents, std::uint64_t max_bytes,
                                 TextBlock& block) const {
  impl_->check(first);
  const HeapReader& heap = *impl_->heaps[layout::text];
  const auto offsets = heap.offsets();
  const std::uint64_t last = std::min(count(), first + std::min(max_documents, count() - first));
  std::uint64_t end = first + 1;
  while (end < last && offsets[end + 1] - offsets[first] <= max_bytes) ++end;
  block.first = first;
  block.buffer.resize(offsets[end] - offsets[first]);
  heap.read(first, std::as_writable_bytes(std::span(block.buffer)));
  block.texts.clear();
  for (std::uint64_t i = first; i < end; ++i) {
    block.texts.push_back(
        std::string_view(block.buffer).substr(offsets[i] - offsets[first], offsets[i + 1] - offsets[i]));
  }
}

}  // namespace equal::store
