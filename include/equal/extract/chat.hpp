// The chat extractor: documents to an OpenAI-compatible /v1/chat/completions (vLLM, SGLang, TGI, llama.cpp, OpenAI,
// Azure), hundreds in flight on one thread. How requests survive servers is net::Dispatcher's; what is asked is
// Prompting's.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "equal/extract/extractor.hpp"
#include "equal/extract/prompting.hpp"
#include "equal/net/dispatcher.hpp"

namespace equal::extract {

struct ChatParams {
  PromptingParams prompting;
  net::DispatcherParams net;
  double prefetch =
      0.125;  ///< documents held beyond the endpoints' slots, as a share: they fill a slot the moment it is free
};

class ChatExtractor final : public Extractor {
 public:
  /// Reads prompts and keys; sends nothing yet. Throws UsageError.
  explicit ChatExtractor(const ChatParams& params);
  ~ChatExtractor() override;

  std::string digest() const override;
  std::string question_digest() const override;
  Extraction judge(const Request& request, std::vector<ModelText> written) const override;
  std::string description() const override;
  bool deterministic() const override { return false; }
  std::size_t slots() const override;  ///< follows the endpoints as they come and go
  void submit(Request request) override;
  /// Throws EnvironmentError or UsageError when no endpoint serves us any more (net::Dispatcher::poll).
  std::vector<Extraction> poll(double wait_seconds) override;

  /// What became of the requests, then one line an endpoint: up or down, window, latency, answers, last error.
  std::string report() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::unique_ptr<ChatExtractor> make_chat(const ChatParams& params);

/// What a document would cost, without sending it: for --dry-run.
struct DryRun {
  std::vector<Message> messages;
  std::size_t prompt_tokens = 0;      ///< estimated
  std::size_t completion_tokens = 0;  ///< at most
};
DryRun dry_run(const PromptingParams& params, const Request& request);

}  // namespace equal::extract
