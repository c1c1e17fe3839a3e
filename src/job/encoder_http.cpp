// encoder.kind = http: embeddings servers.
#include "equal/base/error.hpp"
#include "equal/encode/http.hpp"

#include "encoders.hpp"

namespace equal::job {
namespace {

encode::HttpParams http_params(const settings::Settings& s) {
  if (s.encoder_endpoints.empty() && s.encoder_endpoints_file.empty())
    throw UsageError(
        "encoder.kind = http needs --encoder.endpoints http://HOST:PORT/v1, or --encoder.endpoints_file with "
        "one such line a server");
  encode::HttpParams params;
  params.model = s.encoder_model;
  params.batch = s.encoder_batch;
  params.max_bytes = 4 * s.encoder_max_tokens;
  params.document_prefix = s.encoder_document_prefix;
  params.query_prefix = s.encoder_query_prefix;
  for (const auto& url : s.encoder_endpoints) {
    net::EndpointSpec endpoint = net::parse_endpoint(url, "encoder.endpoints");
    endpoint.slots = s.encoder_slots;
    endpoint.key_env = s.encoder_key_env;
    endpoint.key_file = s.encoder_key_file;
    params.net.endpoints.push_back(std::move(endpoint));
  }
  params.net.endpoints_file = s.encoder_endpoints_file;
  params.net.http.allow_plain_http = s.encoder_allow_plain_http;
  params.net.http.max_body_bytes = std::size_t{256} << 20;
  params.net.expected_slots = s.encoder_slots;
  return params;
}

}  // namespace

void check_http_encoder(const settings::Settings& s) { encode::check_http(http_params(s)); }

/// Collective: each rank asks the servers by itself.
std::unique_ptr<encode::Encoder> make_http_encoder(Job& job, const Catalog&) {
  std::unique_ptr<encode::Encoder> encoder;
  comm::agree(job.comm, [&] { encoder = encode::make_http(http_params(job.settings)); });
  return encoder;
}

}  // namespace equal::job
