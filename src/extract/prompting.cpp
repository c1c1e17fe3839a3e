#include "equal/extract/prompting.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/extract/answer.hpp"

namespace equal::extract {
namespace {

constexpr int kVersion = 1;               // enters digests: raise it when requests change
constexpr int kReading = 1;               // enters digests: raise it when the reading of answers changes
constexpr std::size_t kSpareTokens = 32;  // the estimate may be a little low
constexpr std::size_t kLeastDocumentTokens = 64;

constexpr std::array<std::pair<AnswerFormat, std::string_view>, 5> kFormats{
    {{AnswerFormat::tagged, "tagged"},
     {AnswerFormat::json_schema, "json_schema"},
     {AnswerFormat::json_object, "json_object"},
     {AnswerFormat::guided_json, "guided_json"},
     {AnswerFormat::json_probed, "json_probed"}}};

Json schema() {
  const Json text{{"type", "string"}};
  const Json pair{{"type", "object"},
                  {"properties", {{"question", text}, {"answer", text}}},
                  {"required", {"question", "answer"}},
                  {"additionalProperties", false}};
  return {{"type", "object"},
          {"properties", {{"pairs", {{"type", "array"}, {"items", pair}}}}},
          {"required", {"pairs"}},
          {"additionalProperties", false}};
}

std::string format_instruction(AnswerFormat format) {
  if (format == AnswerFormat::tagged) {
    return "Write each pair exactly like this, and nothing "
           "else:\n<pair>\n<question>...</question>\n<answer>...</answer>\n</pair>";
  }
  return "Write one JSON object exactly like this, and nothing else; write each backslash as \\\\:\n"
         "{\"pairs\": [{\"question\": \"...\", \"answer\": \"...\"}]}";
}

std::optional<std::uint64_t> count_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

}  // namespace

AnswerFormat answer_format(std::string_view name) {
  for (const auto& [format_value, known] : kFormats) {
    if (known == name) return format_value;
  }
  throw UsageError(
      format("chat.format = {}; must be tagged, json_schema, json_object, guided_json or json_probed", name));
}

std::string_view answer_format_name(AnswerFormat format) noexcept {
  return std::find_if(kFormats.begin(), kFormats.end(), [&](const auto& entry) { return entry.first == format; })
      ->second;
}

std::string write_pairs(const std::vector<Pair>& pairs, AnswerFormat format) {
  if (format != AnswerFormat::tagged) {
    Json list = Json::array();
    for (const Pair& pair : pairs) list.push_back({{"question", pair.question}, {"answer", pair.answer}});
    return dump_json({{"pairs", list}});
  }
  std::string out;
  for (const Pair& pair : pairs) {
    out += "<pair>\n<question>" + escape_tags(pair.question) + "</question>\n<answer>" + escape_tags(pair.answer) +
           "</answer>\n</pair>\n";
  }
  return out;
}

ModelAnswer read_completion(std::string_view body) {
  ModelAnswer out;
  Json json;
  try {
    json = parse_json(body, "response");
  } catch (const DataError&) {
    out.failure = "the response is not valid JSON";
    return out;
  }
  const auto choices = json.is_object() ? json.find("choices") : json.end();
  if (!json.is_object() || choices == json.end() || !choices->is_array() || choices->empty() ||
      !choices->front().is_object()) {
    out.failure = "the response has no choices";
    return out;
  }
  const Json& choice = choices->front();
  const auto message = choice.find("message");
  if (message == choice.end() || !message->is_object() || !message->contains("content")) {
    out.failure = "the response's first choice has no message";
    return out;
  }
  const Json& content = (*message)["content"];
  if (content.is_string()) out.text.content = content.get<std::string>();
  const auto finish = choice.find("finish_reason");
  if (finish != choice.end() && finish->is_string()) out.text.finish_reason = finish->get<std::string>();
  const auto usage = json.find("usage");
  if (usage != json.end() && usage->is_object()) {
    out.prompt_tokens = count_at(*usage, "prompt_tokens");
    out.completion_tokens = count_at(*usage, "completion_tokens");
  }
  return out;
}

Prompting::Prompting(const PromptingParams& params)
    : params_(params), prompt_(load_prompt(params.prompt_file)), rules_(params.keep) {
  if (params.max_pairs == 0 || params.max_pairs > 1000) {
    throw UsageError(format("chat.max_pairs = {}; must be between 1 and 1000", params.max_pairs));
  }
  if (!(params.temperature >= 0.0 && params.temperature <= 2.0)) {
    throw UsageError(format("chat.temperature = {}; must be between 0 and 2", params.temperature));
  }
  if (!(params.top_p > 0.0 && params.top_p <= 1.0))
    throw UsageError(format("chat.top_p = {}; must be above 0 and at most 1", params.top_p));
  if (params.answer_tokens == 0) throw UsageError("chat.max_tokens = 0; must be at least 1");
  if (!params.refine_file.empty()) refine_ = load_refine_prompt(params.refine_file);
  if (params.format != AnswerFormat::tagged && !prompt_.mentions("format")) {
    throw UsageError(format("{}: chat.format = {} needs a prompt with {{{{format}}}}", params.prompt_file.string(),
                            answer_format_name(params.format)));
  }
  if (!params.extra_json.empty()) {
    const Json extra = parse_json(params.extra_json, "chat.extra");
    if (!extra.is_object()) throw UsageError("chat.extra must be a JSON object");
    extra_ = dump_json(extra);
  }
  frame_tokens_ = estimate_tokens(render(prompt_, {}, nullptr));
  if (frame_tokens_ + params.answer_tokens + kLeastDocumentTokens + kSpareTokens > params.context_tokens) {
    throw UsageError(
        format("chat.context_tokens = {}: the prompt's own {} tokens and chat.max_tokens = {} leave no room "
               "for documents",
               params.context_tokens, frame_tokens_, params.answer_tokens));
  }
  std::string all =
      format("prompting {}\n{}\n{}\n{}\n{} {} {} {:.17g} {:.17g} {} {}\n{}\n", kVersion, params.model, prompt_.digest(),
             refine_ ? refine_->digest() : "", params.max_pairs, params.context_tokens, params.answer_tokens,
             params.temperature, params.top_p, params.seed ? std::to_string(*params.seed) : "none",
             answer_format_name(params.format), extra_);
  for (const Pair& pair : params.examples) all += dump_json({{"q", pair.question}, {"a", pair.answer}}) + "\n";
  question_digest_ = sha256_hex(all);
  digest_ = sha256_hex(format("{} read {} {}", question_digest_, kReading, rules_.digest()));
}

void Prompting::set_format(AnswerFormat format) {
  params_.format = format;
  frame_tokens_ = estimate_tokens(render(prompt_, {}, nullptr));
}

std::vector<Message> Prompting::render(const PromptTemplate& prompt, const Request& request,
                                       const std::vector<Pair>* pairs) const {
  std::string examples;
  if (!params_.examples.empty()) {
    examples = "Pairs of the kind that is wanted:\n" + write_pairs(params_.examples, params_.format);
    while (examples.ends_with('\n')) examples.pop_back();
  }
  return prompt.render({{"document", request.text},
                        {"max_pairs", std::to_string(params_.max_pairs)},
                        {"examples", examples},
                        {"format", format_instruction(params_.format)},
                        {"pairs", pairs == nullptr ? std::string{} : write_pairs(*pairs, params_.format)}});
}

namespace {

/// The request with its text escaped and cut to `room` estimated tokens.
Request fitted(const Request& request, std::size_t room) {
  Request out;
  out.text = escape_tags(cut_at_sentence(request.text, room));
  // Escaping may have lengthened it.
  while (estimate_tokens(out.text) > room && room > kLeastDocumentTokens) {
    room -= room / 16 + 1;
    out.text = escape_tags(cut_at_sentence(request.text, room));
  }
  return out;
}

}  // namespace

std::vector<Message> Prompting::messages(const Request& request) const {
  const std::size_t used = frame_tokens_ + params_.answer_tokens + kSpareTokens;
  return render(prompt_,
                fitted(request, params_.context_tokens - std::min(used, params_.context_tokens - kLeastDocumentTokens)),
                nullptr);
}

std::vector<Message> Prompting::refine_messages(const Request& request, const std::vector<Pair>& pairs) const {
  const std::size_t used = estimate_tokens(render(*refine_, {}, &pairs)) + params_.answer_tokens + kSpareTokens;
  return render(*refine_,
                fitted(request, params_.context_tokens - std::min(used, params_.context_tokens - kLeastDocumentTokens)),
                &pairs);
}

std::string Prompting::body(const std::vector<Message>& messages) const {
  Json list = Json::array();
  for (const Message& message : messages) list.push_back({{"role", message.role}, {"content", message.content}});
  Json out{{"messages", std::move(list)}, {"max_tokens", params_.answer_tokens}, {"temperature", params_.temperature}};
  if (!params_.model.empty()) out["model"] = params_.model;
  if (params_.top_p < 1.0) out["top_p"] = params_.top_p;
  if (params_.seed) out["seed"] = *params_.seed;
  switch (params_.format) {
    case AnswerFormat::tagged:
      break;
    case AnswerFormat::json_schema:
      out["response_format"] = {{"type", "json_schema"},
                                {"json_schema", {{"name", "pairs"}, {"strict", true}, {"schema", schema()}}}};
      break;
    case AnswerFormat::json_object:
      out["response_format"] = {{"type", "json_object"}, {"schema", schema()}};
      break;
    case AnswerFormat::guided_json:
      out["guided_json"] = schema();
      break;
    case AnswerFormat::json_probed:
      throw InternalError("a request was written before its format was probed");
  }
  if (!extra_.empty()) out.merge_patch(parse_json(extra_, "chat.extra"));
  return dump_json(out);
}

namespace {

Answer parse(const ModelText& text, const PromptingParams& params) {
  const std::size_t most = 2 * params.max_pairs;
  if (params.format == AnswerFormat::tagged) return parse_tagged(text.content, text.finish_reason != "length", most);
  return parse_json_pairs(text.content, most);
}

}  // namespace

std::vector<Pair> Prompting::raw_pairs(const ModelText& text) const { return parse(text, params_).pairs; }

Extraction Prompting::judge_one(const Request& request, const ModelText& text) const {
  Extraction out;
  out.document = request.document;
  Answer parsed = parse(text, params_);
  const bool none = parsed.pairs.empty();
  KeepResult result = rules_.apply(request.text, parsed.pairs);
  out.pairs = std::move(result.kept);
  out.rejected = std::move(result.rejected);
  for (std::size_t i = 0; i < parsed.incomplete; ++i) out.rejected.push_back({{}, "cut"});
  for (std::size_t i = 0; i < std::min<std::size_t>(parsed.surplus, 100); ++i) out.rejected.push_back({{}, "surplus"});
  if (!none) return out;
  if (text.finish_reason == "length") {
    out.failure =
        format("length: the answer was cut at {} tokens before its first pair was complete", params_.answer_tokens);
  } else if (text.finish_reason == "content_filter") {
    out.failure = "content_filter: the server withheld the answer";
  } else if (parsed.incomplete == 0 && text.content.find_first_not_of(" \t\r\n") != std::string::npos) {
    out.rejected.push_back({{"", text.content.substr(0, 2000)}, "unparsed"});
  }
  return out;
}

Extraction Prompting::judge(const Request& request, std::vector<ModelText> written) const {
  Extraction out;
  out.document = request.document;
  for (std::size_t i = 0; i < written.size(); ++i) {
    Extraction one = judge_one(request, written[i]);
    if (i == 0) {
      out = std::move(one);
    } else if (one.failure.empty() && !one.pairs.empty()) {
      out.pairs = std::move(one.pairs);
      out.rejected.insert(out.rejected.end(), one.rejected.begin(), one.rejected.end());
    }
  }
  out.written = std::move(written);
  return out;
}

}  // namespace equal::extract
