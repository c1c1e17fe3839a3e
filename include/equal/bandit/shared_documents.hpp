// Documents spread over ranks: the coordinator's side asks every pool the same question in bytes and merges the
// answers. How bytes travel is the caller's business (broadcast and gather in the job, a loop over pools in tests).
// Merged answers do not depend on how documents are spread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "equal/bandit/document_pool.hpp"
#include "equal/bandit/documents.hpp"

namespace equal::bandit {

/// A holder's side: the answer to one question of SharedDocuments. Throws InternalError on malformed bytes.
std::string answer(DocumentPool& pool, std::string_view question);

/// Of many holders each offers as many candidates as are wanted in all. So their embeddings stay where they are until
/// it is known which of them are chosen; a second exchange fetches those.
class SharedDocuments final : public Documents {
 public:
  /// Sends a question to every holder and returns all answers, in any fixed order.
  using Exchange = std::function<std::vector<std::string>(const std::string& question)>;

  /// One exchange, to learn how many documents of each arm there are.
  SharedDocuments(Exchange exchange, std::size_t arms);

  std::uint64_t remaining(std::uint32_t arm) const override { return remaining_[arm]; }
  // One exchange, or two: with one holder, and where all together offer few candidates, embeddings come at once.
  std::vector<Candidate> draw(std::span<const Draw> draws, Order order) override;
  std::vector<Candidate> draw_any(std::size_t count, Order order) override;
  std::vector<std::vector<Candidate>> best(std::span<const Ranking> rankings,
                                           std::span<const std::uint32_t> arms) override;

  /// One exchange. As DocumentPool; lookup() returns what any holder has, in the order of `numbers`.
  std::vector<Candidate> lookup(std::span<const std::uint64_t> numbers);
  /// No exchange: the holders hear of it with the next question.
  void mark(std::span<const Candidate> documents);

 private:
  std::vector<std::string> send(const std::string& question);
  std::vector<Candidate> ask(const std::string& question);
  Detail detail_for(std::size_t wanted) const;
  void fetch_embeddings(std::span<std::vector<Candidate>> chosen);
  Exchange exchange_;
  std::size_t holders_ = 1;
  std::vector<std::uint64_t> marked_;  // numbers that the holders have not heard of yet
  std::vector<std::uint64_t> remaining_;
};

}  // namespace equal::bandit
