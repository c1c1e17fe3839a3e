// What every stage gets. Stages are collective: all ranks enter them in the same order with the same settings.
#pragma once

#include <cstdint>
#include <string>

#include "equal/base/thread_pool.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/job/catalog.hpp"
#include "equal/job/usage.hpp"
#include "equal/job/workspace.hpp"
#include "equal/settings/settings.hpp"

namespace equal::job {

struct Job {
  comm::Communicator& comm;
  const settings::Settings& settings;
  Workspace workspace;
  ThreadPool& pool;
  StageMeter* meter = nullptr;  ///< told where the parts of a stage end, if there is one
};

inline void end_part(Job& job, const char* name) {
  if (job.meter != nullptr) job.meter->end_part(name);
}

/// Stages in the order of `equal run`. Each returns at once when its artefacts are complete for these settings and
/// inputs, and goes on where it was when they are not. Throw agreed errors.
void ingest_stage(Job& job);
void embed_stage(Job& job);
void cluster_stage(Job& job);
/// Generation 1: a sample of documents is asked, the encoder trained on the answers, and all is embedded and clustered
/// again. job.workspace is generation 1 afterwards, or 0 where the training did not help; `current` says so too.
void warmup_stage(Job& job);
/// Returns false when it stopped on request (signal or time limit) with everything saved.
bool extract_stage(Job& job);
/// Whether the export is the workspace's (stages/export.json), or a look at a run that somebody else's process drives.
enum class ExportRecord { written, none };
void export_stage(Job& job, ExportRecord record = ExportRecord::written);

/// Collective. What extract would ask first and what the run is expected to cost, as a text on rank 0. Sends and writes
/// nothing.
std::string dry_run(Job& job);

/// Collective. Writes report.html and report.json; has no record, so it is made anew each time.
void report_stage(Job& job);

/// Collective. Rank 0's catalog on all ranks.
Catalog shared_catalog(Job& job);

/// Collective. What stage_state() says on rank 0, on all ranks.
StageState shared_stage_state(Job& job, const StageRecord& expected);

}  // namespace equal::job
