#include "equal/bandit/shared_documents.hpp"

#include <algorithm>
#include <unordered_map>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"

namespace equal::bandit {
namespace {

enum class Question : std::uint8_t { remaining, draw, draw_any, best, lookup };

// Candidates of all holders together that may come with embeddings at once: about a megabyte.
constexpr std::size_t kFewCandidates = 1024;

void put(ByteWriter& w, const Candidate& c) {
  w.put(c.number).put(c.arm).put(c.score).put(c.similarity).put(c.tokens).put(c.hash);
  w.put_span(std::span<const float>(c.embedding));
}

void put(ByteWriter& w, const std::vector<Candidate>& candidates) {
  w.put(static_cast<std::uint64_t>(candidates.size()));
  for (const Candidate& c : candidates) put(w, c);
}

std::string pack(const std::vector<Candidate>& candidates) {
  ByteWriter w;
  put(w, candidates);
  return w.take();
}

/// With the offsets of the arms in question alone: a thousand holders need not hear of all arms.
void put(ByteWriter& w, const Ranking& ranking, std::span<const std::uint32_t> arms) {
  const LinearScore& s = ranking.score;
  w.put(static_cast<std::uint64_t>(ranking.count)).put(s.similarity).put(s.cost_fixed).put(s.cost_per_token);
  std::vector<double> offsets;
  if (!s.offsets.empty()) {
    for (const std::uint32_t arm : arms) offsets.push_back(s.offsets[arm]);
  }
  w.put_span(std::span<const float>(s.embedding)).put_span(std::span<const double>(offsets));
}

Ranking get_ranking(ByteReader& r, std::span<const std::uint32_t> arms, std::size_t all_arms) {
  Ranking out;
  out.count = r.get<std::uint64_t>();
  out.score.similarity = r.get<double>();
  out.score.cost_fixed = r.get<double>();
  out.score.cost_per_token = r.get<double>();
  out.score.embedding = r.get_vector<float>();
  const auto offsets = r.get_vector<double>();
  if (offsets.empty()) return out;
  if (offsets.size() != arms.size()) throw InternalError("a question does not have an offset for each arm");
  out.score.offsets.resize(all_arms);
  for (std::size_t i = 0; i < arms.size(); ++i) out.score.offsets[arms[i]] = offsets[i];
  return out;
}

Candidate get_candidate(ByteReader& r) {
  Candidate c;
  c.number = r.get<std::uint64_t>();
  c.arm = r.get<std::uint32_t>();
  c.score = r.get<double>();
  c.similarity = r.get<float>();
  c.tokens = r.get<float>();
  c.hash = r.get<std::uint64_t>();
  c.embedding = r.get_vector<float>();
  return c;
}

std::vector<Candidate> get_candidates(ByteReader& r) {
  const auto n = r.get<std::uint64_t>();
  std::vector<Candidate> out;
  for (std::uint64_t i = 0; i < n; ++i) out.push_back(get_candidate(r));
  return out;
}

/// The first `count` in the order of `before`, sorted.
template <class Before>
void keep_first(std::vector<Candidate>& all, std::size_t count, Before before) {
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size()));
  std::nth_element(all.begin(), end, all.end(), before);
  all.erase(end, all.end());
  std::sort(all.begin(), all.end(), before);
}

}  // namespace

std::string answer(DocumentPool& pool, std::string_view question) {
  ByteReader r(question);
  pool.mark(r.get_vector<std::uint64_t>());
  switch (r.get<Question>()) {
    case Question::remaining: {
      ByteWriter w;
      for (std::uint32_t arm = 0; arm < pool.arms(); ++arm) w.put(pool.remaining(arm));
      return w.take();
    }
    case Question::draw: {
      const auto detail = r.get<Detail>();
      const auto order = r.get<Order>();
      std::vector<Draw> draws(r.get<std::uint64_t>());
      for (Draw& d : draws) {
        d.arm = r.get<std::uint32_t>();
        d.count = r.get<std::uint64_t>();
        if (d.arm >= pool.arms()) throw InternalError("a question names an arm that does not exist");
      }
      return pack(pool.draw(draws, order, detail));
    }
    case Question::draw_any: {
      const auto detail = r.get<Detail>();
      const auto order = r.get<Order>();
      return pack(pool.draw_any(r.get<std::uint64_t>(), order, detail));
    }
    case Question::best: {
      const auto detail = r.get<Detail>();
      const auto arms = r.get_vector<std::uint32_t>();
      for (const std::uint32_t arm : arms) {
        if (arm >= pool.arms()) throw InternalError("a question names an arm that does not exist");
      }
      std::vector<Ranking> rankings;
      for (auto n = r.get<std::uint64_t>(); n > 0; --n) rankings.push_back(get_ranking(r, arms, pool.arms()));
      ByteWriter w;
      for (const auto& best : pool.best(rankings, arms, detail)) put(w, best);
      return w.take();
    }
    case Question::lookup:
      return pack(pool.lookup(r.get_vector<std::uint64_t>()));
  }
  throw InternalError("a question to a document pool is of no known kind");
}

