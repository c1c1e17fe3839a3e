#include "equal/net/http_client.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cmath>
#include <ctime>
#include <unordered_map>
#include <utility>

#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/net/library.hpp"

namespace equal::net {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

struct UrlParts {
  std::string scheme, host;
  bool has_user = false;
};

UrlParts parts_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle(curl_url(), &curl_url_cleanup);
  UrlParts out;
  if (!handle || curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return out;
  const auto get = [&](CURLUPart part) {
    char* text = nullptr;
    std::string value;
    if (curl_url_get(handle.get(), part, &text, 0) == CURLUE_OK && text != nullptr) value = text;
    curl_free(text);
    return value;
  };
  out.scheme = get(CURLUPART_SCHEME);
  out.host = get(CURLUPART_HOST);
  out.has_user = !get(CURLUPART_USER).empty() || !get(CURLUPART_PASSWORD).empty();
  return out;
}

bool is_loopback_host(const std::string& host) {
  if (host == "localhost" || host == "[::1]") return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
}

Transfer transfer_of(CURLcode code, bool too_large) {
  if (too_large) return Transfer::too_large;
  switch (code) {
    case CURLE_OK:
      return Transfer::complete;
    case CURLE_OPERATION_TIMEDOUT:
      return Transfer::timed_out;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Transfer::unreachable;
    default:
      return Transfer::broken;
  }
}

/// Seconds to wait by a Retry-After value: a count or an HTTP date.
std::optional<double> parse_retry_after(const std::string& value) {
  if (value.empty()) return std::nullopt;
  char* end = nullptr;
  const double seconds = std::strtod(value.c_str(), &end);
  if (end != value.c_str()) {
    if (!std::isfinite(seconds) || seconds < 0.0) return std::nullopt;
    return seconds;
  }
  const std::time_t when = curl_getdate(value.c_str(), nullptr);
  if (when < 0) return std::nullopt;
  return std::max(0.0, std::difftime(when, std::time(nullptr)));
}

void must(CURLMcode code, const char* what) {
  if (code != CURLM_OK) throw InternalError(std::string(what) + ": " + curl_multi_strerror(code));
}

}  // namespace

std::string curl_description() { return ::curl_version(); }

bool is_loopback(const std::string& url) { return is_loopback_host(parts_of(url).host); }

void check_url(const std::string& url, bool allow_plain_http) {
  const UrlParts parts = parts_of(url);
  if ((parts.scheme != "http" && parts.scheme != "https") || parts.host.empty()) {
    throw UsageError("endpoint \"" + url + "\": not an http:// or https:// URL with a host");
  }
  if (parts.has_user) {
    throw UsageError(
        "endpoint at host " + parts.host +
        ": its URL holds a user name or password; put the key into an environment variable or a 0600 file");
  }
  if (parts.scheme == "http" && !allow_plain_http && !is_loopback_host(parts.host)) {
    throw UsageError("endpoint " + url +
                     ": plain http beyond this machine would send documents and keys unencrypted; "
                     "use https, or allow it with chat.allow_plain_http");
  }
}

struct HttpClient::Impl {
  struct Exchange {
    std::uint64_t ticket = 0;
    CURL* easy = nullptr;
    curl_slist* headers = nullptr;
    HttpRequest request;
    HttpResponse response;
    std::string retry_after;
    Clock::time_point started;
    std::size_t max_body_bytes = 0;
    bool too_large = false;
    std::array<char, CURL_ERROR_SIZE> error_text{};
  };

