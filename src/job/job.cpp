#include "equal/job/job.hpp"

#include "equal/base/json.hpp"

namespace equal::job {

Catalog shared_catalog(Job& job) {
  Catalog catalog;
  // Every rank reads the file: it is small, and complete since the ingest stage ended on all ranks.
  comm::agree(job.comm, [&] {
    read_stage_record(job.workspace, "ingest");
    catalog = read_catalog(job.workspace);
  });
  return catalog;
}

StageState shared_stage_state(Job& job, const StageRecord& expected) {
  auto state = StageState::missing;
  comm::agree(job.comm, [&] {
    if (job.comm.is_root()) state = stage_state(job.workspace, expected);
  });
  return comm::broadcast(job.comm, state);
}

}  // namespace equal::job
