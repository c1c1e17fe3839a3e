// `http`: vectors from servers that speak OpenAI's /v1/embeddings (vLLM, TEI, llama.cpp, OpenAI).
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "equal/encode/encoder.hpp"
#include "equal/net/dispatcher.hpp"

namespace equal::encode {

struct HttpParams {
  net::DispatcherParams net;     ///< endpoints, keys, deadlines, retries
  std::string model;             ///< sent with each request
  std::size_t batch = 32;        ///< texts a request; 1 .. 2048
  std::size_t max_bytes = 8192;  ///< longer texts are cut at a character before they are sent; at least 64
  std::string document_prefix, query_prefix;
};

/// Asks the servers once for the dimension. encode() keeps as many requests under way as the endpoints have slots and
/// makes every vector a unit vector; a blank text is not sent and gets the zero vector. A request that the server
/// refuses by itself (400, 413, 422: too many tokens, too large a batch) is halved until it passes: first the batch,
/// then the text, which then counts as cut. Answers are hostile until checked: one vector for each text, of the
/// dimension, finite, and not zero; an answer that is not is asked for again. The bits are the server's: the same texts
/// give the same vectors as far as it is deterministic. Endpoints are interchangeable and not part of the digest;
/// model, prefixes, dimension and max_bytes are. Throws UsageError for params, or where the servers refuse us;
/// EnvironmentError when no server answers within net.patience_seconds or a text stays refused, naming the last answer.
std::unique_ptr<Encoder> make_http(HttpParams params);

/// Throws UsageError for what make_http would refuse before it asks a server: params, URLs, keys. Sends nothing.
void check_http(const HttpParams& params);

}  // namespace equal::encode
