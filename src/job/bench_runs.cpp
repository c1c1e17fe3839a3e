#include "bench_runs.hpp"

#include <algorithm>

namespace equal::job {

StageCost run_measured(Job& job, const char* name, const std::function<void(Job&)>& stage) {
  StageMeter meter(job.comm, job.workspace, name);
  job.meter = &meter;
  stage(job);
  job.meter = nullptr;
  StageCost out;
  const auto all = meter.all_ranks(job.comm);
  for (std::size_t r = 0; r < all.size(); ++r) {
    for (const PartUsage& p : all[r].second) {
      PartCost& cost = out.parts[p.name];
      if (r == 0) cost.root += p.cpu_seconds;
      if (r > 0 || all.size() == 1) cost.workers += p.cpu_seconds;
    }
    out.peak_rss = std::max(out.peak_rss, all[r].first.peak_rss_bytes);
  }
  return out;
}

SampleRuns::SampleRuns(Job& outer, const std::filesystem::path& folder) : outer_(outer), settings_(outer.settings) {
  settings_.workspace = (folder / "w").string();
  settings_.inputs = {(folder / "a.jsonl.zst").string(), (folder / "b.jsonl.zst").string()};
  settings_.append = false;
}

StageCost SampleRuns::stage(const char* name, const std::function<void(Job&)>& f) {
  Job job{outer_.comm, settings_, workspace(), outer_.pool, nullptr};
  return run_measured(job, name, f);
}

void SampleRuns::redo(const char* name) {
  outer_.comm.barrier();
  comm::agree(outer_.comm, [&] {
    if (outer_.comm.is_root()) redo_from(workspace(), name);
  });
}

}  // namespace equal::job
