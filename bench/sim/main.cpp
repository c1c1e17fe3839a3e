// bench_sim: the real job over simulated ranks in one process (equal/comm/simulation.hpp). Last line: JSON.
//   bench_sim job RANKS COMMAND ...    `equal COMMAND ...` on so many ranks, code taking no time; its own output first
//       bench_sim job 4 extract --workspace W --redo extract ...
//   bench_sim rounds [name=value ...]  the coordinator over stand-ins of workers (rounds.hpp)
//       ranks=1024 arms=16384 documents=524288 dim=256 seed=1 rounds=50 round_documents=0 policy=pooled reward=marginal
//       order=fixed|arrival slots=16 latency=lognormal:8,0.6 budget_documents=0 budget_tokens=0 compute=measured|free
//       latency_us=20 overhead_us=1 gbit=10 wake_us=500 journal_ms=2 folder=DIR (for rounds.jsonl; emptied)
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/linalg/gemm.hpp"

#include "commands.hpp"
#include "rounds.hpp"

namespace {

using namespace equal;

/// name=value arguments; every one must be asked for by name.
class Arguments {
 public:
  Arguments(int argc, char** argv) {
    for (int i = 0; i < argc; ++i) {
      const std::string word = argv[i];
      const auto equals = word.find('=');
      if (equals == std::string::npos) throw UsageError("bench_sim: '" + word + "' is not of the form name=value");
      values_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  std::string text(const std::string& name, const std::string& otherwise) {
    const auto at = values_.find(name);
    if (at == values_.end()) return otherwise;
    std::string out = at->second;
    values_.erase(at);
    return out;
  }
  double number(const std::string& name, double otherwise) {
    const std::string value = text(name, "");
    if (value.empty()) return otherwise;
    char* end = nullptr;
    const double out = std::strtod(value.c_str(), &end);
    if (*end != '\0' || !(out >= 0) || out > 1e15)
      throw UsageError(format("bench_sim: {} = {}; must be a number, 0 or more", name, value));
    return out;
  }
  std::uint64_t count(const std::string& name, std::uint64_t otherwise) {
    return static_cast<std::uint64_t>(number(name, static_cast<double>(otherwise)));
  }
  bool choice(const std::string& name, const std::string& off, const std::string& on, const std::string& otherwise) {
    const std::string value = text(name, otherwise);
    if (value != off && value != on)
      throw UsageError(format("bench_sim: {} = {}; must be {} or {}", name, value, off, on));
    return value == on;
  }
  void finish() const {
    if (!values_.empty()) throw UsageError("bench_sim: unknown argument " + values_.begin()->first);
  }

 private:
  std::map<std::string, std::string> values_;
};

int run_rounds(Arguments a) {
  sim::RoundsParams p;
  p.world.ranks = static_cast<int>(a.count("ranks", 1024));
  p.world.compute = a.choice("compute", "free", "measured", "measured") ? comm::Compute::measured : comm::Compute::free;
  p.world.network.latency_seconds = 1e-6 * a.number("latency_us", 20);
  p.world.network.overhead_seconds = 1e-6 * a.number("overhead_us", 1);
  p.world.network.bytes_per_second = 1e9 / 8 * a.number("gbit", 10);
  p.world.network.wake_seconds = 1e-6 * a.number("wake_us", 500);
  p.corpus.arms = a.count("arms", 16384);
  p.corpus.documents = a.count("documents", 524288);
  p.corpus.dim = a.count("dim", 256);
  p.corpus.seed = a.count("seed", 1);
  p.rounds = a.count("rounds", 50);
  p.round_documents = a.count("round_documents", 0);
  p.policy = a.text("policy", "pooled");
  p.reward = a.text("reward", "marginal");
  p.by_arrival = a.choice("order", "fixed", "arrival", "fixed");
  p.slots = a.count("slots", 16);
  p.latency = a.text("latency", p.latency);
  p.budget_documents = a.count("budget_documents", 0);
  p.budget_tokens = a.count("budget_tokens", 0);
  p.journal_seconds = 1e-3 * a.number("journal_ms", 2);
  p.folder = a.text("folder", "bench-sim");
  a.finish();
  if (p.corpus.arms < 1 || p.corpus.dim < 1 || p.corpus.documents < 1 || p.slots < 1 || p.rounds < 1)
    throw UsageError("bench_sim: arms, dim, documents, slots and rounds must be at least 1");
  std::filesystem::remove(std::filesystem::path(p.folder) / "rounds.jsonl");
  Json out = sim::simulate_rounds(p);
  out["ranks"] = p.world.ranks;
  out["arms"] = p.corpus.arms;
  out["documents"] = p.corpus.documents;
  out["dim"] = p.corpus.dim;
  out["policy"] = p.policy;
  out["order"] = p.by_arrival ? "arrival" : "fixed";
  std::printf("%s\n", dump_json(out).c_str());
  return 0;
}

int run_job(int ranks, const std::vector<std::string>& words) {
  comm::SimulationParams params;
  params.ranks = ranks;
  const auto done = comm::simulate(params, [&](comm::SimulatedRank& rank) { return cli::run_command(rank, words); });
  Json bytes = Json::array(), messages = Json::array(), collectives = Json::array();
  for (const auto& r : done.ranks) {
    bytes.push_back(r.bytes_sent);
    messages.push_back(r.messages_sent);
    collectives.push_back(r.collectives);
  }
  std::printf("%s\n", dump_json(Json{{"ranks", ranks},
                                     {"exit_code", done.exit_code},
                                     {"virtual_seconds", done.seconds},
                                     {"messages_sent", messages},
                                     {"bytes_sent", bytes},
                                     {"collectives", collectives}})
                          .c_str());
  return done.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    linalg::use_one_blas_thread();
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "rounds") return run_rounds(Arguments(argc - 2, argv + 2));
    const int ranks = argc > 3 ? std::atoi(argv[2]) : 0;
    if (what == "job" && ranks > 0) return run_job(ranks, {argv + 3, argv + argc});
    std::fputs("usage: bench_sim rounds [name=value ...] | bench_sim job RANKS COMMAND ...\n", stderr);
    return 1;
  } catch (const Error& e) {
    log::error("{}", e.what());
    return e.exit_code();
  }
}