SharedDocuments::SharedDocuments(Exchange exchange, std::size_t arms)
    : exchange_(std::move(exchange)), remaining_(arms, 0) {
  const auto answers = send(ByteWriter().put(Question::remaining).take());
  holders_ = answers.size();
  for (const std::string& bytes : answers) {
    ByteReader r(bytes);
    for (std::uint64_t& n : remaining_) n += r.get<std::uint64_t>();
  }
}

std::vector<std::string> SharedDocuments::send(const std::string& question) {
  auto answers = exchange_(ByteWriter().put_span(std::span<const std::uint64_t>(marked_)).take() + question);
  marked_.clear();
  return answers;
}

/// All holders' candidates, one holder after another.
std::vector<Candidate> SharedDocuments::ask(const std::string& question) {
  std::vector<Candidate> out;
  for (const std::string& bytes : send(question)) {
    ByteReader r(bytes);
    for (Candidate& c : get_candidates(r)) out.push_back(std::move(c));
  }
  return out;
}

Detail SharedDocuments::detail_for(std::size_t wanted) const {
  return holders_ == 1 || wanted <= kFewCandidates / holders_ ? Detail::whole : Detail::facts;
}

void SharedDocuments::fetch_embeddings(std::span<std::vector<Candidate>> chosen) {
  std::vector<std::uint64_t> numbers;
  for (const auto& list : chosen) {
    for (const Candidate& c : list) numbers.push_back(c.number);
  }
  if (numbers.empty()) return;
  const auto whole = lookup(numbers);
  if (whole.size() != numbers.size()) throw InternalError("documents that were offered are not there any more");
  auto from = whole.begin();
  for (auto& list : chosen) {
    for (Candidate& c : list) c.embedding = (from++)->embedding;
  }
}

std::vector<Candidate> SharedDocuments::draw(std::span<const Draw> draws, Order order) {
  std::size_t wanted = 0;
  for (const Draw& d : draws) wanted += std::min<std::uint64_t>(d.count, remaining_[d.arm]);
  const Detail detail = detail_for(wanted);
  ByteWriter w;
  w.put(Question::draw).put(detail).put(order).put(static_cast<std::uint64_t>(draws.size()));
  for (const Draw& d : draws) w.put(d.arm).put(static_cast<std::uint64_t>(d.count));
  std::unordered_map<std::uint32_t, std::vector<Candidate>> of_arm;
  for (Candidate& c : ask(w.take())) of_arm[c.arm].push_back(std::move(c));
  std::vector<Candidate> out;
  for (const Draw& d : draws) {
    auto& offered = of_arm[d.arm];
    keep_first(offered, d.count, [&](const auto& a, const auto& b) { return drawn_before(a, b, order); });
    std::copy(offered.begin(), offered.end(), std::back_inserter(out));
  }
  if (detail == Detail::facts) fetch_embeddings({&out, 1});
  return out;
}

std::vector<Candidate> SharedDocuments::draw_any(std::size_t count, Order order) {
  const Detail detail = detail_for(count);
  ByteWriter w;
  w.put(Question::draw_any).put(detail).put(order).put(static_cast<std::uint64_t>(count));
  auto all = ask(w.take());
  keep_first(all, count, [&](const auto& a, const auto& b) { return drawn_before(a, b, order); });
  if (detail == Detail::facts) fetch_embeddings({&all, 1});
  return all;
}

std::vector<std::vector<Candidate>> SharedDocuments::best(std::span<const Ranking> rankings,
                                                          std::span<const std::uint32_t> arms) {
  std::size_t wanted = 0;
  for (const Ranking& ranking : rankings) wanted += ranking.count;
  const Detail detail = detail_for(wanted);
  ByteWriter w;
  w.put(Question::best).put(detail).put_span(arms).put(static_cast<std::uint64_t>(rankings.size()));
  for (const Ranking& ranking : rankings) put(w, ranking, arms);
  std::vector<std::vector<Candidate>> out(rankings.size());
  for (const std::string& bytes : send(w.take())) {
    ByteReader r(bytes);
    for (auto& all : out) {
      for (Candidate& c : get_candidates(r)) all.push_back(std::move(c));
    }
  }
  for (std::size_t q = 0; q < out.size(); ++q) keep_first(out[q], rankings[q].count, ranks_before);
  if (detail == Detail::facts) fetch_embeddings(out);
  return out;
}

std::vector<Candidate> SharedDocuments::lookup(std::span<const std::uint64_t> numbers) {
  std::unordered_map<std::uint64_t, Candidate> found;
  for (Candidate& c : ask(ByteWriter().put(Question::lookup).put_span(numbers).take())) {
    const std::uint64_t number = c.number;
    found.emplace(number, std::move(c));
  }
  std::vector<Candidate> out;
  for (const std::uint64_t number : numbers) {
    if (const auto at = found.find(number); at != found.end()) out.push_back(at->second);
  }
  return out;
}

void SharedDocuments::mark(std::span<const Candidate> documents) {
  for (const Candidate& c : documents) {
    marked_.push_back(c.number);
    --remaining_[c.arm];
  }
}

}  // namespace equal::bandit
