// One run of a stage on the sample of `equal bench`, and what its parts cost.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "equal/job/job.hpp"
#include "equal/job/machine_profile.hpp"

namespace equal::job {

/// CPU seconds of one part of a stage: on rank 0, and of all workers together.
struct PartCost {
  double root = 0, workers = 0;
};

struct StageCost {
  std::map<std::string, PartCost> parts;
  std::uint64_t peak_rss = 0;  ///< of the largest rank
};

/// Collective. Runs one stage; its costs count on rank 0.
StageCost run_measured(Job& job, const char* name, const std::function<void(Job&)>& stage);

/// The stages on the sample, each with its own settings.
class SampleRuns {
 public:
  SampleRuns(Job& outer, const std::filesystem::path& folder);

  /// Collective.
  StageCost stage(const char* name, const std::function<void(Job&)>& f);
  /// Collective. The stage and what follows it are to be run again.
  void redo(const char* name);
  Json facts(const char* name) const { return read_stage_record(workspace(), name).facts; }
  double documents() const { return facts("ingest").at("documents").get<double>(); }
  Workspace workspace() const { return Workspace(settings_.workspace); }
  settings::Settings& settings() { return settings_; }

 private:
  Job& outer_;
  settings::Settings settings_;
};

/// Collective; what they measure counts on rank 0. In this order, after ingest.
void measure_fit(SampleRuns& runs, const Job& job, MachineProfile& p);
void measure_cluster(SampleRuns& runs, const Job& job, MachineProfile& p);
void measure_extract(SampleRuns& runs, const Job& job, MachineProfile& p);
void measure_warmup(SampleRuns& runs, const Job& job, MachineProfile& p);

}  // namespace equal::job
