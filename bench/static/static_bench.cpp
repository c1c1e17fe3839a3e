// zcat CORPUS.jsonl.gz | static_bench [rounds]
// Speed of the static encoders on a corpus: splitting, hash, lsa with its fitted table, lsa with a table of 2^18 rows
// (what a large corpus gives), against what the memory of this machine delivers. Prints a table, then one JSON line of
// medians.
#include <algorithm>
#include <functional>
#include <map>

#include <time.h>

#include "equal/base/random.hpp"
#include "equal/encode/static.hpp"
#include "equal/linalg/gemm.hpp"
#include "equal/text/words.hpp"

#include "corpus.hpp"

namespace {

using namespace equal;

/// Wall time, or for one thread the CPU time that it took: the same on an idle machine, and still of use on a busy one.
double seconds_of(const std::function<void()>& work, bool cpu) {
  const auto now = [cpu] {
    timespec t{};
    clock_gettime(cpu ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

/// Reads 256 MiB in order, each thread its share: the bandwidth that a stream can have. Bytes.
class SequentialProbe {
 public:
  double bytes() const { return static_cast<double>(words_.size() * 8); }
  void operator()(ThreadPool& pool) {
    std::vector<std::uint64_t> sums(64 * pool.size());
    const std::size_t parts = 16 * pool.size(), length = words_.size() / parts;
    pool.run(parts, [&](std::size_t p, std::size_t thread) {
      std::uint64_t s[8] = {};
      for (std::size_t i = p * length; i + 8 <= (p + 1) * length; i += 8) {
        for (std::size_t k = 0; k < 8; ++k) s[k] += words_[i + k];
      }
      for (const std::uint64_t x : s) sums[64 * thread] += x;
    });
    for (const auto x : sums) sink_ = sink_ + x;
  }

 private:
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(std::size_t{1} << 25, 1);
  volatile std::uint64_t sink_ = 0;
};

/// A table with a row for every feature, as a sample with a million distinct words would give.
encode::StaticTable full_table(std::size_t dim) {
  encode::StaticTable t;
  t.feature_bits = 18;
  t.dim = dim;
  t.origin = "arbitrary values";
  for (std::uint32_t f = 0; f < 1U << 18; ++f) t.features.push_back(f);
  t.values.resize(t.features.size() * dim);
  for (std::size_t i = 0; i < t.values.size(); ++i)
    t.values[i] = static_cast<linalg::float16>(0x3000U + mix64(i) % 0x800U);
  return t;
}

/// Distinct features of each text that have a row, summed: the rows that encoding reads.
double rows_read(const std::vector<std::string>& texts, const encode::StaticTable& table) {
  std::vector<char> present(std::size_t{1} << table.feature_bits);
  for (const auto f : table.features) present[f] = 1;
  std::vector<std::uint64_t> hashes;
  double out = 0;
  for (const auto& text : texts) {
    hashes.clear();
    text::append_word_hashes(text, hashes);
    for (auto& h : hashes) h >>= 64 - table.feature_bits;
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    for (const auto h : hashes) out += present[h];
  }
  return out;
}

int run(std::size_t rounds) {
  linalg::use_one_blas_thread();
  const bench::Corpus corpus = bench::read_corpus(std::cin);
  if (corpus.documents.empty()) throw DataError("standard input holds no document");
  const std::vector<std::string_view> texts(corpus.documents.begin(), corpus.documents.end());
  const auto documents = static_cast<double>(texts.size());
  double text_bytes = 0;
  for (const auto t : texts) text_bytes += static_cast<double>(t.size());

  ThreadPool all(0), one(1);
  encode::LsaModel model;
  const auto alone = comm::make_single();
  bench::CorpusSource source(corpus.documents);
  const double fit_one = seconds_of([&] { model = encode::fit_lsa(*alone, source, {}, one); }, true);
  const double fit_all = seconds_of([&] { model = encode::fit_lsa(*alone, source, {}, all); }, false);
  const encode::StaticTable full = full_table(256);
  const double row_bytes = 256 * 2;
  const double fitted_bytes = rows_read(corpus.documents, model.table) * row_bytes;
  const double full_bytes = rows_read(corpus.documents, full) * row_bytes;
  const auto hash = encode::make_static_hash({});
  const auto fitted = encode::make_static_table(model.table);
  const auto large = encode::make_static_table(full);
  SequentialProbe probe;
  linalg::Matrix<float> out(texts.size(), 256);

  struct Case {
    const char* name;
    double items, bytes;  // of one run
    std::function<void(ThreadPool&)> work;
  };
  const auto encode_with = [&](encode::Encoder& encoder) {
    return [&](ThreadPool& pool) { encoder.encode(texts, encode::Role::document, out.view(), pool); };
  };
  const auto split = [&](ThreadPool& pool) {
    std::vector<std::vector<std::uint64_t>> hashes(pool.size());
    pool.run((texts.size() + 63) / 64, [&](std::size_t task, std::size_t thread) {
      for (std::size_t i = task * 64; i < std::min(texts.size(), task * 64 + 64); ++i) {
        hashes[thread].clear();
        text::append_word_hashes(texts[i], hashes[thread]);
      }
    });
  };
  std::vector<Case> cases{{"memory", 0, probe.bytes(), [&](ThreadPool& pool) { probe(pool); }},
                          {"split", documents, text_bytes, split},
                          {"hash", documents, text_bytes, encode_with(*hash)},
                          {"lsa", documents, fitted_bytes, encode_with(*fitted)},
                          {"lsa_full", documents, full_bytes, encode_with(*large)}};

  Json json;
  json["fit_seconds_1_thread"] = fit_one;
  json["fit_seconds"] = fit_all;
  json["threads"] = all.size();
  json["table_rows"] = model.table.features.size();
  std::cout << format("fit on {} documents: {:.2f} s on 1 thread, {:.2f} s on {}\n", texts.size(), fit_one, fit_all,
                      all.size());
  std::cout << "1 thread: CPU time, else wall time; memory: sequential reads; split, hash: bytes of text; lsa, "
               "lsa_full: bytes of table rows\n";
  for (ThreadPool* pool : {&one, &all}) {
    std::map<std::string, std::vector<double>> times;
    for (std::size_t round = 0; round < rounds; ++round) {
      for (const Case& c : cases)
        times[c.name].push_back(seconds_of([&] { c.work(*pool); }, pool == &one));  // alternating
    }
    const std::string suffix = pool == &one ? "_1_thread" : "";
    std::cout << format("\n{:<10} {:>3} threads {:>14} {:>10}\n", "", pool->size(), "documents/s", "GB/s");
    for (const Case& c : cases) {
      const double t = median(times[c.name]);
      std::cout << format("{:<21} {:>14.0f} {:>10.2f}\n", c.name, c.items / t, c.bytes / t / 1e9);
      if (c.items > 0) json[std::string(c.name) + "_documents_per_s" + suffix] = c.items / t;
      json[std::string(c.name) + "_gb_per_s" + suffix] = c.bytes / t / 1e9;
    }
  }
  std::cout << '\n' << dump_json(json) << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? std::stoul(argv[1]) : 5);
  } catch (const std::exception& error) {
    std::cerr << "static_bench: " << error.what() << '\n';
    return 1;
  }
}
