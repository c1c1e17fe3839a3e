#include "equal/clean/near_duplicates.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/text/tokens.hpp"

#include "min_hash.hpp"

namespace equal::clean {
namespace {

constexpr double kRecallAtThreshold = 0.999;
constexpr std::size_t kMaxRows = 16;
constexpr std::size_t kBandsAtOnce = 8;  // bounds the memory of the entries

struct Entry {
  std::uint64_t key, item;
  auto operator<=>(const Entry&) const = default;
};

constexpr std::uint64_t kBorder = 0x5be0cd19137e2179ULL;  // stands before the first and behind the last token

/// The shingles of one text behind those that are there. Both ends are padded, so that every token is in as many
/// shingles: otherwise the last word, which often is the one that matters, would weigh least.
void append_shingles(std::span<const std::uint64_t> tokens, std::size_t words, std::vector<std::uint32_t>& out) {
  if (tokens.empty()) return;
  std::vector<std::uint64_t> padded(tokens.size() + 2 * (words - 1), kBorder);
  std::copy(tokens.begin(), tokens.end(), padded.begin() + static_cast<std::ptrdiff_t>(words - 1));
  for (std::size_t i = 0; i + words <= padded.size(); ++i) {
    std::uint64_t hash = words;
    for (std::size_t j = 0; j < words; ++j) hash = mix64(hash ^ padded[i + j]);
    out.push_back(static_cast<std::uint32_t>(hash >> 32));
  }
}

double jaccard(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  if (a.empty() && b.empty()) return 1.0;
  std::size_t both = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) {
      ++both, ++i, ++j;
    } else {
      a[i] < b[j] ? ++i : ++j;
    }
  }
  return static_cast<double>(both) / static_cast<double>(a.size() + b.size() - both);
}

/// The rank whose range [begins[r], begins[r + 1]) holds an item.
std::size_t owner(std::span<const std::uint64_t> begins, std::uint64_t item) {
  return static_cast<std::size_t>(std::upper_bound(begins.begin(), begins.end(), item) - begins.begin()) - 1;
}

}  // namespace

std::size_t NearDuplicateParams::rows() const {
  std::size_t rows = 1;
  while (rows < kMaxRows &&
         1.0 - std::pow(1.0 - std::pow(threshold, static_cast<double>(rows + 1)), static_cast<double>(bands)) >=
             kRecallAtThreshold)
    ++rows;
  return rows;
}

PairSketch sketch(const NearDuplicateParams& params, std::string_view question, std::string_view answer) {
  PairSketch out;
  for (const std::string_view text : {question, answer}) {
    std::vector<std::uint64_t> tokens;
    out.numbers += text::append_tokens(text, text::Signs::keep, tokens);
    append_shingles(tokens, params.shingle_words, out.shingles);
  }
  std::sort(out.shingles.begin(), out.shingles.end());
  out.shingles.erase(std::unique(out.shingles.begin(), out.shingles.end()), out.shingles.end());
  return out;
}

double similarity(const NearDuplicateParams& params, const PairSketch& a, const PairSketch& b) {
  if (params.numbers_must_agree && a.numbers != b.numbers) return 0.0;
  return jaccard(a.shingles, b.shingles);
}

NearDuplicates::NearDuplicates(const NearDuplicateParams& params) : params_(params) {
  if (!(params.threshold > 0 && params.threshold <= 1) || params.bands == 0 || params.shingle_words == 0)
    throw UsageError(
        format("near-duplicates: threshold {} with {} bands of {}-word shingles; the threshold must lie "
               "above 0 and up to 1, the others be at least 1",
               params.threshold, params.bands, params.shingle_words));
}

void NearDuplicates::add(std::string_view question, std::string_view answer) {
  const PairSketch s = sketch(params_, question, answer);
  shingles_.insert(shingles_.end(), s.shingles.begin(), s.shingles.end());
  ends_.push_back(shingles_.size());
  numbers_.push_back(params_.numbers_must_agree ? s.numbers : 0);
}

