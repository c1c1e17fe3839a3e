// bert_ids MODEL_DIR TEXTS.jsonl[.gz] OUT.bin [LIMIT]
// Token ids of every text, as uint32: the number of ids, then the ids. Prints the seconds of the fastest of three
// passes on one core as JSON.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "equal/base/files.hpp"
#include "equal/text/wordpiece.hpp"

#include "corpus.hpp"

int main(int argc, char** argv) try {
  using namespace equal;
  if (argc < 4) {
    std::fprintf(stderr, "usage: bert_ids MODEL_DIR TEXTS.jsonl[.gz] OUT.bin [LIMIT]\n");
    return 1;
  }
  const text::WordPiece tokenizer(text::load_wordpiece(argv[1]));
  const auto corpus = bench::read_corpus(argv[2], argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0);
  std::size_t bytes = 0;
  for (const auto& t : corpus.texts) bytes += t.size();
  std::vector<text::TokenId> ids;
  std::vector<std::uint32_t> out;
  double best = 1e300;
  for (int pass = 0; pass < 3; ++pass) {
    out.clear();
    const double start = bench::seconds_now();
    for (const auto& t : corpus.texts) {
      ids.clear();
      tokenizer.append_ids(t, ids);
      out.push_back(static_cast<std::uint32_t>(ids.size()));
      out.insert(out.end(), ids.begin(), ids.end());
    }
    best = std::min(best, bench::seconds_now() - start);
  }
  write_file_atomically(argv[3], {reinterpret_cast<const char*>(out.data()), out.size() * sizeof(out[0])});
  std::printf("{\"texts\": %zu, \"bytes\": %zu, \"ids\": %zu, \"seconds\": %.4f}\n", corpus.texts.size(), bytes,
              out.size() - corpus.texts.size(), best);
} catch (const std::exception& e) {
  std::fprintf(stderr, "bert_ids: %s\n", e.what());
  return 1;
}
