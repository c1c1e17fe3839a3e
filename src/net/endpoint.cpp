#include "equal/net/endpoint.hpp"

#include <charconv>
#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

namespace equal::net {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

template <class T>
T number(std::string_view text, const std::string& where, std::string_view name, T least, T most) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most)) {
    throw UsageError(format("{}: {}={}; must be a number from {} to {}", where, name, text, least, most));
  }
  return value;
}

bool is_header_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
             std::string_view::npos;
}

}  // namespace

EndpointSpec parse_endpoint(std::string_view line, const std::string& where, const EndpointSpec& defaults) {
  EndpointSpec out = defaults;
  out.url.clear();
  out.key_env.clear();
  out.key_file.clear();
  line = trimmed(line);
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(kBlank), line.size());
    const std::string_view word = line.substr(0, end);
    line = trimmed(line.substr(end));
    if (out.url.empty()) {
      out.url = word;
      while (out.url.ends_with('/')) out.url.pop_back();
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1);
    if (name == "slots") {
      out.slots = number<std::size_t>(value, where, name, 1, 65536);
    } else if (name == "weight") {
      out.weight = number<double>(value, where, name, 1e-3, 1e3);
    } else if (name == "key_env" && !value.empty()) {
      out.key_env = value;
    } else if (name == "key_file" && !value.empty()) {
      out.key_file = value;
    } else if (name == "auth" && is_header_name(value)) {
      out.auth = value;
    } else {
      throw UsageError(format(
          "{}: \"{}\" is not known here; after the URL come slots= weight= key_env= key_file= auth=", where, word));
    }
  }
  if (out.url.empty()) throw UsageError(where + ": an endpoint is missing its URL");
  if (!out.key_env.empty() && !out.key_file.empty()) {
    throw UsageError(where + ": key_env and key_file are both given; one key is enough");
  }
  if (out.key_env.empty() && out.key_file.empty()) {
    out.key_env = defaults.key_env;
    out.key_file = defaults.key_file;
  }
  return out;
}

std::vector<EndpointSpec> parse_endpoints(std::string_view text, const std::string& where,
                                          const EndpointSpec& defaults) {
  std::vector<EndpointSpec> out;
  std::string problems;
  std::size_t line_number = 1;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n;"), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    if (!line.empty() && line.front() != '#') {
      try {
        out.push_back(parse_endpoint(line, format("{}:{}", where, line_number), defaults));
      } catch (const UsageError& error) {
        problems += (problems.empty() ? "" : "\n") + std::string(error.what());
      }
    }
    if (end < text.size() && text[end] == '\n') ++line_number;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!problems.empty()) throw UsageError(problems);
  return out;
}

std::string join_url(const std::string& base, std::string_view path) {
  const std::size_t query = std::min(base.find('?'), base.size());
  std::string out = base.substr(0, query);
  while (out.ends_with('/')) out.pop_back();
  return out.append(path).append(base, query);
}

Secret load_key(const EndpointSpec& spec) {
  if (!spec.key_env.empty()) return Secret::from_environment(spec.key_env);
  if (!spec.key_file.empty()) return Secret::from_file(spec.key_file);
  return {};
}

bool EndpointsFile::refresh() {
  std::string content;
  if (std::filesystem::exists(path_)) content = read_file(path_, std::uint64_t{1} << 20);
  if (was_read_ && content == content_) return false;
  // Remember the text even when it is bad, so that one mistake is reported once.
  was_read_ = true;
  content_ = content;
  endpoints_ = parse_endpoints(content, path_.string(), defaults_);
  return true;
}

}  // namespace equal::net