std::span<const std::uint32_t> NearDuplicates::shingles(std::uint64_t local) const {
  const std::uint64_t begin = local == 0 ? 0 : ends_[local - 1];
  return std::span(shingles_).subspan(begin, ends_[local] - begin);
}

std::vector<NearDuplicates::Candidate> NearDuplicates::candidates(comm::Communicator& comm, ThreadPool& pool,
                                                                  std::uint64_t first) const {
  const std::size_t rows = params_.rows(), n = numbers_.size(), ranks = static_cast<std::size_t>(comm.size());
  constexpr std::size_t kBlock = 1024;
  std::vector<Candidate> out;
  for (std::size_t band = 0; band < params_.bands; band += kBandsAtOnce) {
    const std::size_t bands = std::min(kBandsAtOnce, params_.bands - band);
    const std::size_t functions = (bands * rows + kHashBlock - 1) / kHashBlock * kHashBlock;
    std::vector<std::uint32_t> multiplier(functions), offset(functions);
    RandomStream random(params_.seed + band, "min-hash");
    for (std::size_t k = 0; k < functions; ++k) {
      multiplier[k] = static_cast<std::uint32_t>(random() >> 32) | 1U;
      offset[k] = static_cast<std::uint32_t>(random() >> 32);
    }
    std::vector<Entry> entries(n * bands);
    pool.run((n + kBlock - 1) / kBlock, [&](std::size_t block, std::size_t) {
      std::vector<std::uint32_t> least(functions);
      for (std::size_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i) {
        min_hash(shingles(i), multiplier, offset, least);
        for (std::size_t b = 0; b < bands; ++b) {
          std::uint64_t key = mix64(numbers_[i] + band + b);
          for (std::size_t r = 0; r < rows; ++r) key = mix64(key ^ least[b * rows + r]);
          entries[b * n + i] = {key, first + i};
        }
      }
    });
    if (ranks > 1) {  // all entries of a key meet on one rank
      std::vector<std::string> to_each(ranks);
      for (const Entry& e : entries) to_each[e.key % ranks].append(reinterpret_cast<const char*>(&e), sizeof e);
      entries.clear();
      for (const std::string& bytes : comm.all_to_all(std::move(to_each))) {
        const std::size_t old = entries.size();
        entries.resize(old + bytes.size() / sizeof(Entry));
        std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<char*>(entries.data() + old));
      }
    }
    // Sorted in parts by the leading bits of the key, so that threads share the work and buckets stay whole.
    constexpr std::size_t kParts = 64;
    std::vector<std::vector<Entry>> parts(kParts);
    for (auto& part : parts) part.reserve(entries.size() / kParts + entries.size() / (4 * kParts) + 16);
    for (const Entry& e : entries) parts[e.key >> 58].push_back(e);
    entries = {};
    std::vector<std::vector<Candidate>> found(kParts);
    pool.run(kParts, [&](std::size_t p, std::size_t) {
      std::sort(parts[p].begin(), parts[p].end());
      for (std::size_t begin = 0, end = 0; begin < parts[p].size(); begin = end) {
        while (end < parts[p].size() && parts[p][end].key == parts[p][begin].key) ++end;
        for (std::size_t j = begin + 1; j < end; ++j) {
          const std::size_t from = j - std::min(j - begin, params_.bucket_links);
          if (from > begin) found[p].push_back({parts[p][begin].item, parts[p][j].item});
          for (std::size_t i = from; i < j; ++i) found[p].push_back({parts[p][i].item, parts[p][j].item});
        }
      }
    });
    for (const auto& f : found) out.insert(out.end(), f.begin(), f.end());
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }
  return out;
}

