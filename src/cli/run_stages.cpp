#include "run_stages.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/sealed_lines.hpp"
#include "equal/comm/heartbeat.hpp"
#include "equal/job/compare.hpp"
#include "equal/job/inspect.hpp"
#include "equal/job/job.hpp"
#include "equal/job/machine_profile.hpp"
#include "equal/job/start_checks.hpp"
#include "equal/job/stop.hpp"
#include "equal/job/usage.hpp"
#include "equal/job/workspace_lock.hpp"
#include "equal/linalg/gemm.hpp"
#include "equal/settings/parse.hpp"

#include "machine.hpp"

namespace equal::cli {
namespace {

/// Collective. At the end of a run, whose data set is complete by then, a report that cannot be made is a warning.
void report(job::Job& job, bool at_end_of_run) {
  try {
    job::report_stage(job);
  } catch (const Error& e) {  // agreed: thrown on all ranks
    if (!at_end_of_run || e.family() == Family::internal) throw;
    if (job.comm.is_root()) log::warn("no report: {}; try `equal report {}`", e.what(), job.settings.workspace);
  }
}

/// Collective. The generation that rank 0 finds in use.
job::Workspace current_workspace(comm::Communicator& world, const job::Workspace& workspace) {
  return workspace.in_generation(comm::broadcast(world, job::Workspace::current(workspace.root()).generation_number()));
}

}  // namespace

int run_stages(comm::Communicator& world, const settings::Settings& s, const std::vector<std::string>& stages) {
  std::unique_ptr<job::WorkspaceLock> lock;
  // A report, and an export to a folder of its own, only read what is there: they may look at a run that goes on.
  const bool looks_only =
      s.redo.empty() && (stages == std::vector<std::string>{"report"} ||
                         (stages == std::vector<std::string>{"export"} && !s.export_folder.empty()));
  const job::Workspace workspace(s.workspace);
  comm::agree(world, [&] {
    check_ranks(world, s);
    if (!world.is_root()) return;
    if (stages.size() > 1) job::check_settings(world, s);
    std::error_code error;
    std::filesystem::create_directories(workspace.root(), error);
    if (error) throw EnvironmentError(workspace.root().string() + ": cannot be created: " + error.message());
    if (looks_only) return;
    lock = std::make_unique<job::WorkspaceLock>(workspace);
    if (!s.redo.empty()) job::redo_from(workspace, s.redo);
    write_file_atomically(workspace.resolved_settings(), seal_lines(settings::to_ini(s)));
  });
  const comm::Heartbeat heartbeat(world, s.heartbeat_seconds);
  job::check_workspace(world, workspace);
  linalg::use_one_blas_thread();
  const std::size_t threads = threads_of_rank(world, s);
  log_machine(world, threads);
  job::install_stop_handlers();
  job::set_time_limit(s.max_hours);
  ThreadPool pool(threads);
  job::Job job{world, s, workspace, pool};
  bool complete = true;
  const bool warms_up = std::find(stages.begin(), stages.end(), "warmup") != stages.end();
  if (stages.front() != "ingest") job.workspace = current_workspace(world, workspace);
  for (const auto& stage : stages) {
    world.enter_stage(stage);
    job::StageMeter meter(world, workspace, stage);
    job.meter = &meter;
    if (stage == "ingest") job::ingest_stage(job);
    if (stage == "embed" || stage == "cluster" || stage == "warmup") job.workspace = workspace;  // generation 0
    if (stage == "embed") job::embed_stage(job);
    if (stage == "cluster") job::cluster_stage(job);
    if (stage == "cluster" && !warms_up) {
      comm::agree(world, [&] {
        if (world.is_root()) job::make_current(workspace);
      });
    }
    if (stage == "warmup") job::warmup_stage(job);
    if (stage == "extract") complete = job::extract_stage(job);
    if (!complete) {
      if (world.is_root()) log::info("stopped on request with everything saved; the same command line goes on");
      return static_cast<int>(Family::checkpointed);
    }
    if (stage == "export") job::export_stage(job, looks_only ? job::ExportRecord::none : job::ExportRecord::written);
    if (stage == "report") report(job, stages.size() > 1);
    meter.record_if_run(world);
  }
  int code = 0;
  world.enter_stage("end");
  comm::agree(world, [&] {
    if (!world.is_root()) return;
    if (stages.size() > 1) std::fputs(job::summary(job.workspace).c_str(), stdout);
    if (std::find(stages.begin(), stages.end(), "extract") == stages.end()) return;
    if (job::loss_share(workspace) > s.max_loss) {
      log::error(
          "{:.2f} % of the asked documents stayed unanswered, more than job.max_loss = {}; `equal inspect --workspace "
          "{}` lists the reasons",
          100 * job::loss_share(workspace), s.max_loss, s.workspace);
      code = static_cast<int>(Family::losses);
    }
  });
  return comm::broadcast(world, code);
}

int run_dry(comm::Communicator& world, const settings::Settings& s) {
  linalg::use_one_blas_thread();
  ThreadPool pool(threads_of_rank(world, s));
  job::Job job{world, s, current_workspace(world, job::Workspace(s.workspace)), pool};
  const std::string text = job::dry_run(job);
  if (world.is_root()) std::fputs(text.c_str(), stdout);
  return 0;
}

int run_comparison(comm::Communicator& world, const settings::Settings& s, const std::string& other) {
  linalg::use_one_blas_thread();
  ThreadPool pool(threads_of_rank(world, s));
  job::Job job{world, s, current_workspace(world, job::Workspace(s.workspace)), pool};
  const std::string text = job::compare_runs(job, current_workspace(world, job::Workspace(other)));
  if (world.is_root()) std::fputs(text.c_str(), stdout);
  return 0;
}

int run_bench(comm::Communicator& world, const settings::Settings& s, const std::filesystem::path& file) {
  const comm::Heartbeat heartbeat(world, s.heartbeat_seconds);
  linalg::use_one_blas_thread();
  ThreadPool pool(threads_of_rank(world, s));
  const auto folder = std::filesystem::absolute(file).parent_path();
  job::Job job{world, s, job::Workspace(folder), pool};
  const job::MachineProfile profile = job::measure_machine(job, folder);
  comm::agree(world, [&] {
    if (world.is_root()) job::write_machine_profile(file, profile);
  });
  return 0;
}

}  // namespace equal::cli
