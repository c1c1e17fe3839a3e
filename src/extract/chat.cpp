#include "equal/extract/chat.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <unordered_map>
#include <utility>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::extract {
namespace {

constexpr const char* kPath = "/chat/completions";
constexpr std::uint64_t kProbeCall = 0;
constexpr std::array<AnswerFormat, 3> kProbeOrder{AnswerFormat::json_schema, AnswerFormat::json_object,
                                                  AnswerFormat::guided_json};

}  // namespace

struct ChatExtractor::Impl {
  enum class Stage { extract, refine };
  struct Held {
    Request request;
    Extraction extraction;
    Stage stage = Stage::extract;
  };

  explicit Impl(const ChatParams& p)
      : prompting(p.prompting), params(p), dispatcher(p.net, [](const net::HttpResponse& r) {
          std::string reason = net::why_not_json(r);
          return reason.empty() ? read_completion(r.body).failure : reason;
        }) {
    if (!(p.prefetch >= 0.0 && p.prefetch <= 10.0))
      throw UsageError(format("prefetch = {}; must be between 0 and 10", p.prefetch));
    if (prompting.pair_format() == AnswerFormat::json_probed) {
      probing = true;
      prompting.set_format(kProbeOrder[probe_step]);
    }
  }

  std::size_t slots() {
    const auto now =
        static_cast<std::size_t>(std::ceil(static_cast<double>(dispatcher.slots()) * (1.0 + params.prefetch)));
    most_slots = std::max(most_slots, now);
    return now;
  }

  void send_probe() {
    Request sample;
    sample.text = "Water boils at 100 degrees Celsius at sea level. Ice melts at 0 degrees Celsius.";
    dispatcher.submit({kProbeCall, kPath, prompting.body(prompting.messages(sample))});
  }

  /// One document decides nothing: only whether the server takes the field and returns JSON.
  void on_probe(const net::CallResult& result) {
    const ModelAnswer answer = read_completion(result.body);
    if (result.failure.empty() && !prompting.raw_pairs(answer.text).empty()) {
      log::info("the endpoint understands {}", answer_format_name(prompting.pair_format()));
      probing = false;
      for (const std::uint64_t call : std::exchange(waiting, {})) send(call);
      return;
    }
    if (++probe_step == kProbeOrder.size()) {
      throw UsageError(format(
          "the endpoint understands none of json_schema, json_object and guided_json ({}); use chat.format = tagged",
          result.failure.empty() ? "its answers held no pairs" : result.failure));
    }
    prompting.set_format(kProbeOrder[probe_step]);
    send_probe();
  }

  void send(std::uint64_t call) {
    const Held& held = documents.at(call);
    const std::vector<Message> messages = held.stage == Stage::extract
                                              ? prompting.messages(held.request)
                                              : prompting.refine_messages(held.request, held.extraction.pairs);
    last_prompt_tokens[call] = estimate_tokens(messages);
    dispatcher.submit({call, kPath, prompting.body(messages)});
  }

  void submit(Request request) {
    if (documents.size() >= std::max(most_slots, slots())) throw InternalError("chat: submit() with no free slot");
    const std::uint64_t call = next_call++;
    Held held;
    held.extraction.document = request.document;
    held.request = std::move(request);
    documents.emplace(call, std::move(held));
    if (!probing) return send(call);
    if (waiting.empty()) send_probe();
    waiting.push_back(call);
  }

  /// Moves a document on; true when it is done.
  bool advance(std::uint64_t call, Held& held, net::CallResult& result) {
    Usage& usage = held.extraction.usage;
    usage.calls += result.requests;
    usage.seconds += result.seconds;
    const std::size_t estimated_prompt = last_prompt_tokens.extract(call).mapped();
    if (!result.failure.empty()) {
      // The first call's pairs are good without the second.
      if (held.stage == Stage::extract) held.extraction.failure = std::move(result.failure);
      return true;
    }
    ModelAnswer answer = read_completion(result.body);
    usage.prompt_tokens += answer.prompt_tokens.value_or(estimated_prompt);
    usage.completion_tokens += answer.completion_tokens.value_or(estimate_tokens(answer.text.content));
    std::vector<ModelText> written = std::move(held.extraction.written);
    written.push_back(std::move(answer.text));
    const Usage spent = usage;
    held.extraction = prompting.judge(held.request, std::move(written));
    held.extraction.usage = spent;
    if (held.stage == Stage::refine || !prompting.refines() || held.extraction.pairs.empty()) return true;
    held.stage = Stage::refine;
    return false;
  }

