#include "equal/bandit/shared_documents.hpp"

#include <algorithm>
#include <unordered_map>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"

namespace equal::bandit {
namespace {

enum class Question : std::uint8_t { remaining, draw, draw_any, best, lookup, mark };

void put(ByteWriter& w, const Candidate& c) {
  w.put(c.number).put(c.arm).put(c.score).put(c.similarity).put(c.tokens).put(c.hash);
  w.put_span(std::span<const float>(c.embedding));
}

std::string pack(const std::vector<Candidate>& candidates) {
  ByteWriter w;
  w.put(static_cast<std::uint64_t>(candidates.size()));
  for (const Candidate& c : candidates) put(w, c);
  return w.take();
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

std::vector<Candidate> unpack(std::string_view bytes) {
  ByteReader r(bytes);
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
      const auto count = r.get<std::uint64_t>();
      LinearScore score;
      score.similarity = r.get<double>();
      score.cost_fixed = r.get<double>();
      score.cost_per_token = r.get<double>();
      score.embedding = r.get_vector<float>();
      score.offsets = r.get_vector<double>();
      return pack(pool.best(score, r.get_vector<std::uint32_t>(), count));
    }
    case Question::lookup: return pack(pool.lookup(r.get_vector<std::uint64_t>()));
    case Question::mark: pool.mark(r.get_vector<std::uint64_t>()); return pack({});
  }
  throw InternalError("a question to a document pool is of no known kind");
}

SharedDocuments::SharedDocuments(Exchange exchange, std::size_t arms)
    : exchange_(std::move(exchange)), remaining_(arms, 0) {
  for (const std::string& bytes : exchange_(ByteWriter().put(Question::remaining).take())) {
    ByteReader r(bytes);
    for (std::uint64_t& n : remaining_) n += r.get<std::uint64_t>();
  }
}

std::vector<std::vector<Candidate>> SharedDocuments::ask(const std::string& question) {
  std::vector<std::vector<Candidate>> parts;
  for (const std::string& bytes : exchange_(question)) parts.push_back(unpack(bytes));
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
  auto all = flatten(ask(ByteWriter().put(Question::draw_any).put(order).put(static_cast<std::uint64_t>(count)).take()));
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return drawn_before(a, b, order); });
  keep_first(all, count);
  return all;
}

std::vector<Candidate> SharedDocuments::best(const LinearScore& score, std::span<const std::uint32_t> arms,
                                             std::size_t count) {
  ByteWriter w;
  w.put(Question::best).put(static_cast<std::uint64_t>(count));
  w.put(score.similarity).put(score.cost_fixed).put(score.cost_per_token);
  w.put_span(std::span<const float>(score.embedding)).put_span(std::span<const double>(score.offsets)).put_span(arms);
  auto all = flatten(ask(w.take()));
  std::sort(all.begin(), all.end(), ranks_before);
  keep_first(all, count);
  return all;
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
  std::vector<std::uint64_t> numbers;
  for (const Candidate& c : documents) {
    numbers.push_back(c.number);
    --remaining_[c.arm];
  }
  exchange_(ByteWriter().put(Question::mark).put_span(std::span<const std::uint64_t>(numbers)).take());
}

}  // namespace equal::bandit
