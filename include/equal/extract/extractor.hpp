// Document -> question-answer pairs. Implementations: replay (known pairs), pattern (rules), chat (LLM over HTTP),
// command (batch files). An extractor holds several documents at once and reports each when it is done, so that
// hundreds of requests can be in flight on one thread; replay and pattern simply answer at the next poll.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "equal/base/error.hpp"

namespace equal::extract {

struct Pair {
  std::string question, answer;
  bool operator==(const Pair&) const = default;
};

/// What an extractor is given: one document (owned copy).
struct Request {
  std::uint64_t document = 0;  ///< DocumentId value
  std::string id, text;
  std::vector<Pair> known_pairs;  ///< for replay
};

/// What was spent on a document. Zero for extractors that call nobody.
struct Usage {
  std::uint64_t calls = 0, prompt_tokens = 0, completion_tokens = 0;
  double seconds = 0.0;
};

/// A pair that was dropped, with the reason's short name ("ungrounded", "empty", ...).
struct Rejected {
  Pair pair;
  std::string reason;
};

/// What a model wrote in one call, word for word.
struct ModelText {
  std::string content, finish_reason;
};

struct Extraction {
  std::uint64_t document = 0;
  std::vector<Pair> pairs;  ///< kept pairs, in document order
  std::vector<Rejected> rejected;
  std::vector<ModelText> written;  ///< what was paid for, one a call that counts: judge() reads it again
  Usage usage;
  std::string
      failure;  ///< empty: answered (perhaps without pairs). Otherwise why not; never cached, may be asked again.
};

class Extractor {
 public:
  virtual ~Extractor() = default;
  /// SHA-256 over all that decides the answers: rules or prompt and model, sampling settings, keep rules, code version.
  virtual std::string digest() const = 0;
  /// SHA-256 over what is asked alone: prompt, model, sampling; not the rules that judge the answers. Answers under the
  /// same one are judged again when digest() differs, not paid again. Empty: asking costs nothing.
  virtual std::string question_digest() const { return {}; }
  /// The pairs that today's rules find in what a model wrote about `request` before. Usage is left zero.
  /// REQUIRES: question_digest() is not empty. NOLINTNEXTLINE(performance-unnecessary-value-param): overriders keep it
  virtual Extraction judge(const Request& /*request*/, std::vector<ModelText> /*written*/) const {
    throw InternalError("an extractor without a model was given a model's answer to judge");
  }
  virtual std::string report() const { return {}; }  ///< lines about the servers that were asked, no secrets
  virtual std::string description() const = 0;       ///< one line for the log, no secrets
  virtual bool deterministic() const = 0;            ///< the same document always gives the same pairs
  virtual std::size_t slots() const = 0;             ///< documents it can hold at once, >= 1; may change while it polls
  virtual void submit(Request request) = 0;          ///< REQUIRES: fewer are held than slots() has ever said
  /// Documents that have become ready; waits up to `wait_seconds` while any are held and none is ready.
  virtual std::vector<Extraction> poll(double wait_seconds) = 0;
};

}  // namespace equal::extract
