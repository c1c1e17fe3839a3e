#include "corpus.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "equal/bandit/similarity.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/float16.hpp"

namespace equal::sim {
namespace {

// Lengths of the noise around a unit centre: of an arm in its topic, a document in its arm, a pair at its document, a
// guide item in its topic.
constexpr double kArm = 1.0, kDocument = 0.7, kPair = 0.4, kItem = 0.8;
constexpr std::size_t kWanted = 4;  // topics that the guide is about
enum Key : std::uint64_t { kTopicKey = 1, kArmKey, kDocumentKey, kPairKey, kItemKey, kPlaceKey, kSizeKey, kCountKey };

}  // namespace

Corpus::Corpus(const CorpusParams& params)
    : params_(params),
      topics_(params.topics, params.dim),
      centroids_(params.arms, params.dim),
      guide_(params.guide, params.dim) {
  const std::vector<float> nowhere(params.dim, 0.0F);
  const auto key = [&](Key kind, std::uint64_t i) { return mix64(params.seed + (kind << 56) + i); };
  for (std::size_t t = 0; t < params.topics; ++t) around(nowhere, 1.0, key(kTopicKey, t), topics_.row(t));
  for (std::size_t a = 0; a < params.arms; ++a)
    around(topics_.row(a % params.topics), kArm, key(kArmKey, a), centroids_.row(a));
  for (std::size_t i = 0; i < params.guide; ++i)
    around(topics_.row(i % std::min(kWanted, params.topics)), kItem, key(kItemKey, i), guide_.row(i));
}

void Corpus::around(std::span<const float> center, double noise, std::uint64_t key, std::span<float> out) const {
  // Eight components from each hash: uniform bytes, whose variance is (256^2 - 1) / 12.
  const auto scale =
      static_cast<float>(noise / std::sqrt(65535.0 / 12.0 * static_cast<double>(std::max<std::size_t>(1, out.size()))));
  for (std::size_t i = 0; i < out.size(); i += 8) {
    std::uint64_t bits = mix64(key + i);
    for (std::size_t j = i; j < std::min(i + 8, out.size()); ++j, bits >>= 8)
      out[j] = center[j] + scale * (static_cast<float>(bits & 255U) - 127.5F);
  }
  const double norm = std::sqrt(std::inner_product(out.begin(), out.end(), out.begin(), 0.0));
  for (float& x : out) x = static_cast<float>(double{x} / norm);
  std::vector<linalg::float16> halves(out.size());
  linalg::to_float16(out, halves);
  linalg::to_float32(halves, out);
}

std::uint32_t Corpus::arm(std::uint64_t document) const {
  return static_cast<std::uint32_t>(mix64(params_.seed + (kPlaceKey << 56U) + document) % params_.arms);
}

float Corpus::tokens(std::uint64_t document) const {
  const double u =
      static_cast<double>(mix64(params_.seed + (std::uint64_t{kSizeKey} << 56U) + document) >> 11U) * 0x1p-53;
  return static_cast<float>(30.0 + 570.0 * u * u * u);
}

void Corpus::embedding(std::uint64_t document, std::span<float> out) const {
  around(centroids_.row(arm(document)), kDocument, mix64(params_.seed + (kDocumentKey << 56U) + document), out);
}

linalg::Matrix<float> Corpus::pairs(std::uint64_t document) const {
  const std::uint64_t key = mix64(params_.seed + (std::uint64_t{kCountKey} << 56U) + document);
  std::vector<float> center(params_.dim);
  embedding(document, center);
  linalg::Matrix<float> out(key % 7, params_.dim);
  for (std::size_t i = 0; i < out.rows(); ++i) around(center, kPair, mix64(key + i + kPairKey), out.row(i));
  return out;
}

bandit::PoolRows Corpus::rows(std::uint64_t first, std::uint64_t last) const {
  bandit::PoolRows rows;
  rows.dimension = params_.dim;
  rows.number.resize(last - first);
  std::iota(rows.number.begin(), rows.number.end(), first);
  std::stable_sort(rows.number.begin(), rows.number.end(),
                   [&](std::uint64_t a, std::uint64_t b) { return arm(a) < arm(b); });
  linalg::Matrix<float> x(rows.number.size(), params_.dim);
  for (std::size_t i = 0; i < rows.number.size(); ++i) {
    const std::uint64_t d = rows.number[i];
    rows.hash.push_back(mix64(d ^ params_.seed));
    rows.arm.push_back(arm(d));
    rows.tokens.push_back(tokens(d));
    embedding(d, x.row(i));
  }
  rows.similarity.resize(rows.number.size());
  bandit::GuideSimilarity(guide_.view()).compute(std::as_const(x).view(), rows.similarity);
  rows.read = [this, numbers = rows.number](std::size_t at, linalg::MatrixView<float> out) {
    for (std::size_t i = 0; i < out.rows; ++i) embedding(numbers[at + i], out.row(i));
  };
  return rows;
}

bandit::Facts Corpus::facts(std::uint64_t budget) const {
  bandit::Facts facts;
  facts.arms.resize(params_.arms);
  facts.centroids = centroids_;
  facts.budget_documents = budget;
  std::vector<float> similarity(params_.arms);
  const bandit::GuideSimilarity to_guide(guide_.view());
  to_guide.compute(std::as_const(centroids_).view(), similarity);
  for (std::uint64_t d = 0; d < params_.documents; ++d) ++facts.arms[arm(d)].documents;
  for (std::uint32_t a = 0; a < params_.arms; ++a) {
    facts.arms[a].radius = kDocument;
    facts.arms[a].variance = kDocument * kDocument / (1 + kDocument * kDocument);
    facts.arms[a].similarity = similarity[a];
    facts.arms[a].neighbours = {a};
  }
  // Over a sample: the real job sums over all documents.
  const std::size_t n = std::min<std::uint64_t>(params_.documents, 4096);
  linalg::Matrix<float> x(n, params_.dim);
  for (std::size_t i = 0; i < n; ++i) {
    embedding(i, x.row(i));
    facts.tokens_mean += double{tokens(i)} / static_cast<double>(n);
  }
  similarity.resize(n);
  to_guide.compute(std::as_const(x).view(), similarity);
  double square = 0;
  for (const float s : similarity) {
    facts.similarity_mean += double{s} / static_cast<double>(n);
    square += double{s} * double{s} / static_cast<double>(n);
  }
  facts.similarity_sd = std::sqrt(std::max(1e-12, square - facts.similarity_mean * facts.similarity_mean));
  return facts;
}

}  // namespace equal::sim
