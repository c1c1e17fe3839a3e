#include "load.hpp"

#include <algorithm>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/random.hpp"

#include "judge.hpp"
#include "npy.hpp"

namespace equal::bench {
namespace {

// Which domains hold what a target needs (the corpus' own description).
std::vector<std::string> domains_of(const std::string& target) {
  if (target == "gsm8k") return {"math-word-problems", "math-textbook"};
  if (target == "medquad") return {"medicine"};
  return {"programming-qa", "programming-docs"};
}

// MiniLM is the judge as well: one set of pair vectors serves both.
std::string vectors_of(const std::string& encoder) { return encoder == "minilm" ? "judge" : encoder; }

}  // namespace

ReplayCorpus load_corpus(const std::filesystem::path& cache, const std::string& encoder, std::size_t clusters) {
  ReplayCorpus c;
  c.documents = read_matrix(cache / (encoder + "-documents.npy"));
  c.pairs = read_matrix(cache / (vectors_of(encoder) + "-pairs.npy"));
  const std::size_t n = c.documents.rows();
  for (const auto a : read_integers(cache / (encoder + "-arms-" + std::to_string(clusters) + ".npy"))) {
    c.arm.push_back(static_cast<std::uint32_t>(a));
    c.arms = std::max<std::size_t>(c.arms, c.arm.back() + 1U);
  }
  for (const auto w : read_integers(cache / "words.npy")) c.tokens.push_back(1.4F * static_cast<float>(w));
  for (const auto d : read_integers(cache / "domain.npy")) c.domain.push_back(static_cast<std::uint32_t>(d));
  const auto owner = read_integers(cache / "owner.npy");
  c.first_pair.assign(n + 1, 0);
  for (const auto o : owner) ++c.first_pair[static_cast<std::size_t>(o) + 1];
  for (std::size_t i = 0; i < n; ++i) c.first_pair[i + 1] += c.first_pair[i];
  c.pair_id.resize(owner.size());
  std::iota(c.pair_id.begin(), c.pair_id.end(), std::size_t{0});
  if (c.arm.size() != n || c.tokens.size() != n || c.domain.size() != n || c.pairs.rows() != owner.size()) {
    throw DataError(cache.string() +
                    ": arrays of different lengths; delete the folder and run bench/run selection again");
  }
  return c;
}

ReplayTarget load_target(const std::filesystem::path& cache, const std::string& encoder, const std::string& target) {
  ReplayTarget t;
  t.name = target;
  const std::string reference = target == "gsm8k"       ? "ref-gsm8k-train"
                                : target == "humaneval" ? "ref-mbpp"
                                                        : "ref-" + target;
  t.reference = read_matrix(cache / (vectors_of(encoder) + "-" + reference + ".npy"));
  t.judge_tests = read_matrix(cache / ("judge-test-" + target + ".npy"));
  const auto nearest = [&cache](const std::string& test) {
    const auto column = read_matrix(cache / ("nearest-test-" + test + ".npy"));
    return std::vector<float>(column.values().begin(), column.values().end());
  };
  t.nearest_test = nearest(target);
  if (target == "mbpp") t.nearest_beside = nearest("humaneval");
  const Json meta = parse_json(read_file(cache / "meta.json"), (cache / "meta.json").string());
  const auto names = meta.at("domains").get<std::vector<std::string>>();
  for (const auto& name : domains_of(target)) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at != names.end()) t.domains.push_back(static_cast<std::uint32_t>(at - names.begin()));
  }
  return t;
}

linalg::Matrix<float> judge_vectors(const std::filesystem::path& cache) {
  return read_matrix(cache / "judge-pairs.npy");
}

LanguageJudge load_language(const std::filesystem::path& cache, const std::string& target) {
  const auto load = [&](const std::string& name) {
    WordTexts out;
    out.words = read_integers(cache / ("ngram-" + name + ".npy"));
    for (const auto x : read_integers(cache / ("ngram-" + name + "-first.npy")))
      out.first.push_back(static_cast<std::size_t>(x));
    return out;
  };
  const auto vocabulary = read_integers(cache / "ngram-vocabulary.npy");
  return {static_cast<std::size_t>(vocabulary.at(0)), load("pairs"), load("test-" + target)};
}

ReplayCorpus make_scarce(const ReplayCorpus& corpus, ReplayTarget& target, linalg::Matrix<float>& judge_pairs,
                         std::size_t keep, std::uint64_t draw) {
  const auto useful = useful_pairs(corpus, target);
  const auto matches = [&](std::size_t i) {
    return std::count(target.domains.begin(), target.domains.end(), corpus.domain[i]) > 0;
  };
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < useful.size(); ++i) {
    if (useful[i] > 0 && matches(i)) chosen.push_back(i);
  }
  std::sort(chosen.begin(), chosen.end(),
            [draw](std::size_t a, std::size_t b) { return mix64(a + draw) < mix64(b + draw); });
  chosen.resize(std::min(chosen.size(), keep));
  for (std::size_t i = 0; i < useful.size(); ++i) {
    if (useful[i] == 0 && !matches(i)) chosen.push_back(i);
  }
  std::sort(chosen.begin(), chosen.end());
  ReplayCorpus out;
  out.arms = corpus.arms;
  out.documents = linalg::Matrix<float>(chosen.size(), corpus.documents.columns());
  std::vector<std::size_t> pairs;
  out.first_pair = {0};
  for (std::size_t r = 0; r < chosen.size(); ++r) {
    const std::size_t i = chosen[r];
    std::copy(corpus.documents.row(i).begin(), corpus.documents.row(i).end(), out.documents.row(r).begin());
    out.tokens.push_back(corpus.tokens[i]);
    out.arm.push_back(corpus.arm[i]);
    out.domain.push_back(corpus.domain[i]);
    for (std::size_t p = corpus.first_pair[i]; p < corpus.first_pair[i + 1]; ++p) pairs.push_back(p);
    out.first_pair.push_back(pairs.size());
  }
  for (const std::size_t p : pairs) out.pair_id.push_back(corpus.pair_id[p]);
  out.pairs = linalg::Matrix<float>(pairs.size(), corpus.pairs.columns());
  linalg::Matrix<float> judges(pairs.size(), judge_pairs.columns());
  std::vector<float> nearest, beside;
  for (std::size_t r = 0; r < pairs.size(); ++r) {
    std::copy(corpus.pairs.row(pairs[r]).begin(), corpus.pairs.row(pairs[r]).end(), out.pairs.row(r).begin());
    std::copy(judge_pairs.row(pairs[r]).begin(), judge_pairs.row(pairs[r]).end(), judges.row(r).begin());
    nearest.push_back(target.nearest_test[pairs[r]]);
    if (!target.nearest_beside.empty()) beside.push_back(target.nearest_beside[pairs[r]]);
  }
  target.nearest_test = std::move(nearest);
  target.nearest_beside = std::move(beside);
  judge_pairs = std::move(judges);
  return out;
}

}  // namespace equal::bench
