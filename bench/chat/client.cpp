#include <cstdlib>
#include <iostream>
#include <limits>

#include <sys/resource.h>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/net/endpoint.hpp"

#include "bench_chat.hpp"
#include "support/fake_llm.hpp"

namespace equal::bench {

using Clock = std::chrono::steady_clock;

extract::ChatParams chat_params(const std::string& url, std::size_t slots) {
  const char* source = std::getenv("EQUAL_SOURCE_DIR");
  extract::ChatParams params;
  params.prompting.model = "fake";
  params.prompting.prompt_file =
      std::filesystem::path(source == nullptr ? "." : source) / "configs" / "prompts" / "extract.txt";
  net::EndpointSpec endpoint = net::parse_endpoint(url, "bench");
  endpoint.slots = slots;
  params.net.endpoints = {endpoint};
  return params;
}

extract::Request request_of(std::int64_t document) {
  return {static_cast<std::uint64_t>(document), std::to_string(document), test::FakeLlm::document_text(document), {}};
}

double seconds_since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int serve(const std::vector<std::string>& /*arguments*/) {
  test::FakeLlmParams params;
  params.log_path = "/dev/null";  // keeps no list of requests in memory
  const test::FakeLlm server(params);
  std::cout << server.url() << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  return 0;
}

int client(const std::vector<std::string>& arguments) {
  if (arguments.size() != 3) throw UsageError("client URL DOCUMENTS SLOTS");
  const std::int64_t count = std::stoll(arguments[1]);
  extract::ChatExtractor extractor(chat_params(arguments[0], std::stoul(arguments[2])));
  std::int64_t next = 0, done = 0;
  std::size_t pairs = 0;
  const Clock::time_point started = Clock::now();
  const double cpu = cpu_seconds();
  while (done < count) {
    while (next < count && static_cast<std::size_t>(next - done) < extractor.slots())
      extractor.submit(request_of(next++));
    for (const extract::Extraction& extraction : extractor.poll(1.0)) {
      if (!extraction.failure.empty()) throw EnvironmentError("a document failed: " + extraction.failure);
      pairs += extraction.pairs.size();
      ++done;
    }
  }
  const double n = static_cast<double>(count);
  std::cout << dump_json({{"requests_per_second", n / seconds_since(started)},
                          {"cpu_us_per_request", 1e6 * (cpu_seconds() - cpu) / n},
                          {"pairs", pairs}})
            << std::endl;
  return pairs == 2 * static_cast<std::size_t>(count) ? 0 : 70;
}

}  // namespace equal::bench