  std::vector<Extraction> poll(double wait_seconds) {
    std::vector<Extraction> out;
    if (documents.empty()) return out;
    for (net::CallResult& result : dispatcher.poll(wait_seconds)) {
      if (result.id == kProbeCall) {
        on_probe(result);
        continue;
      }
      const auto found = documents.find(result.id);
      if (advance(result.id, found->second, result)) {
        out.push_back(std::move(found->second.extraction));
        documents.erase(found);
      } else {
        Held held = std::move(found->second);
        documents.erase(found);
        const std::uint64_t call = next_call++;
        documents.emplace(call, std::move(held));
        send(call);
      }
    }
    return out;
  }

  Prompting prompting;
  ChatParams params;
  net::Dispatcher dispatcher;
  std::size_t most_slots = 1;                         // ever said
  std::unordered_map<std::uint64_t, Held> documents;  // by call
  std::unordered_map<std::uint64_t, std::size_t> last_prompt_tokens;
  std::uint64_t next_call = kProbeCall + 1;
  bool probing = false;
  std::size_t probe_step = 0;
  std::deque<std::uint64_t> waiting;  // calls of documents, until probing has ended
};

ChatExtractor::ChatExtractor(const ChatParams& params) : impl_(std::make_unique<Impl>(params)) {}
ChatExtractor::~ChatExtractor() = default;
std::string ChatExtractor::digest() const { return impl_->prompting.digest(); }
std::string ChatExtractor::question_digest() const { return impl_->prompting.question_digest(); }
Extraction ChatExtractor::judge(const Request& request, std::vector<ModelText> written) const {
  return impl_->prompting.judge(request, std::move(written));
}
std::size_t ChatExtractor::slots() const { return impl_->slots(); }
void ChatExtractor::submit(Request request) { impl_->submit(std::move(request)); }
std::vector<Extraction> ChatExtractor::poll(double wait_seconds) { return impl_->poll(wait_seconds); }

std::string ChatExtractor::description() const {
  const ChatParams& p = impl_->params;
  return format(
      "chat: model {}, prompt {}{}, {} endpoints{}, {} slots", p.prompting.model, p.prompting.prompt_file.string(),
      impl_->prompting.refines() ? " and refinement" : "", impl_->dispatcher.pool().size(),
      p.net.endpoints_file.empty() ? "" : " (file " + p.net.endpoints_file.string() + ")", impl_->dispatcher.slots());
}

std::string ChatExtractor::report() const {
  const net::DispatcherStats all = impl_->dispatcher.stats();
  std::string out = format("{} requests, {} of them retries ({} after 429) and {} hedges", all.requests, all.retries,
                           all.throttled, all.hedges);
  const net::EndpointPool& pool = impl_->dispatcher.pool();
  for (std::size_t i = 0; i < pool.size(); ++i) {
    const net::EndpointStatus s = pool.status(i);
    out += format("\n  {}: {}, {} in flight, window {:.0f}, latency {}, {} answered, {} failed, {} ejections{}", s.url,
                  s.up ? "up" : "down", s.in_flight, s.window, human_seconds(s.latency_seconds), s.answered, s.failed,
                  s.ejections, s.last_error.empty() ? "" : "; last error: " + s.last_error);
  }
  return out;
}

std::unique_ptr<ChatExtractor> make_chat(const ChatParams& params) { return std::make_unique<ChatExtractor>(params); }

DryRun dry_run(const PromptingParams& params, const Request& request) {
  Prompting prompting(params);
  if (prompting.pair_format() == AnswerFormat::json_probed) prompting.set_format(kProbeOrder.front());
  DryRun out;
  out.messages = prompting.messages(request);
  out.prompt_tokens = estimate_tokens(out.messages);
  out.completion_tokens = params.answer_tokens;
  return out;
}

}  // namespace equal::extract
