// Many HTTP requests at once on one thread: libcurl's multi interface driven by epoll. Knows nothing of retries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace equal::net {

enum class Method { get, post };

struct HttpRequest {
  Method method = Method::post;
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string body;
  double timeout_seconds = 120.0;  ///< for the whole exchange
};

/// Why there is no whole response.
enum class Transfer {
  complete,     ///< status and body are there (whatever the status)
  unreachable,  ///< no connection: unknown host, refused, unreachable, TLS not accepted. The server saw nothing
  broken,       ///< the connection ended or spoke no HTTP before the response was complete
  timed_out,
  too_large  ///< the body passed max_body_bytes
};

struct HttpResponse {
  Transfer transfer = Transfer::complete;
  int status = 0;
  std::string body, content_type;             ///< content_type lower case, with parameters
  std::optional<double> retry_after_seconds;  ///< from Retry-After, seconds or a date
  double seconds = 0.0;                       ///< from start() to the end
  bool tls_failed = false;                    ///< the certificate was not accepted: waiting will not help
  std::string error;                          ///< libcurl's words; empty when complete
};

struct HttpDone {
  std::uint64_t ticket = 0;
  HttpResponse response;
};

struct HttpClientParams {
  std::size_t max_body_bytes = std::size_t{16} << 20;
  double connect_timeout_seconds = 10.0;
  bool allow_plain_http = false;  ///< http:// to hosts other than loopback
  std::string ca_file;            ///< PEM bundle; empty: the system's
  std::string user_agent = "equal/0.1";
};

/// Not thread-safe. Keeps connections alive; HTTP/2 (multiplexed) where a TLS server offers it. Certificates are
/// verified, redirects are responses like any other, only http and https are spoken, no compressed bodies are asked
/// for.
class HttpClient {
 public:
  explicit HttpClient(const HttpClientParams& params = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Starts a request; its end is reported by poll() under the same ticket. Throws UsageError for a URL that
  /// check_url() refuses. REQUIRES: `ticket` is not under way.
  void start(std::uint64_t ticket, HttpRequest request);

  /// Forgets a request; its connection is closed. Nothing is reported. No-op when it is not under way.
  void cancel(std::uint64_t ticket);

  /// Requests that have ended; waits up to `wait_seconds` for the first. Also waits when none is under way.
  std::vector<HttpDone> poll(double wait_seconds);

  std::size_t under_way() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Throws UsageError unless `url` is http(s) with a host, without user name or password, and not plain http beyond
/// loopback (unless allowed).
void check_url(const std::string& url, bool allow_plain_http);

/// True for localhost, 127.0.0.0/8 and ::1.
bool is_loopback(const std::string& url);

}  // namespace equal::net
