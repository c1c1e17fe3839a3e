#include "extractors.hpp"

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/extract/chat.hpp"
#include "equal/extract/command.hpp"
#include "equal/extract/keep.hpp"
#include "equal/extract/pattern.hpp"
#include "equal/extract/replay.hpp"

namespace equal::job {
namespace {

extract::KeepParams keep_params(const settings::Settings& s) {
  extract::KeepParams p;
  p.min_question_chars = s.keep_min_question;
  p.max_question_chars = s.keep_max_question;
  p.min_answer_chars = s.keep_min_answer;
  p.max_answer_chars = s.keep_max_answer;
  p.self_contained = s.keep_self_contained;
  p.grounded = s.keep_grounded;
  p.min_answer_words = s.keep_min_answer_words;
  p.min_answer_numbers = s.keep_min_answer_numbers;
  p.min_question_words = s.keep_min_question_words;
  p.same_language = s.keep_same_language;
  return p;
}

extract::PromptingParams prompting_params(const settings::Settings& s) {
  extract::PromptingParams p;
  p.model = s.chat_model;
  p.prompt_file = s.chat_prompt;
  p.refine_file = s.chat_refine_prompt;
  p.max_pairs = s.chat_max_pairs;
  p.context_tokens = s.chat_context_tokens;
  p.answer_tokens = s.chat_max_tokens;
  p.temperature = s.chat_temperature;
  p.format = extract::answer_format(s.chat_format == "auto" ? "json_probed" : s.chat_format);
  p.keep = keep_params(s);
  return p;
}

extract::ChatParams chat_params(const settings::Settings& s) {
  if (s.chat_endpoints.empty() && s.chat_endpoints_file.empty()) {
    throw UsageError(
        "extract.extractor = chat needs --chat.endpoints http://HOST:PORT/v1, or --chat.endpoints_file with one such "
        "line a server");
  }
  extract::ChatParams p;
  p.prompting = prompting_params(s);
  for (const auto& url : s.chat_endpoints) {
    net::EndpointSpec endpoint = net::parse_endpoint(url, "chat.endpoints");
    endpoint.slots = s.chat_slots;
    endpoint.key_env = s.chat_key_env;
    endpoint.key_file = s.chat_key_file;
    endpoint.auth = s.chat_header == "Authorization" ? "bearer" : s.chat_header;
    p.net.endpoints.push_back(std::move(endpoint));
  }
  p.net.endpoints_file = s.chat_endpoints_file;
  p.net.http.allow_plain_http = s.chat_allow_plain_http;
  p.net.request_seconds = s.chat_timeout_seconds;
  p.net.call_seconds = s.chat_document_seconds;
  p.net.max_failures = s.chat_retries + 1;
  p.net.expected_slots = s.chat_slots;
  return p;
}

extract::CommandParams command_params(const settings::Settings& s, int rank) {
  if (s.command.empty())
    throw UsageError(
        "extract.extractor = command needs --command.line, such as 'vllm run-batch -i {input} -o {output} --model "
        "NAME'");
  extract::CommandParams p;
  p.prompting = prompting_params(s);
  p.command = s.command;
  p.folder = std::filesystem::path(s.workspace) / "batches" / format("rank-{:05}", rank);
  return p;
}

}  // namespace

std::unique_ptr<extract::Extractor> make_extractor(const settings::Settings& s, int rank) {
  if (s.extractor == "replay") return extract::make_replay();
  if (s.extractor == "pattern") {
    extract::PatternParams params;
    params.keep = keep_params(s);
    return extract::make_pattern(params);
  }
  if (s.extractor == "command") return extract::make_command(command_params(s, rank));
  return extract::make_chat(chat_params(s));
}

}  // namespace equal::job
