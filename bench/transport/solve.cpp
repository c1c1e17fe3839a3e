// Times the transport solvers on problems that a peer gives it, one command a line on standard input:
//   problem FILE N M WEIGHTED     float64 cost (N,M) row-major; WEIGHTED = 1: then the N and M weights follow in the
//   file emd | ipot [COUNT] | sinkhorn EPSILON TOLERANCE MAX_ITERATIONS
// Each solver answers one JSON line: CPU seconds, elapsed seconds, value and what it reports. All work on one thread,
// except that COUNT > 1 problems (here the same one) go over all cores, a problem a thread, as the arms of a round do.
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/thread_pool.hpp"
#include "equal/transport/emd.hpp"
#include "equal/transport/ipot.hpp"
#include "equal/transport/sinkhorn.hpp"

namespace {

using namespace equal;

struct Problem {
  linalg::Matrix<double> cost;
  std::vector<double> a, b;
};

void read(std::istream& in, std::span<double> values) {
  in.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
  if (!in) throw DataError("the problem file is shorter than its size says");
}

Problem load(std::istream& words) {
  std::string path;
  std::size_t n = 0, m = 0;
  int weighted = 0;
  if (!(words >> path >> n >> m >> weighted)) throw UsageError("problem FILE N M WEIGHTED");
  std::ifstream file(path, std::ios::binary);
  Problem p{linalg::Matrix<double>(n, m), {}, {}};
  read(file, p.cost.values());
  if (weighted != 0) {
    p.a.resize(n);
    p.b.resize(m);
    read(file, p.a);
    read(file, p.b);
  }
  return p;
}

template <class Solve>
Json timed(const Solve& solve) {
  const auto now = [](clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  };
  const double cpu = now(CLOCK_PROCESS_CPUTIME_ID), elapsed = now(CLOCK_MONOTONIC);
  Json out = solve();
  out["seconds"] = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  out["elapsed"] = now(CLOCK_MONOTONIC) - elapsed;
  return out;
}

Json answer(const std::string& solver, std::istream& words, const Problem& p) {
  if (solver == "emd") {
    return timed([&] {
      const auto r = transport::emd(p.cost.view(), p.a, p.b);
      return Json{{"value", r.value}, {"lower_bound", r.lower_bound}, {"optimal", r.optimal}, {"pivots", r.pivots}};
    });
  }
  if (solver == "ipot") {
    std::size_t count = 1;
    words >> count;
    std::vector<transport::IpotResult> results(count);
    ThreadPool pool(count > 1 ? 0 : 1);
    Json out = timed([&] {
      pool.run(count, [&](std::size_t i, std::size_t) { results[i] = transport::ipot(p.cost.view(), p.a, p.b); });
      return Json{{"value", results.back().value}, {"marginal_error", results.back().marginal_error}};
    });
    out["threads"] = pool.size();
    return out;
  }
  if (solver == "sinkhorn") {
    transport::SinkhornParams params;
    if (!(words >> params.epsilon >> params.tolerance >> params.max_iterations)) {
      throw UsageError("sinkhorn EPSILON TOLERANCE MAX_ITERATIONS");
    }
    words >> params.scaling_steps;  // stays 0 where it is left out
    return timed([&] {
      const auto r = transport::sinkhorn(p.cost.view(), p.a, p.b, params);
      return Json{{"value", r.value},
                  {"marginal_error", r.marginal_error},
                  {"converged", r.converged},
                  {"iterations", r.iterations}};
    });
  }
  throw UsageError("unknown command '" + solver + "'");
}

}  // namespace

int main() {
  try {
    Problem problem;
    std::string line;
    while (std::getline(std::cin, line)) {
      std::istringstream words(line);
      std::string command;
      if (!(words >> command)) continue;
      if (command == "problem") {
        problem = load(words);
      } else {
        std::cout << dump_json(answer(command, words, problem)) << std::endl;
      }
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_transport: " << error.what() << '\n';
    return 1;
  }
}
