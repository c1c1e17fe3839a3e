// Reads inputs as ingest does and prints what it cost, as one JSON line.
//
// usage: bench_ingest THREADS FOLDER|- INPUT...     with a FOLDER, partitions are written to it too
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <sys/resource.h>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/store/corpus_reader.hpp"
#include "equal/store/partition.hpp"

namespace {

double cpu_seconds() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

double peak_memory_mb() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024.0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace equal;
  using namespace equal::store;
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s THREADS FOLDER|- INPUT...\n", argv[0]);
    return 1;
  }
  try {
    ThreadPool pool(static_cast<std::size_t>(std::atoi(argv[1])));
    const std::string folder = argv[2];
    const auto start = std::chrono::steady_clock::now();
    std::uint64_t bytes = 0, documents = 0, lines = 0, bad = 0;
    std::uint32_t partition = 0;
    for (const Input& input : list_inputs({argv + 3, argv + argc})) {
      CorpusReader reader(CorpusParams{}, input, 0, &pool);
      std::vector<Document> block;
      while (reader.next_chunk()) {
        std::unique_ptr<PartitionWriter> writer;
        if (folder != "-") writer = std::make_unique<PartitionWriter>(partition_file(folder, partition++));
        while (reader.next(block)) {
          documents += block.size();
          if (!writer) continue;
          for (const Document& d : block) writer->add(d);
        }
        if (writer) writer->finish({});
        bytes += reader.tally().bytes;
        lines += reader.tally().lines;
        bad += reader.tally().bad_lines();
      }
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const Json result = {{"mb", static_cast<double>(bytes) / 1e6},
                         {"lines", lines},
                         {"documents", documents},
                         {"bad", bad},
                         {"seconds", seconds},
                         {"cpu_seconds", cpu_seconds()},
                         {"threads", pool.size()},
                         {"mb_per_s", static_cast<double>(bytes) / 1e6 / seconds},
                         {"peak_mb", peak_memory_mb()}};
    std::printf("%s\n", dump_json(result).c_str());
    return 0;
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return e.exit_code();
  }
}