  explicit Impl(const HttpClientParams& p) : params(p) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialised != CURLE_OK) throw EnvironmentError(std::string("libcurl: ") + curl_easy_strerror(initialised));
    epoll = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
    multi = curl_multi_init();
    if (!epoll || multi == nullptr)
      throw EnvironmentError("the HTTP client cannot start: out of file descriptors or memory");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 4096L);
  }

  ~Impl() {
    for (auto& [ticket, exchange] : exchanges) {
      curl_multi_remove_handle(multi, exchange->easy);
      curl_easy_cleanup(exchange->easy);
      curl_slist_free_all(exchange->headers);
    }
    for (CURL* easy : spare) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  static int on_socket(CURL* /*easy*/, curl_socket_t socket, int what, void* self_pointer, void* known) {
    auto* self = static_cast<Impl*>(self_pointer);
    epoll_event event{};
    event.data.fd = socket;
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(self->epoll.get(), EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    // libcurl may close and open a descriptor of the same number without telling: try the other operation too.
    if (::epoll_ctl(self->epoll.get(), known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0) {
      ::epoll_ctl(self->epoll.get(), known != nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
    }
    if (known == nullptr) curl_multi_assign(self->multi, socket, self);
    return 0;
  }

  static int on_timer(CURLM* /*multi*/, long timeout_ms, void* self_pointer) {
    auto* self = static_cast<Impl*>(self_pointer);
    self->has_timer = timeout_ms >= 0;
    if (self->has_timer) self->timer = Clock::now() + std::chrono::milliseconds(timeout_ms);
    return 0;
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* exchange_pointer) {
    auto* exchange = static_cast<Exchange*>(exchange_pointer);
    const std::size_t bytes = size * count;
    if (bytes > exchange->max_body_bytes - exchange->response.body.size()) {
      exchange->too_large = true;
      return 0;
    }
    exchange->response.body.append(data, bytes);
    return bytes;
  }

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* exchange_pointer) {
    auto* exchange = static_cast<Exchange*>(exchange_pointer);
    std::string_view line(data, size * count);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      if (line.starts_with("HTTP/")) exchange->retry_after.clear();
      return size * count;
    }
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "retry-after") {
      line.remove_prefix(colon + 1);
      while (!line.empty() && std::isspace(static_cast<unsigned char>(line.front())) != 0) line.remove_prefix(1);
      while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) line.remove_suffix(1);
      exchange->retry_after = line.substr(0, 64);
    } else if (name == "content-length") {
      // Refuse a huge body before its first byte is read.
      const std::string value(line.substr(colon + 1));
      if (std::strtoull(value.c_str(), nullptr, 10) > exchange->max_body_bytes) {
        exchange->too_large = true;
        return 0;
      }
    }
    return size * count;
  }

  CURL* take_handle() {
    if (!spare.empty()) {
      CURL* easy = spare.back();
      spare.pop_back();
      return easy;
    }
    CURL* easy = curl_easy_init();
    if (easy == nullptr) throw EnvironmentError("the HTTP client is out of memory");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!params.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, params.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, params.user_agent.c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(params.connect_timeout_seconds * 1000.0));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Impl::on_body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Impl::on_header);
    return easy;
  }

  void start(std::uint64_t ticket, HttpRequest request) {
    // The same few URLs come again and again: each is checked once.
    if (checked_url != request.url) {
      check_url(request.url, params.allow_plain_http);
      checked_url = request.url;
      checked_is_local = is_loopback(request.url);
    }
    auto exchange = std::make_unique<Exchange>();
    exchange->ticket = ticket;
    exchange->request = std::move(request);
    exchange->started = Clock::now();
    exchange->max_body_bytes = params.max_body_bytes;
    CURL* easy = exchange->easy = take_handle();
    const HttpRequest& r = exchange->request;
    for (const std::string& header : r.headers)
      exchange->headers = curl_slist_append(exchange->headers, header.c_str());
    exchange->headers = curl_slist_append(exchange->headers, "Expect:");
    curl_easy_setopt(easy, CURLOPT_URL, r.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROXY, checked_is_local ? "" : nullptr);  // a proxy cannot reach our loopback
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    if (r.method == Method::post) {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(r.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r.body.data());
    } else {
      curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(r.timeout_seconds * 1000.0)));
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error_text.data());
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange.get());
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange.get());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange.get());
    const auto [place, fresh] = exchanges.try_emplace(ticket, std::move(exchange));
    if (!fresh) throw InternalError(format("HTTP ticket {} is already under way", ticket));
    must(curl_multi_add_handle(multi, easy), "starting an HTTP request");
  }

  std::unique_ptr<Exchange> release(std::uint64_t ticket) {
    const auto found = exchanges.find(ticket);
    if (found == exchanges.end()) return nullptr;
    std::unique_ptr<Exchange> exchange = std::move(found->second);
    exchanges.erase(found);
    curl_multi_remove_handle(multi, exchange->easy);
    curl_easy_setopt(exchange->easy, CURLOPT_ERRORBUFFER, nullptr);
    spare.push_back(exchange->easy);
    curl_slist_free_all(std::exchange(exchange->headers, nullptr));
    return exchange;
  }

  void collect(std::vector<HttpDone>& out) {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Exchange* ended = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &ended);
      long status = 0;
      curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
      const char* content_type = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_CONTENT_TYPE, &content_type);
      HttpResponse& response = ended->response;
      if (content_type != nullptr) {
        response.content_type = content_type;
        for (char& c : response.content_type) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
      const std::unique_ptr<Exchange> exchange = release(ended->ticket);
      response.status = static_cast<int>(status);
      response.transfer = transfer_of(code, exchange->too_large);
      response.tls_failed = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
      response.retry_after_seconds = parse_retry_after(exchange->retry_after);
      response.seconds = seconds_between(exchange->started, Clock::now());
      if (exchange->too_large) {
        response.body.clear();
        response.error = "the body is larger than " + human_bytes(static_cast<double>(exchange->max_body_bytes));
      } else if (code != CURLE_OK) {
        response.error = exchange->error_text[0] != '\0' ? exchange->error_text.data() : curl_easy_strerror(code);
      }
      out.push_back({exchange->ticket, std::move(response)});
    }
  }

  std::vector<HttpDone> poll(double wait_seconds) {
    std::vector<HttpDone> out;
    const Clock::time_point end =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(
                           std::chrono::duration<double>(std::clamp(wait_seconds, 0.0, 3600.0)));
    std::array<epoll_event, 256> events{};
    int running = 0;
    while (true) {
      if (has_timer && timer <= Clock::now()) {
        has_timer = false;
        must(curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running), "HTTP timers");
      }
      collect(out);
      Clock::time_point until = end;
      if (!out.empty()) until = Clock::now();
      if (has_timer) until = std::min(until, timer);
      const double wait_ms = std::ceil(std::max(0.0, seconds_between(Clock::now(), until)) * 1000.0);
      const int n =
          ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), static_cast<int>(wait_ms));
      for (int i = 0; i < n; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const int flags = ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                          ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                          ((event.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
        must(curl_multi_socket_action(multi, event.data.fd, flags, &running), "HTTP sockets");
      }
      collect(out);
      if (!out.empty() || Clock::now() >= end || (n < 0 && errno == EINTR)) return out;
    }
  }

  HttpClientParams params;
  CURLM* multi = nullptr;
  FileDescriptor epoll;
  bool has_timer = false;
  Clock::time_point timer;
  std::unordered_map<std::uint64_t, std::unique_ptr<Exchange>> exchanges;
  std::vector<CURL*> spare;
  std::string checked_url;
  bool checked_is_local = false;
};

HttpClient::HttpClient(const HttpClientParams& params) : impl_(std::make_unique<Impl>(params)) {}
HttpClient::~HttpClient() = default;
void HttpClient::start(std::uint64_t ticket, HttpRequest request) { impl_->start(ticket, std::move(request)); }
void HttpClient::cancel(std::uint64_t ticket) { impl_->release(ticket); }
std::vector<HttpDone> HttpClient::poll(double wait_seconds) { return impl_->poll(wait_seconds); }
std::size_t HttpClient::under_way() const noexcept { return impl_->exchanges.size(); }

}  // namespace equal::net
