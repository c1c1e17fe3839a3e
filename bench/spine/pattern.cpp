// Documents a second of the pattern extractor, one thread, and what its rules find.
//   bench_pattern CORPUS.jsonl [PAIRS.jsonl]
#include "equal/extract/pattern.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

namespace {

int run(const std::string& corpus, const std::string& pairs_path) {
  std::ifstream in(corpus);
  if (!in) throw equal::DataError(equal::format("{}: cannot be read", corpus));
  std::vector<std::pair<std::string, std::string>> documents;
  std::size_t bytes = 0, line_number = 0;
  for (std::string line; std::getline(in, line);) {
    equal::Json json = equal::parse_json(line, equal::format("{}:{}", corpus, ++line_number));
    documents.emplace_back(json.at("id").get<std::string>(), json.at("text").get<std::string>());
    bytes += documents.back().second.size();
  }

  const auto extractor = equal::extract::make_pattern();
  std::vector<equal::extract::Extraction> results;
  results.reserve(documents.size());
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < documents.size(); ++i) {
    extractor->submit({i, documents[i].first, documents[i].second, {}});
    for (auto& result : extractor->poll(0.0)) results.push_back(std::move(result));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  std::size_t pairs = 0, rejected = 0, with_pairs = 0;
  std::ofstream out;
  if (!pairs_path.empty()) out.open(pairs_path);
  for (const auto& result : results) {
    pairs += result.pairs.size();
    rejected += result.rejected.size();
    with_pairs += result.pairs.empty() ? 0 : 1;
    for (const auto& pair : result.pairs) {
      if (out)
        out << equal::dump_json(
                   {{"id", documents[result.document].first}, {"question", pair.question}, {"answer", pair.answer}})
            << '\n';
    }
  }
  const double n = static_cast<double>(documents.size());
  std::printf("%-28s %12zu\n%-28s %12zu\n%-28s %12zu\n%-28s %12zu\n%-28s %12.0f\n%-28s %12.1f\n", "documents",
              documents.size(), "with pairs", with_pairs, "pairs kept", pairs, "pairs dropped", rejected,
              "documents/s, one thread", n / seconds, "MiB/s, one thread",
              static_cast<double>(bytes) / seconds / (1 << 20));
  std::printf(
      "%s\n",
      equal::dump_json({{"documents", documents.size()}, {"pairs", pairs}, {"documents_per_s", n / seconds}}).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: bench_pattern CORPUS.jsonl [PAIRS.jsonl]\n");
    return 1;
  }
  try {
    return run(argv[1], argc == 3 ? argv[2] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_pattern: %s\n", error.what());
    return 1;
  }
}
