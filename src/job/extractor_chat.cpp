#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/extract/chat.hpp"

#include "extractors.hpp"

namespace equal::job {
namespace {

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
  out.reserve(lines.size());
  for (const std::string& line : lines) out.push_back(net::parse_endpoint(line, "chat.endpoints", defaults));
  return out;
}

extract::ChatParams chat_params(const ExtractorInputs& inputs) {
  const Job& job = inputs.job;
  const settings::Settings& s = job.settings;
  const comm::Communicator& comm = job.comm;
  if (s.chat_endpoints.empty() && s.chat_endpoints_file.empty()) {
    throw UsageError(
        "extract.extractor = chat needs --chat.endpoints http://HOST:PORT/v1, or --chat.endpoints_file with one such "
        "line a server");
  }
  extract::ChatParams p;
  p.prompting = prompting_params(s, inputs.reference);
  p.prompting.keep = inputs.keep;
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

}  // namespace

std::unique_ptr<extract::Extractor> make_chat_extractor(const ExtractorInputs& inputs) {
  return extract::make_chat(chat_params(inputs));
}

}  // namespace equal::job