std::vector<NearDuplicates::Match> NearDuplicates::verify(comm::Communicator& comm, std::vector<Candidate> candidates,
                                                          std::span<const std::uint64_t> begins) const {
  const auto ranks = static_cast<std::size_t>(comm.size()), self = static_cast<std::size_t>(comm.rank());
  std::vector<Match> out;
  const auto decide = [&](const Candidate& c, std::span<const std::uint32_t> other) {
    const double s = jaccard(other, shingles(c.second - begins[self]));
    if (s >= params_.threshold) out.push_back({c.second, c.first, s});
  };
  if (ranks == 1) {
    for (const Candidate& c : candidates) decide(c, shingles(c.first));
    return out;
  }
  // A candidate is decided where its second item is; the shingles of the first are asked for, once each.
  std::vector<std::string> to_each(ranks);
  for (const Candidate& c : candidates)
    to_each[owner(begins, c.second)].append(reinterpret_cast<const char*>(&c), sizeof c);
  candidates.clear();
  for (const std::string& bytes : comm.all_to_all(std::move(to_each))) {
    const std::size_t old = candidates.size();
    candidates.resize(old + bytes.size() / sizeof(Candidate));
    std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<char*>(candidates.data() + old));
  }
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  std::vector<std::vector<std::uint64_t>> wanted(ranks);
  for (const Candidate& c : candidates) {
    auto& list = wanted[owner(begins, c.first)];
    if (list.empty() || list.back() != c.first) list.push_back(c.first);  // ascending: candidates are sorted
  }
  std::vector<std::string> questions;
  questions.reserve(ranks);
  for (const auto& list : wanted) questions.push_back(ByteWriter().put_span(std::span(list)).take());
  std::vector<std::string> answers(ranks);
  const auto asked = comm.all_to_all(std::move(questions));
  for (std::size_t r = 0; r < ranks; ++r) {
    ByteWriter w;
    for (const std::uint64_t item : ByteReader(asked[r]).get_vector<std::uint64_t>())
      w.put_span(shingles(item - begins[self]));
    answers[r] = w.take();
  }
  const auto told = comm.all_to_all(std::move(answers));
  std::size_t next = 0;
  for (std::size_t r = 0; r < ranks; ++r) {  // first items ascend, and so do the ranks that own them
    ByteReader reader(told[r]);
    for (const std::uint64_t item : wanted[r]) {
      const auto other = reader.get_vector<std::uint32_t>();
      for (; next < candidates.size() && candidates[next].first == item; ++next) decide(candidates[next], other);
    }
  }
  return out;
}

std::vector<NearDuplicate> NearDuplicates::find(comm::Communicator& comm, ThreadPool& pool) const {
  std::vector<std::uint64_t> begins{0};
  const std::uint64_t mine = size();
  for (const std::string& bytes : comm.all_gather({reinterpret_cast<const char*>(&mine), sizeof mine}))
    begins.push_back(begins.back() + ByteReader(bytes).get<std::uint64_t>());
  const auto ranks = static_cast<std::size_t>(comm.size());
  auto found = candidates(comm, pool, begins[static_cast<std::size_t>(comm.rank())]);
  const auto matches = verify(comm, std::move(found), std::span(begins).first(ranks));

  std::vector<NearDuplicate> out;
  const auto gathered = comm.gather({reinterpret_cast<const char*>(matches.data()), matches.size() * sizeof(Match)}, 0);
  if (comm.is_root()) {
    std::vector<Match> all;
    for (const std::string& bytes : gathered) {
      const std::size_t old = all.size();
      all.resize(old + bytes.size() / sizeof(Match));
      std::copy_n(bytes.data(), bytes.size(), reinterpret_cast<char*>(all.data() + old));
    }
    std::sort(all.begin(), all.end(), [](const Match& a, const Match& b) {
      if (a.item != b.item) return a.item < b.item;
      return a.similarity != b.similarity ? a.similarity > b.similarity : a.of < b.of;
    });
    std::vector<bool> dropped(begins.back());
    for (const Match& m : all) {
      if (dropped[m.item] || dropped[m.of]) continue;
      dropped[m.item] = true;
      out.push_back({m.item, m.of, m.similarity});
    }
  }
  comm::broadcast_vector(comm, out);
  return out;
}

}  // namespace equal::clean
