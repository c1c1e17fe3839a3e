#include <cstdlib>
#include <iostream>
#include <map>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "bench_chat.hpp"

int main(int argc, char** argv) {
  using namespace equal;
  const std::map<std::string, int (*)(const std::vector<std::string>&)> parts{
      {"serve", bench::serve}, {"client", bench::client}, {"grounding", bench::grounding}};
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto part = arguments.empty() ? parts.end() : parts.find(arguments[0]);
  if (part == parts.end()) {
    std::cerr << "usage: bench_chat serve|client|grounding ...; bench/run chat runs all\n";
    return 1;
  }
  try {
    log::configure("warn", 0, 1);
    return part->second(std::vector<std::string>(arguments.begin() + 1, arguments.end()));
  } catch (const Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  }
}
