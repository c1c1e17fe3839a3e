// A server with 256 slots and log-normal latency (median 200 ms, sigma 1). What share of its slots is busy between the
// first and the last dispatch, when the next documents are decided (a) as answers arrive, (b) a round at a time with
// one round of delay, (c) a round at a time. Rounds are 50 arms x 10 documents.
#include <cmath>
#include <deque>
#include <iostream>
#include <map>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/random.hpp"

#include "bench_chat.hpp"
#include "support/fake_llm.hpp"

namespace equal::bench {
namespace {

constexpr std::size_t kSlots = 256;
constexpr std::int64_t kRound = 500;

/// Runs `count` documents with at most `rounds_in_flight` rounds begun and unfinished; 0: no rounds, as they arrive.
double busy_share(std::int64_t count, std::int64_t rounds_in_flight) {
  test::FakeLlmParams server_params;
  server_params.slots = kSlots;
  server_params.script = [](std::int64_t document, std::size_t, const std::string&) {
    RandomStream random(static_cast<std::uint64_t>(document), "latency");
    return test::Reply{test::Fault::none, 0.2 * std::exp(random.normal()), 0.0, ""};
  };
  const test::FakeLlm server(server_params);
  extract::ChatParams params = chat_params(server.url(), kSlots);
  if (rounds_in_flight > 0) params.prefetch = 2.0 * static_cast<double>(kRound) / static_cast<double>(kSlots);
  extract::ChatExtractor extractor(params);
  std::int64_t next = 0, done = 0;
  std::map<std::int64_t, std::int64_t> unanswered;  // by round
  const auto may_submit = [&] {
    if (next >= count) return false;
    if (rounds_in_flight == 0) return static_cast<std::size_t>(next - done) < extractor.slots();
    const std::int64_t round = next / kRound;
    const auto before = unanswered.upper_bound(round - rounds_in_flight);
    return before == unanswered.begin();  // every round up to round - rounds_in_flight is finished
  };
  while (done < count) {
    while (may_submit()) {
      ++unanswered[next / kRound];
      extractor.submit(request_of(next++));
    }
    for (const extract::Extraction& extraction : extractor.poll(1.0)) {
      if (!extraction.failure.empty()) throw EnvironmentError("a document failed: " + extraction.failure);
      const std::int64_t round = static_cast<std::int64_t>(extraction.document) / kRound;
      if (--unanswered[round] == 0) unanswered.erase(round);
      ++done;
    }
  }
  const test::FakeLlm::Busy busy = server.busy();
  return busy.slot_seconds / (busy.seconds * static_cast<double>(kSlots));
}

}  // namespace

int utilisation(const std::vector<std::string>& arguments) {
  const std::int64_t scale = arguments.empty() ? 1 : std::stoll(arguments[0]);
  const double arrival = busy_share(10000 * scale, 0), delayed = busy_share(4000 * scale, 2),
               barrier = busy_share(3000 * scale, 1);
  std::cout << dump_json({{"utilisation", arrival}, {"utilisation_delay1", delayed}, {"utilisation_barrier", barrier}})
            << std::endl;
  return 0;
}

}  // namespace equal::bench
