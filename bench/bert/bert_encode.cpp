// bert_encode MODEL_DIR TEXTS.jsonl[.gz] PRECISION [LIMIT [MAX_TOKENS [THREADS [PASSES [DOCS.npy [PAIRS.npy]]]]]]
// Times our encoder after a short warm-up: median over PASSES. PRECISION: f32, bf16, int8, portable, auto. Prints one
// JSON line. DOCS.npy gets the vectors of the texts, PAIRS.npy those of "question\nanswer" of every pair, for
// bench/peers/judge_encoder.py.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/encode/bert.hpp"
#include "equal/text/wordpiece.hpp"

#include "corpus.hpp"

int main(int argc, char** argv) try {
  using namespace equal;
  if (argc < 4) {
    std::fprintf(stderr,
                 "usage: bert_encode MODEL_DIR TEXTS.jsonl[.gz] PRECISION [LIMIT [MAX_TOKENS [THREADS [PASSES "
                 "[DOCS.npy [PAIRS.npy]]]]]]\n");
    return 1;
  }
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  const std::string precision = argv[3];
  encode::BertParams params;
  params.portable_kernels = precision == "portable";
  params.precision = precision == "bf16"   ? encode::BertPrecision::bf16
                     : precision == "int8" ? encode::BertPrecision::int8
                     : precision == "auto" ? encode::BertPrecision::automatic
                                           : encode::BertPrecision::f32;
  params.max_tokens = number(5, 256);
  if (const char* batch = std::getenv("EQUAL_BENCH_BATCH_TOKENS"))
    params.batch_tokens = std::strtoull(batch, nullptr, 10);
  ThreadPool pool(number(6, 0));
  const std::size_t passes = std::max<std::size_t>(number(7, 3), 1);
  const auto encoder = encode::load_bert(argv[1], params);
  const auto corpus = bench::read_corpus(argv[2], number(4, 600));
  const auto texts = bench::views(corpus.texts);
  linalg::Matrix<float> out(texts.size(), encoder->dim());
  const std::size_t warm = std::min<std::size_t>(texts.size(), 32);
  encoder->encode(std::span(texts).first(warm), encode::Role::document, out.view().slice(0, warm), pool);
  std::vector<double> seconds;
  for (std::size_t pass = 0; pass < passes; ++pass) {
    const double start = bench::seconds_now();
    encoder->encode(texts, encode::Role::document, out.view(), pool);
    seconds.push_back(bench::seconds_now() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  const text::WordPiece tokenizer(text::load_wordpiece(argv[1]));
  std::size_t tokens = 0;
  for (const auto text : texts) {
    std::vector<text::TokenId> ids;
    tokenizer.append_ids(text, ids, params.max_tokens - 2);
    tokens += ids.size() + 2;
  }
  if (argc > 8) bench::write_npy(argv[8], out.view());
  if (argc > 9) {
    linalg::Matrix<float> pairs(corpus.pairs.size(), encoder->dim());
    encoder->encode(bench::views(corpus.pairs), encode::Role::document, pairs.view(), pool);
    bench::write_npy(argv[9], pairs.view());
  }
  const double median = seconds[seconds.size() / 2], n = static_cast<double>(texts.size());
  std::printf(
      "{\"peer\": \"equal %s\", \"docs_per_s\": %.1f, \"tokens_per_s\": %.0f, \"mean_tokens\": %.1f, "
      "\"best_docs_per_s\": %.1f, "
      "\"threads\": %zu, \"encoder\": \"%s\"}\n",
      precision.c_str(), n / median, static_cast<double>(tokens) / median, static_cast<double>(tokens) / n,
      n / seconds[0], pool.size(), encoder->description().c_str());
} catch (const std::exception& e) {
  std::fprintf(stderr, "bert_encode: %s\n", e.what());
  return 1;
}
