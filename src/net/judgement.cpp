#include "judgement.hpp"

#include <algorithm>
#include <utility>

#include "equal/base/log.hpp"

namespace equal::net {
namespace {

/// The start of a server's error text, on one line.
std::string excerpt(const std::string& body) {
  std::string out = body.substr(0, 160);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U) out.pop_back();
  if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0U) out.pop_back();
  return out;
}

}  // namespace

Judgement judge(const HttpResponse& r, const Dispatcher::Accept& accept) {
  switch (r.transfer) {
    case Transfer::unreachable:
      return {Verdict::retry_free, r.tls_failed ? Outcome::refused : Outcome::unreachable, r.error};
    case Transfer::broken:
      return {Verdict::retry, Outcome::failed, "broken connection: " + r.error};
    case Transfer::timed_out:
      return {Verdict::retry, Outcome::timed_out, "no answer in time: " + r.error};
    case Transfer::too_large:
      return {Verdict::retry, Outcome::failed, r.error};
    case Transfer::complete:
      break;
  }
  if (r.status >= 200 && r.status < 300) {
    std::string reason = accept ? accept(r) : std::string{};
    if (reason.empty()) return {};
    return {Verdict::retry, Outcome::failed, std::move(reason)};
  }
  std::string reason = format("HTTP {}", r.status);
  if (r.status >= 300 && r.status < 400) {
    return {Verdict::retry_free, Outcome::refused, reason + ": a redirect, which is not followed; give the final URL"};
  }
  if (!r.body.empty() && why_not_json(r).empty()) reason += ": " + excerpt(r.body);
  switch (r.status) {
    case 401:
    case 403:
      return {Verdict::retry_free, Outcome::refused, reason + " (is the key right?)"};
    case 402:
      return {Verdict::retry_free, Outcome::refused, reason + " (is the account in funds?)"};
    case 404:
    case 405:
      return {Verdict::retry_free, Outcome::refused, reason + " (are base URL and model right?)"};
    case 429:
      return {Verdict::retry_free, Outcome::congested, reason};
    case 503:
      return {Verdict::retry, Outcome::congested, reason};
    case 408:
    case 504:
      return {Verdict::retry, Outcome::timed_out, reason};
    default:
      break;
  }
  if (r.status >= 500 || r.status == 409 || r.status == 425) return {Verdict::retry, Outcome::failed, reason};
  // What is left is the request's own fault: another try would give the same. The endpoint did its work.
  return {Verdict::give_up, Outcome::success, reason};
}

std::string why_not_json(const HttpResponse& response) {
  const std::string& type = response.content_type;
  const std::string_view media = std::string_view(type).substr(0, type.find(';'));
  if (!type.empty() && media.find("json") == std::string_view::npos) {
    return format("{} instead of JSON", excerpt(std::string(media)));
  }
  const std::size_t charset = type.find("charset=");
  if (charset != std::string::npos) {
    std::string name = type.substr(charset + 8);
    name.erase(std::remove(name.begin(), name.end(), '"'), name.end());
    if (!name.starts_with("utf-8") && !name.starts_with("utf8") && !name.starts_with("us-ascii")) {
      return format("charset {} instead of UTF-8", excerpt(name));
    }
  }
  return {};
}

}  // namespace equal::net
