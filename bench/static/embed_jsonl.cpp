// zcat CORPUS.jsonl.gz | embed_jsonl DOCS.npy PAIRS.npy [key=value ...]
// Encodes documents and pairs for bench/peers/judge_encoder.py; fits the encoder on the documents where it needs a fit.
// Keys: encoder (lsa, hash, distil, or a folder with a table), model (of distil: a Hugging Face folder), save (a
// folder), threads, and the fields of LsaParams.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>

#include "equal/encode/bert.hpp"
#include "equal/encode/distil.hpp"
#include "equal/encode/static.hpp"
#include "equal/linalg/gemm.hpp"

#include "corpus.hpp"

namespace {

using namespace equal;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

linalg::Matrix<float> encode_all(encode::Encoder& encoder, const std::vector<std::string>& texts, ThreadPool& pool) {
  linalg::Matrix<float> out(texts.size(), encoder.dim());
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  encoder.encode(views, encode::Role::document, out.view(), pool);
  return out;
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2) throw UsageError("usage: embed_jsonl DOCS.npy PAIRS.npy [key=value ...]");
  encode::LsaParams lsa;
  std::string kind = "lsa", save, folder;
  std::size_t threads = 0;
  const std::map<std::string, std::function<void(const std::string&)>> keys{
      {"encoder", [&](const std::string& v) { kind = v; }},
      {"model", [&](const std::string& v) { folder = v; }},
      {"save", [&](const std::string& v) { save = v; }},
      {"threads", [&](const std::string& v) { threads = std::stoul(v); }},
      {"dim", [&](const std::string& v) { lsa.dim = std::stoul(v); }},
      {"feature_bits", [&](const std::string& v) { lsa.feature_bits = static_cast<unsigned>(std::stoul(v)); }},
      {"fit_sample", [&](const std::string& v) { lsa.fit_sample = std::stoull(v); }},
      {"seed", [&](const std::string& v) { lsa.seed = std::stoull(v); }},
      {"oversample", [&](const std::string& v) { lsa.oversample = std::stoul(v); }},
      {"power_iterations", [&](const std::string& v) { lsa.power_iterations = std::stoul(v); }},
      {"min_documents", [&](const std::string& v) { lsa.min_documents = std::stoull(v); }},
      {"frequency", [&](const std::string& v) { lsa.frequency = static_cast<encode::Frequency>(std::stoul(v)); }},
      {"whitening", [&](const std::string& v) { lsa.whitening = std::stod(v); }},
      {"residual", [&](const std::string& v) { lsa.residual = std::stod(v); }},
  };
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    const auto key = keys.find(arguments[i].substr(0, equals));
    if (equals == std::string::npos || key == keys.end()) throw UsageError("unknown argument " + arguments[i]);
    key->second(arguments[i].substr(equals + 1));
  }
  linalg::use_one_blas_thread();
  const bench::Corpus corpus = bench::read_corpus(std::cin);
  ThreadPool pool(threads);
  std::unique_ptr<encode::Encoder> encoder;
  const double fit = seconds_of([&] {
    if (kind == "hash") {
      encoder = encode::make_static_hash({.dim = lsa.dim, .seed = lsa.seed});
    } else if (kind == "distil") {
      const auto teacher = encode::load_bert(folder);
      const auto vocabulary = text::load_wordpiece(folder);
      const auto alone = comm::make_single();
      bench::CorpusSource source(corpus.documents);
      const auto weights = encode::corpus_weights(*alone, source, vocabulary, lsa.fit_sample, lsa.seed, pool);
      const encode::DistilParams params{.dim = lsa.dim,
                                        .frequency = lsa.frequency,
                                        .whitening = lsa.whitening,
                                        .residual = lsa.residual,
                                        .seed = lsa.seed};
      auto table = encode::distil(*teacher, vocabulary, weights, params, pool);
      if (!save.empty()) encode::save_static_table(table, save);
      encoder = encode::make_static_table(std::move(table));
    } else if (kind == "lsa") {
      const auto alone = comm::make_single();
      bench::CorpusSource source(corpus.documents);
      auto model = encode::fit_lsa(*alone, source, lsa, pool);
      if (!save.empty()) encode::save_static_table(model.table, save);
      encoder = encode::make_static_table(std::move(model.table));
    } else {
      encoder = encode::make_static_table(encode::load_static_table(kind));
    }
  });
  linalg::Matrix<float> documents;
  const double embed = seconds_of([&] { documents = encode_all(*encoder, corpus.documents, pool); });
  bench::write_npy(arguments[0], documents);
  bench::write_npy(arguments[1], encode_all(*encoder, corpus.pairs, pool));
  std::cerr << format("{}: fit {:.2f} s, {} documents in {:.3f} s ({:.0f} documents/s) on {} threads\n",
                      encoder->description(), fit, corpus.documents.size(), embed,
                      static_cast<double>(corpus.documents.size()) / embed, pool.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const equal::Error& error) {
    std::cerr << "embed_jsonl: " << error.what() << '\n';
    return error.exit_code();
  } catch (const std::exception& error) {
    std::cerr << "embed_jsonl: " << error.what() << '\n';
    return static_cast<int>(equal::Family::internal);
  }
}
