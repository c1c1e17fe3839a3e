#include "equal/job/workspace.hpp"

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/job/workspace_lock.hpp"
#include "equal/settings/parse.hpp"

#include "support/scratch.hpp"

namespace equal::job {
namespace {

TEST(StageRecord, NamesTheSettingThatChangedAndTheWayOut) {
  const test::ScratchFolder folder("stage_record");
  const Workspace workspace(folder.path());
  settings::Settings s = settings::defaults();
  EXPECT_EQ(stage_state(workspace, expected_record("cluster", s, {{"embed", "1"}})), StageState::missing);
  write_stage_record(workspace, expected_record("cluster", s, {{"embed", "1"}}));
  EXPECT_EQ(stage_state(workspace, expected_record("cluster", s, {{"embed", "1"}})), StageState::complete);
  EXPECT_EQ(stage_state(workspace, expected_record("cluster", s, {{"embed", "2"}})), StageState::changed);
  s.threads = 7;             // free
  s.budget_documents = "9";  // free
  EXPECT_EQ(stage_state(workspace, expected_record("cluster", s, {{"embed", "1"}})), StageState::complete);
  s.cluster_k = 20;
  try {
    stage_state(workspace, expected_record("cluster", s, {{"embed", "1"}}));
    FAIL() << "a changed setting was accepted";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("cluster.k was '0' and is now '20'"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("--redo cluster"), std::string::npos) << e.what();
  }
}

TEST(StageRecord, AlteredFileIsRefused) {
  const test::ScratchFolder folder("stage_record_altered");
  const Workspace workspace(folder.path());
  write_stage_record(workspace, expected_record("cluster", settings::defaults(), {{"embed", "1"}}));
  std::string text = read_file(workspace.stages() / "cluster.json");
  text.replace(text.find("kmeans||"), 8, "random||");
  write_file_atomically(workspace.stages() / "cluster.json", text);
  EXPECT_THROW(read_stage_record(workspace, "cluster"), DataError);
}

TEST(Redo, RemovesTheStageAndThoseAfterItButNeverTheJournal) {
  const test::ScratchFolder folder("redo");
  const Workspace workspace(folder.path());
  for (const char* stage : {"ingest", "embed", "cluster", "extract"})
    write_stage_record(workspace, expected_record(stage, settings::defaults(), {}));
  for (const auto& f : {workspace.corpus(), workspace.embeddings(), workspace.assignment(), workspace.journal()})
    std::filesystem::create_directories(f);
  std::ofstream(workspace.rounds()) << "x\n";
  redo_from(workspace, "cluster");
  EXPECT_NO_THROW(read_stage_record(workspace, "embed"));
  EXPECT_THROW(read_stage_record(workspace, "cluster"), UsageError);
  EXPECT_THROW(read_stage_record(workspace, "extract"), UsageError);
  EXPECT_TRUE(std::filesystem::exists(workspace.embeddings()));
  EXPECT_FALSE(std::filesystem::exists(workspace.assignment()));
  EXPECT_FALSE(std::filesystem::exists(workspace.rounds()));
  EXPECT_TRUE(std::filesystem::exists(workspace.journal()));
}

TEST(Lock, LivingOwnerIsRespectedAndADeadOneIsTakenOver) {
  const test::ScratchFolder folder("lock");
  const Workspace workspace(folder.path());
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  const auto lock_of = [&](int pid) {
    write_file_atomically(
        workspace.root() / "lock",
        seal_json({{"host", host}, {"pid", pid}, {"slurm_job", ""}, {"slurm_restarts", ""}, {"token", "t"}}, -1));
  };
  lock_of(getppid());
  EXPECT_THROW(WorkspaceLock{workspace}, EnvironmentError);
  lock_of(0x7ffffffe);  // above any pid_max
  { const WorkspaceLock lock(workspace); }
  EXPECT_FALSE(std::filesystem::exists(workspace.root() / "lock"));
}

TEST(Lock, OwnerElsewhereIsWatchedWhetherItIsAlive) {
  const test::ScratchFolder folder("lock_elsewhere");
  const Workspace workspace(folder.path());
  const auto path = workspace.root() / "lock";
  const std::string elsewhere =
      seal_json({{"host", "elsewhere"}, {"pid", 1}, {"slurm_job", "7"}, {"slurm_restarts", ""}, {"token", "t"}}, -1);
  const LockTimes times{0.05, 0.6};
  write_file_atomically(path, elsewhere);
  std::atomic<bool> stop{false};
  std::thread toucher([&] {
    for (auto age = std::chrono::minutes(9); !stop; age -= std::chrono::minutes(1)) {
      std::error_code gone;
      std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - age, gone);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  EXPECT_THROW(WorkspaceLock(workspace, times), EnvironmentError);
  stop = true;
  toucher.join();
  { const WorkspaceLock untouched(workspace, times); }
  // Slurm runs a job again only when its earlier run is over: no waiting.
  write_file_atomically(path, elsewhere);
  setenv("SLURM_JOB_ID", "7", 1);
  setenv("SLURM_RESTART_COUNT", "1", 1);
  const auto begin = std::chrono::steady_clock::now();
  { const WorkspaceLock requeued(workspace, LockTimes{5, 60}); }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");
}

}  // namespace
}  // namespace equal::job
