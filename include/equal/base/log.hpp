// Logging (spdlog) and text formatting (fmt). Logs go to standard error; standard output belongs to results.
#pragma once

#include <string>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace equal {

using fmt::format;

namespace log {
using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

/// Sets level (trace debug info warn error off) and the rank shown in each line (none when ranks == 1).
/// Throws UsageError on an unknown level.
void configure(const std::string& level, int rank, int ranks);
}  // namespace log

std::string human_bytes(double bytes);      ///< "1.5 GiB"
std::string human_seconds(double seconds);  ///< "3.2 s", "4 m 05 s", "2 h 03 m"
std::string human_count(double count);      ///< "30,100"

}  // namespace equal
