#include "equal/job/start_checks.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/host.hpp"
#include "equal/base/log.hpp"
#include "equal/store/corpus_reader.hpp"

#include "budget.hpp"
#include "encoders.hpp"
#include "extractors.hpp"
#include "reference.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr double kClockSeconds = 30;

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// When the file system says that `path` was written, by its own clock.
double written_seconds(const fs::path& path) {
  struct ::timespec t {};
  struct ::stat status {};
  if (::stat(path.c_str(), &status) == 0) t = status.st_mtim;
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void warn_of_clocks(comm::Communicator& comm, const fs::path& probe) {
  const auto clocks = comm.gather(ByteWriter().put(now_seconds()).put_string(host_name()).take(), 0);
  if (!comm.is_root()) return;
  const double own = now_seconds();
  for (const auto& bytes : clocks) {
    ByteReader reader(bytes);
    const double other = reader.get<double>();
    if (std::abs(other - own) > kClockSeconds)
      log::warn("the clock of host {} is {:.0f} s away from that of {}; times in logs do not fit together",
                reader.get_string(), other - own, host_name());
  }
  if (const double file = written_seconds(probe); std::abs(file - own) > kClockSeconds)
    log::warn("the clock of the file system of {} is {:.0f} s away from that of {}; times of files do not fit the logs",
              probe.parent_path().string(), file - own, host_name());
}

}  // namespace

void check_settings(comm::Communicator& comm, const settings::Settings& s) {
  if (!s.inputs.empty()) store::list_inputs(s.inputs);
  const Reference reference = load_reference(s);
  if (!s.export_decontaminate.empty()) load_benchmarks(s);
  check_encoder(s);
  const Budget budget(s, 1);
  ThreadPool pool(1);
  check_extractor({comm, s, Workspace(s.workspace), pool}, reference);
}

void check_workspace(comm::Communicator& comm, const Workspace& workspace) {
  const fs::path probe = workspace.root() / "probe", claim = workspace.root() / "probe.claim";
  std::string said;
  comm::agree(comm, [&] {
    if (!comm.is_root()) return;
    fs::remove(claim);
    said = format("{} {:.6f}", host_name(), now_seconds());
    write_file_atomically(probe, said);
  });
  said = comm::broadcast_string(comm, said);
  comm::agree(comm, [&] {
    std::string found;
    try {
      found = read_file(probe);
    } catch (const DataError&) {  // not there: told below
    }
    if (found != said)
      throw EnvironmentError(format(
          "{}: host {} does not see there what rank 0 has written; --workspace must lie on a file system that all "
          "hosts share",
          workspace.root().string(), host_name()));
  });
  warn_of_clocks(comm, probe);
  const FileDescriptor claimed(::open(claim.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  const std::uint64_t winners = comm::sum_one(comm, std::uint64_t{claimed ? 1U : 0U});
  if (winners != 1 && comm.is_root())
    log::warn(
        "{}: {} ranks could create the same new file: the file system's locks cannot be trusted; see to it yourself "
        "that only one run uses this workspace",
        workspace.root().string(), winners);
  comm.barrier();
  if (!comm.is_root()) return;
  std::error_code ignored;
  fs::remove(probe, ignored);
  fs::remove(claim, ignored);
}

void require_space(Job& job, const std::string& stage, std::uint64_t bytes, const fs::path& folder) {
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    std::uint64_t there = 0;
    if (fs::exists(folder)) {
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) there += entry.file_size();
      }
    }
    const std::uint64_t needed = bytes - std::min(bytes, there);
    struct ::statvfs room {};
    if (::statvfs(job.workspace.root().c_str(), &room) != 0) return;  // a file system that does not say
    const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
    log::debug("{}: writes about {}, {} are free", stage, human_bytes(static_cast<double>(needed)),
               human_bytes(static_cast<double>(free)));
    if (free >= needed) return;
    throw EnvironmentError(
        format("{}: stage {} writes about {}, {} are free, {} are missing; free some space and run the "
               "same command again",
               job.workspace.root().string(), stage, human_bytes(static_cast<double>(needed)),
               human_bytes(static_cast<double>(free)), human_bytes(static_cast<double>(needed - free))));
  });
}

}  // namespace equal::job
