// INI files, command lines, lists of endpoints.
#include <string>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/net/endpoint.hpp"
#include "equal/settings/parse.hpp"

#include "target.hpp"

namespace equal::fuzz {
namespace {

const settings::Settings& defaults() {
  static const settings::Settings values = settings::defaults();
  return values;
}

void check_round_trip(const settings::Settings& settings) {
  const std::string written = settings::to_ini(settings);
  settings::Settings again = defaults();
  settings::read_ini(file_of("again.ini", written), again);
  check(settings::to_ini(again) == written, "what is written reads back to the same values");
}

void fuzz_ini(std::string_view bytes) {
  settings::Settings settings = defaults();
  try {
    settings::read_ini(file_of("in.ini", bytes), settings);
  } catch (const UsageError&) {
    return;
  }
  check_round_trip(settings);
}

/// A word a line.
void fuzz_command_line(std::string_view bytes) {
  std::vector<std::string> words;
  while (!bytes.empty()) {
    const auto [word, rest] = split(bytes, '\n');
    if (word.find("--config") != std::string_view::npos) return;  // would open files of this machine
    words.emplace_back(word);
    bytes = rest;
  }
  try {
    check_round_trip(settings::parse_command_line(words, {"help", "dry-run"}).settings);
  } catch (const UsageError&) {
  }
}

void fuzz_endpoints(std::string_view text) {
  try {
    for (const net::EndpointSpec& spec : net::parse_endpoints(text, "fuzz")) {
      check(!spec.url.empty() && spec.slots > 0 && spec.weight > 0, "an endpoint that can be used");
      check(net::join_url(spec.url, "/models").find("/models") != std::string::npos, "the path is joined");
    }
  } catch (const UsageError&) {
  }
}

const Registered kIni("ini", fuzz_ini), kCommandLine("command_line", fuzz_command_line),
    kEndpoints("endpoints", fuzz_endpoints);

}  // namespace
}  // namespace equal::fuzz
