#include "corpus.hpp"

#include <chrono>
#include <memory>

#include <zlib.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

namespace equal::bench {

Corpus read_corpus(const std::string& path, std::size_t limit) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw DataError(path + ": cannot be read");
  Corpus corpus;
  std::string line, chunk(1 << 16, '\0');
  const auto take = [&] {
    const Json json = parse_json(line, path);
    corpus.texts.push_back(json.at("text").get<std::string>());
    for (const Json& pair : json.value("qas", Json::array())) {
      corpus.pairs.push_back(pair.at("question").get<std::string>() + "\n" + pair.at("answer").get<std::string>());
    }
    line.clear();
  };
  for (int n = 0; (limit == 0 || corpus.texts.size() < limit) && (n = gzread(file.get(), chunk.data(), 1 << 16)) > 0;) {
    std::string_view rest(chunk.data(), static_cast<std::size_t>(n));
    for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      line.append(rest.substr(0, end));
      rest.remove_prefix(end + 1);
      if (limit == 0 || corpus.texts.size() < limit) take();
    }
    line.append(rest);
  }
  if (!line.empty() && (limit == 0 || corpus.texts.size() < limit)) take();
  return corpus;
}

std::vector<std::string_view> views(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

void write_npy(const std::string& path, linalg::MatrixView<const float> values) {
  std::string header =
      format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", values.rows, values.columns);
  header.append(63 - (10 + header.size()) % 64, ' ').push_back('\n');
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes.push_back(static_cast<char>(header.size() & 0xffU));
  bytes.push_back(static_cast<char>(header.size() >> 8U));
  bytes += header;
  for (std::size_t i = 0; i < values.rows; ++i) {
    bytes.append(reinterpret_cast<const char*>(values.row(i).data()), values.columns * sizeof(float));
  }
  write_file_atomically(path, bytes);
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace equal::bench
