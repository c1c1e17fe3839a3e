// Where requests go: endpoints as the user writes them, in settings or in a file that may change while the program
// runs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "equal/net/secret.hpp"

namespace equal::net {

/// One server. Written as a line of words:
///   https://api.example.com/v1 slots=64 weight=1 key_env=API_KEY auth=bearer
struct EndpointSpec {
  std::string url;         ///< base, such as http://127.0.0.1:8000/v1; a ?query stays behind the path of every call
  std::size_t slots = 64;  ///< slots=: most requests in flight there, over all clients that share it
  double weight = 1.0;     ///< weight=: share of the load at equal latency
  std::string key_env;     ///< key_env=: environment variable with the API key
  std::string key_file;    ///< key_file=: 0600 file with the API key; at most one of the two
  std::string auth = "bearer";  ///< auth=: "bearer", or the name of the header that takes the bare key (Azure: api-key)
  bool operator==(const EndpointSpec&) const = default;
};

/// One endpoint; what the line does not say is as in `defaults`. Throws UsageError("<where>: ...") for what it cannot
/// read.
EndpointSpec parse_endpoint(std::string_view line, const std::string& where, const EndpointSpec& defaults = {});

/// One endpoint a line or between semicolons; blank lines and those that start with # are skipped. Reports every bad
/// line.
std::vector<EndpointSpec> parse_endpoints(std::string_view text, const std::string& where,
                                          const EndpointSpec& defaults = {});

/// The base joined with a path such as "/chat/completions", before the query if there is one.
std::string join_url(const std::string& base, std::string_view path);

/// The key that the endpoint names, or none. Throws UsageError.
Secret load_key(const EndpointSpec& spec);

/// A file of endpoints, read again when it has changed. Servers of a batch job write themselves into it as they come
/// up.
class EndpointsFile {
 public:
  explicit EndpointsFile(std::filesystem::path path, EndpointSpec defaults = {})
      : path_(std::move(path)), defaults_(std::move(defaults)) {}
  /// True when the file's content differs from what was read last (and at first). A missing file is an empty list.
  /// Throws UsageError for a bad line; the list then stays as it was.
  bool refresh();
  /// The next refresh() says true whatever it finds: what it found could not be used.
  void forget() noexcept { was_read_ = false; }
  const std::vector<EndpointSpec>& endpoints() const noexcept { return endpoints_; }

 private:
  std::filesystem::path path_;
  EndpointSpec defaults_;
  bool was_read_ = false;
  std::string content_;
  std::vector<EndpointSpec> endpoints_;
};

}  // namespace equal::net
