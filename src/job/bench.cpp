// equal bench: a small run of every stage, and what each unit of it took.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>

#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"
#include "equal/job/machine_profile.hpp"
#include "equal/linalg/gemm.hpp"

#include "bench_probes.hpp"
#include "bench_runs.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown";
}

Json machine_of(const Job& job, const Sample& sample) {
  const std::uint64_t memory =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  return {{"host", host_name()},
          {"processor", processor()},
          {"cores", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"memory_bytes", memory},
          {"mpi", job.comm.description()},
          {"blas", linalg::blas_description()},
          {"ranks", job.comm.size()},
          {"workers", job.comm.workers()},
          {"threads", job.pool.size()},
          {"sample_documents", sample.documents}};
}

}  // namespace

MachineProfile measure_machine(Job& job, const fs::path& scratch) {
  const auto start = std::chrono::steady_clock::now();
  if (job.settings.inputs.empty() || job.settings.reference.empty())
    throw UsageError(
        "a measurement needs --inputs and --reference.files: documents and pairs of the corpus that is planned for");
  const fs::path folder = scratch / "equal-bench";
  Sample sample;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    fs::remove_all(folder);
    fs::create_directories(folder / "w");
    sample = write_sample(job.settings, folder);
  });
  sample = comm::broadcast(job.comm, sample);
  SampleRuns runs(job, folder);
  MachineProfile p;
  const double input = static_cast<double>(sample.input_bytes), documents = static_cast<double>(sample.documents);

  const StageCost idle = run_measured(job, "idle", [](Job&) {});
  const StageCost ingest = runs.stage("ingest", &ingest_stage);
  if (job.comm.is_root()) log::info("bench: ingest measured after {}", human_seconds(elapsed_seconds(start)));
  measure_fit(runs, job, p);
  if (job.comm.is_root()) log::info("bench: the table's fit measured after {}", human_seconds(elapsed_seconds(start)));
  const StageCost embed = runs.stage("embed", &embed_stage);
  measure_cluster(runs, job, p);
  if (job.comm.is_root()) log::info("bench: cluster measured after {}", human_seconds(elapsed_seconds(start)));
  measure_extract(runs, job, p);
  measure_warmup(runs, job, p);
  const double reduce = job.comm.size() > 1 ? reduce_rate(job.comm) : 0;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const Json facts = runs.facts("ingest");
    const double kept = facts.at("documents").get<double>(), text = facts.at("text_bytes").get<double>();
    const std::string origin = format("ingest of {} documents", sample.documents);
    p.machine = machine_of(job, sample);
    p.machine["seconds"] = elapsed_seconds(start);
    p.set("corpus.input_bytes", input / documents, "bytes a document", "the sample, JSON lines");
    p.set("corpus.kept", kept / documents, "share", "the sample, after duplicates were dropped and long documents cut");
    p.set("corpus.text_bytes", text / kept, "bytes a document", "the sample");
    p.set("corpus.id_bytes", static_cast<double>(sample.id_bytes) / documents, "bytes a document", "the sample");
    p.set("corpus.pair_bytes", static_cast<double>(sample.pair_bytes) / documents, "bytes a document", "the sample");
    p.set("ingest.read_byte", ingest.parts.at("read").workers / input, "s", origin);
    p.set("ingest.duplicates_document", ingest.parts.at("duplicates").workers / documents, "s", origin);
    p.set("ingest.write_byte", ingest.parts.at("write").workers / input, "s", origin);
    p.set("embed.encode_byte", embed.parts.at("encode").workers / text, "s", format("embed of {:.0f} documents", kept));
    p.set("memory.base", static_cast<double>(idle.peak_rss), "bytes a rank", "a rank before its first stage");
    p.set("memory.node", p.machine.at("memory_bytes").get<double>(), "bytes", "the system");
    p.set("machine.cores", static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN)), "cores", "the system");
    p.set("disk.write", write_rate(folder), "bytes a second", "256 MiB written and synced by one process");
    p.set("disk.read", read_rate(job.settings), "bytes a second",
          "the last 256 MiB of the inputs, dropped from the page cache before");
    p.set("disk.sync", sync_seconds(folder), "s", "mean of 20 small records, each written and synced");
    p.set("network.reduce", reduce, "bytes a second",
          format("all-reduce of 32 MiB over {} ranks here", job.comm.size()));
    fs::remove_all(folder);
    log::info("bench: done after {}", human_seconds(elapsed_seconds(start)));
  });
  return p;
}

}  // namespace equal::job
