// What equal bench measures beside the stages, and the documents that it runs them on.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "equal/comm/communicator.hpp"
#include "equal/settings/settings.hpp"

namespace equal::job {

double elapsed_seconds(std::chrono::steady_clock::time_point since);

/// What the sample looks like.
struct Sample {
  std::uint64_t documents = 0, input_bytes = 0, text_bytes = 0, id_bytes = 0, pair_bytes = 0, pairs = 0;
};

/// Local. The first plan.sample documents of the inputs, as two compressed files a.jsonl.zst and b.jsonl.zst, which two
/// ranks can read at once. Throws UsageError when there are too few.
Sample write_sample(const settings::Settings& settings, const std::filesystem::path& folder);

/// Local. Bytes a second that the file system takes and makes durable.
double write_rate(const std::filesystem::path& folder);
/// Local. Bytes a second at which the last of the inputs are read once they have been dropped from the page cache: what
/// was just written would come out of some other cache.
double read_rate(const settings::Settings& settings);
/// Local. Seconds until a small record is durable.
double sync_seconds(const std::filesystem::path& folder);
/// Collective. Bytes a second of an all-reduce between the ranks here.
double reduce_rate(comm::Communicator& comm);

}  // namespace equal::job
