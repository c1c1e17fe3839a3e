// What the programs of this topic share: a JSONL corpus with pairs from standard input, as texts, and .npy output.
#pragma once

#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/encode/lsa.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::bench {

struct Corpus {
  std::vector<std::string> documents, pairs;  // pairs: "<question>\n<answer>", in file order
};

inline Corpus read_corpus(std::istream& in) {
  Corpus out;
  std::string line;
  while (std::getline(in, line)) {
    const Json json = parse_json(line, "standard input");
    out.documents.push_back(json.at("text").get<std::string>());
    if (!json.contains("qas")) continue;
    for (const auto& qa : json.at("qas")) {
      out.pairs.push_back(qa.at("question").get<std::string>() + "\n" + qa.at("answer").get<std::string>());
    }
  }
  return out;
}

/// The documents as one rank's source, in blocks of 4,096.
class CorpusSource final : public encode::TextSource {
 public:
  explicit CorpusSource(const std::vector<std::string>& texts) : texts_(texts.begin(), texts.end()) {}
  std::size_t blocks() const override { return (texts_.size() + kBlock - 1) / kBlock; }
  std::vector<Digest128> digests(std::size_t block) override {
    std::vector<Digest128> out;
    for (const auto text : texts(block)) out.push_back(digest128(text));
    return out;
  }
  std::vector<std::string_view> texts(std::size_t block) override {
    const std::size_t first = block * kBlock, last = std::min(texts_.size(), first + kBlock);
    return {texts_.begin() + static_cast<std::ptrdiff_t>(first), texts_.begin() + static_cast<std::ptrdiff_t>(last)};
  }

 private:
  static constexpr std::size_t kBlock = 4096;
  std::vector<std::string_view> texts_;
};

/// NumPy's format 1.0: float32, C order.
inline void write_npy(const std::string& path, const linalg::Matrix<float>& m) {
  std::string head = format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", m.rows(), m.columns());
  head.append(63 - (10 + head.size()) % 64, ' ').push_back('\n');
  const auto length = static_cast<std::uint16_t>(head.size());
  std::ofstream out(path, std::ios::binary);
  out.write("\x93NUMPY\x01\x00", 8);
  out.write(reinterpret_cast<const char*>(&length), 2);
  out << head;
  out.write(reinterpret_cast<const char*>(m.values().data()), static_cast<std::streamsize>(m.values().size_bytes()));
  if (!out) throw EnvironmentError(path + ": cannot be written");
}

}  // namespace equal::bench
