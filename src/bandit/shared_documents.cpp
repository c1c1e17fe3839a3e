#include "equal/bandit/shared_documents.hpp"

#include <algorithm>
#include <unordered_map>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"

namespace equal::bandit {
namespace {

enum class Question : std::uint8_t { remaining, draw, draw_any, best, lookup };

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

void put(ByteWriter& w, const Ranking& ranking) {
  const LinearScore& s = ranking.score;
  w.put(static_cast<std::uint64_t>(ranking.count)).put(s.similarity).put(s.cost_fixed).put(s.cost_per_token);
  w.put_span(std::span<const float>(s.embedding)).put_span(std::span<const double>(s.offsets));
}

Ranking get_ranking(ByteReader& r) {
  Ranking out;
  out.count = r.get<std::uint64_t>();
  out.score.similarity = r.get<double>();
  out.score.cost_fixed = r.get<double>();
  out.score.cost_per_token = r.get<double>();
  out.score.embedding = r.get_vector<float>();
  out.score.offsets = r.get_vector<double>();
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

std::vector<Candidate> flatten(std::vector<std::vector<Candidate>> parts) {
  std::vector<Candidate> out;
  for (auto& part : parts) std::move(part.begin(), part.end(), std::back_inserter(out));
  return out;
}

void keep_first(std::vector<Candidate>& all, std::size_t count) {
  if (all.size() > count) all.erase(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
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
      const auto order = r.get<Order>();
      std::vector<Draw> draws(r.get<std::uint64_t>());
      for (Draw& d : draws) {
        d.arm = r.get<std::uint32_t>();
        d.count = r.get<std::uint64_t>();
        if (d.arm >= pool.arms()) throw InternalError("a question names an arm that does not exist");
      }
      return pack(pool.draw(draws, order));
    }
    case Question::draw_any: {
      const auto order = r.get<Order>();
      return pack(pool.draw_any(r.get<std::uint64_t>(), order));
    }
    case Question::best: {
      std::vector<Ranking> rankings;
      for (auto n = r.get<std::uint64_t>(); n > 0; --n) rankings.push_back(get_ranking(r));
      ByteWriter w;
      for (const auto& best : pool.best(rankings, r.get_vector<std::uint32_t>())) put(w, best);
      return w.take();
    }
    case Question::lookup:
      return pack(pool.lookup(r.get_vector<std::uint64_t>()));
  }
  throw InternalError("a question to a document pool is of no known kind");
}

SharedDocuments::SharedDocuments(Exchange exchange, std::size_t arms)
    : exchange_(std::move(exchange)), remaining_(arms, 0) {
  for (const std::string& bytes : send(ByteWriter().put(Question::remaining).take())) {
    ByteReader r(bytes);
    for (std::uint64_t& n : remaining_) n += r.get<std::uint64_t>();
  }
}

std::vector<std::string> SharedDocuments::send(const std::string& question) {
  auto answers = exchange_(ByteWriter().put_span(std::span<const std::uint64_t>(marked_)).take() + question);
  marked_.clear();
  return answers;
}

std::vector<std::vector<Candidate>> SharedDocuments::ask(const std::string& question) {
  std::vector<std::vector<Candidate>> parts;
  for (const std::string& bytes : send(question)) {
    ByteReader r(bytes);
    parts.push_back(get_candidates(r));
  }
  return parts;
}

std::vector<Candidate> SharedDocuments::draw(std::span<const Draw> draws, Order order) {
  ByteWriter w;
  w.put(Question::draw).put(order).put(static_cast<std::uint64_t>(draws.size()));
  for (const Draw& d : draws) w.put(d.arm).put(static_cast<std::uint64_t>(d.count));
  std::unordered_map<std::uint32_t, std::vector<Candidate>> of_arm;
  for (Candidate& c : flatten(ask(w.take()))) of_arm[c.arm].push_back(std::move(c));
  std::vector<Candidate> out;
  for (const Draw& d : draws) {
    auto& offered = of_arm[d.arm];
    std::sort(offered.begin(), offered.end(), [&](const auto& a, const auto& b) { return drawn_before(a, b, order); });
    keep_first(offered, d.count);
    std::copy(offered.begin(), offered.end(), std::back_inserter(out));
  }
  return out;
}

std::vector<Candidate> SharedDocuments::draw_any(std::size_t count, Order order) {
  auto all =
      flatten(ask(ByteWriter().put(Question::draw_any).put(order).put(static_cast<std::uint64_t>(count)).take()));
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return drawn_before(a, b, order); });
  keep_first(all, count);
  return all;
}

std::vector<std::vector<Candidate>> SharedDocuments::best(std::span<const Ranking> rankings,
                                                          std::span<const std::uint32_t> arms) {
  ByteWriter w;
  w.put(Question::best).put(static_cast<std::uint64_t>(rankings.size()));
  for (const Ranking& ranking : rankings) put(w, ranking);
  w.put_span(arms);
  std::vector<std::vector<Candidate>> out(rankings.size());
  for (const std::string& bytes : send(w.take())) {
    ByteReader r(bytes);
    for (auto& all : out) {
      for (Candidate& c : get_candidates(r)) all.push_back(std::move(c));
    }
  }
  for (std::size_t q = 0; q < out.size(); ++q) {
    std::sort(out[q].begin(), out[q].end(), ranks_before);
    keep_first(out[q], rankings[q].count);
  }
  return out;
}

std::vector<Candidate> SharedDocuments::lookup(std::span<const std::uint64_t> numbers) {
  std::unordered_map<std::uint64_t, Candidate> found;
  for (Candidate& c : flatten(ask(ByteWriter().put(Question::lookup).put_span(numbers).take()))) {
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
