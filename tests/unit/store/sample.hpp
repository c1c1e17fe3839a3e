// Sample documents and files for the tests of store/.
#pragma once

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "equal/base/files.hpp"
#include "equal/store/document.hpp"
#include "equal/store/partition.hpp"

namespace equal::store::test {

inline std::vector<Document> sample_documents(std::size_t n, std::size_t mean_bytes = 400) {
  std::mt19937_64 random(7);
  std::vector<Document> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    Document& d = out[i];
    d.id = "doc-" + std::to_string(i);
    const std::size_t words = 1 + random() % (2 * mean_bytes / 6);
    for (std::size_t w = 0; w < words; ++w)
      d.text += "w" + std::to_string(random() % 10000) + (w % 7 == 6 ? "\n" : " ");
    d.text += "ü漢😀";
    if (i % 3 == 0) d.metadata = R"({"source":"a \"quoted\" place","n":)" + std::to_string(i) + "}";
    for (std::size_t p = 0; p < i % 4; ++p)
      d.pairs.push_back({"q\n\"" + std::to_string(p), "a\t\\" + std::to_string(i)});
    if (i % 5 == 0) d.parent = "whole-" + std::to_string(i), d.parent_offset = i * 10;
    d.source = i < n / 2 ? "a.jsonl" : "folder/b.jsonl.gz";
    d.position = i * 1000;
    d.digest = digest128(d.id);
    d.text_digest = digest128(d.text);
    d.whole_digest = digest128(d.parent.empty() ? d.id : d.parent);
    d.whole_text_digest = digest128(d.text + "x");
  }
  return out;
}

inline std::string write_sample(const std::filesystem::path& path, const std::vector<Document>& documents) {
  PartitionWriter writer(path);
  for (const Document& d : documents) writer.add(d);
  return writer.finish({{"input", "abc"}});
}

inline void overwrite(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace equal::store::test
