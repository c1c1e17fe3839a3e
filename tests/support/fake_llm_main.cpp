// The fake server as a program, for tests and benches of the whole job:
//   equal_fake_llm [port=N] [slots=N] [faults=SHARE] [latency=instant|uniform:SECONDS|lognormal:MEDIAN:SIGMA]
//   [log=FILE]
//                  [echo=1] [answer=FILE]
// Prints its base URL, then answers each line of standard input: "busy" with {"slot_seconds":..., "seconds":...,
// "completions":...}, "die" (no more connections) and "return" with "ok". Ends with standard input.
//   echo=1       errors and answers that hold the key that came with the request
//   answer=FILE  this text as the model's answer to every document
#include <cmath>
#include <iostream>
#include <map>
#include <string>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"

#include "support/fake_llm.hpp"

namespace equal::test {
namespace {

std::function<double(std::int64_t, std::size_t)> latency_of(const std::string& text) {
  const std::size_t first = text.find(':'), second = text.find(':', first + 1);
  const std::string kind = text.substr(0, first);
  if (kind == "instant") return [](std::int64_t, std::size_t) { return 0.0; };
  if (first == std::string::npos) throw UsageError("latency=" + text);
  const double a = std::stod(text.substr(first + 1));
  const double b = second == std::string::npos ? 0.0 : std::stod(text.substr(second + 1));
  return [kind, a, b](std::int64_t document, std::size_t attempt) {
    RandomStream random(static_cast<std::uint64_t>(document) * 1000 + attempt, "latency");
    return kind == "uniform" ? a * random.uniform() : a * std::exp(b * random.normal());
  };
}

int serve(int argc, char** argv) {
  std::map<std::string, std::string> options{{"port", "0"}, {"slots", "0"}, {"faults", "0"}, {"latency", "instant"}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) throw UsageError("'" + word + "' is no option=value");
    options[word.substr(0, equals)] = word.substr(equals + 1);
  }
  FakeLlmParams params;
  params.port = std::stoi(options["port"]);
  params.slots = std::stoul(options["slots"]);
  params.log_path = options["log"].empty() ? "/dev/null" : options["log"];
  const double faults = std::stod(options["faults"]);
  const bool echo = options["echo"] == "1";
  const auto latency = latency_of(options["latency"]);
  std::string fixed;
  if (!options["answer"].empty()) {
    fixed =
        dump_json(Json{{"choices",
                        {{{"finish_reason", "stop"},
                          {"message", {{"role", "assistant"}, {"content", read_file(options["answer"], 1 << 20)}}}}}},
                       {"usage", {{"prompt_tokens", 100}, {"completion_tokens", 40}}}});
  }
  params.script = [=](std::int64_t document, std::size_t attempt, const std::string&) {
    Reply reply;
    reply.fault = random_fault(document, attempt, faults);
    reply.delay_seconds = latency(document, attempt);
    reply.retry_after_seconds = 0.02;
    reply.body = fixed;
    if (echo && document % 4 < 3) {
      reply.body.clear();
      reply.fault = document % 4 == 0 ? Fault::echo_400 : attempt == 0 ? Fault::echo_500 : Fault::echo_answer;
    }
    return reply;
  };
  FakeLlm server(params);
  std::cout << server.url() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "die") server.die();
    if (line == "return") server.start_again();
    const FakeLlm::Busy busy = server.busy();
    std::cout << (line == "busy" ? dump_json({{"slot_seconds", busy.slot_seconds},
                                              {"seconds", busy.seconds},
                                              {"most_at_once", server.most_at_once()},
                                              {"completions", server.completions()}})
                                 : std::string("ok"))
              << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace equal::test

int main(int argc, char** argv) {
  try {
    return equal::test::serve(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "equal_fake_llm: " << error.what() << '\n';
    return 1;
  }
}
