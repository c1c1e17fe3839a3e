#include "extractors.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/extract/chat.hpp"
#include "equal/extract/command.hpp"
#include "equal/extract/keep.hpp"
#include "equal/extract/pattern.hpp"
#include "equal/extract/replay.hpp"

#include "answers.hpp"

namespace equal::job {
namespace {

extract::KeepParams keep_params(const Job& job, encode::Encoder& encoder) {
  const settings::Settings& s = job.settings;
  extract::KeepParams p;
  p.min_question_chars = s.keep_min_question;
  p.max_question_chars = s.keep_max_question;
  p.min_answer_chars = s.keep_min_answer;
  p.max_answer_chars = s.keep_max_answer;
  p.self_contained = s.keep_self_contained;
  p.grounded = s.keep_grounded;
  p.min_answer_words = s.keep_min_answer_words;
  p.min_answer_numbers = s.keep_min_answer_numbers;
  p.min_answer_phrases = s.keep_min_answer_phrases;
  p.max_foreign_words = s.keep_max_foreign_words;
  p.min_question_words = s.keep_min_question_words;
  p.same_language = s.keep_same_language;
  p.near_duplicate_bits = s.keep_near_duplicate_bits;
  p.min_cosine = s.keep_min_cosine;
  p.similarity_name = encoder.digest();
  p.similarity = [&encoder, &pool = job.pool](std::string_view document, const extract::Pair& pair) {
    linalg::Matrix<float> vectors(2, encoder.dim());
    const std::string text = pair_text(pair);
    const std::array<std::string_view, 1> first{document}, second{text};
    encoder.encode(first, encode::Role::document, vectors.view().slice(0, 1), pool);
    encoder.encode(second, encode::Role::query, vectors.view().slice(1, 1), pool);
    return std::inner_product(vectors.row(0).begin(), vectors.row(0).end(), vectors.row(1).begin(), 0.0);
  };
  return p;
}

/// The list is split into words: each URL begins an endpoint, the words behind it are its own.
std::vector<net::EndpointSpec> endpoints(const std::vector<std::string>& words, const net::EndpointSpec& defaults) {
  std::vector<std::string> lines;
  for (const std::string& word : words) {
    if (lines.empty() || word.find("://") != std::string::npos) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  std::vector<net::EndpointSpec> out;
  for (const std::string& line : lines) out.push_back(net::parse_endpoint(line, "chat.endpoints", defaults));
  return out;
}

extract::ChatParams chat_params(const Job& job, const Reference& reference) {
  const settings::Settings& s = job.settings;
  const comm::Communicator& comm = job.comm;
  if (s.chat_endpoints.empty() && s.chat_endpoints_file.empty()) {
    throw UsageError(
        "extract.extractor = chat needs --chat.endpoints http://HOST:PORT/v1, or --chat.endpoints_file with one such "
        "line a server");
  }
  extract::ChatParams p;
  p.prompting = prompting_params(s, reference);
  p.net.defaults.slots = s.chat_slots;
  p.net.defaults.key_env = s.chat_key_env;
  p.net.defaults.key_file = s.chat_key_file;
  p.net.defaults.auth = s.chat_header == "Authorization" ? "bearer" : s.chat_header;
  p.net.endpoints = endpoints(s.chat_endpoints, p.net.defaults);
  p.net.endpoints_file = s.chat_endpoints_file;
  p.net.sharers = static_cast<std::size_t>(comm.workers());
  p.net.share = static_cast<std::size_t>(comm.worker_index().value_or(0));
  p.net.http.allow_plain_http = s.chat_allow_plain_http;
  p.net.http.ca_file = s.chat_ca_file;
  p.net.request_seconds = s.chat_timeout_seconds;
  p.net.call_seconds = s.chat_document_seconds;
  p.net.patience_seconds = s.chat_patience_seconds;
  p.net.hedge_factor = s.chat_hedge_factor;
  p.net.max_failures = s.chat_retries + 1;
  p.net.expected_slots = std::max<std::size_t>(1, s.chat_slots / p.net.sharers);
  p.net.pool.seed = static_cast<std::uint64_t>(comm.rank()) + 1;
  return p;
}

extract::CommandParams command_params(const Job& job, const Reference& reference) {
  const settings::Settings& s = job.settings;
  if (s.command.empty())
    throw UsageError(
        "extract.extractor = command needs --command.line, such as 'vllm run-batch -i {input} -o {output} --model "
        "NAME'");
  extract::CommandParams p;
  p.prompting = prompting_params(s, reference);
  p.command = s.command;
  p.batch = s.command_batch;
  p.timeout_seconds = s.command_timeout_seconds;
  p.earlier = std::filesystem::path(s.workspace) / "batches";
  p.folder = p.earlier / format("rank-{:05}", job.comm.rank());
  return p;
}

}  // namespace

extract::PromptingParams prompting_params(const settings::Settings& s, const Reference& reference) {
  extract::PromptingParams p;
  p.model = s.chat_model;
  p.prompt_file = s.chat_prompt;
  p.refine_file = s.chat_refine_prompt;
  p.max_pairs = s.chat_max_pairs;
  p.context_tokens = s.chat_context_tokens;
  p.answer_tokens = s.chat_max_tokens;
  p.temperature = s.chat_temperature;
  p.top_p = s.chat_top_p;
  p.format = extract::answer_format(s.chat_format);
  p.extra_json = s.chat_extra;
  // Evenly spaced over the guide, which is in drawn order within each reference file: every file is shown.
  const std::size_t n = std::min<std::size_t>(s.chat_examples, reference.guide.size());
  for (std::size_t i = 0; i < n; ++i) p.examples.push_back(reference.guide[i * reference.guide.size() / n]);
  return p;
}

std::unique_ptr<extract::Extractor> make_extractor(const Job& job, const Reference& reference,
                                                   encode::Encoder& encoder) {
  const std::string& kind = job.settings.extractor;
  const extract::KeepParams keep = keep_params(job, encoder);
  if (kind == "replay") return extract::make_replay();
  if (kind == "pattern") {
    extract::PatternParams params;
    params.keep = keep;
    return extract::make_pattern(params);
  }
  if (kind == "command") {
    extract::CommandParams params = command_params(job, reference);
    params.prompting.keep = keep;
    return extract::make_command(params);
  }
  extract::ChatParams params = chat_params(job, reference);
  params.prompting.keep = keep;
  return extract::make_chat(params);
}

}  // namespace equal::job
