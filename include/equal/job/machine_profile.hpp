// What a machine needs for each unit of work, measured on it by the real stages, and the shape of the corpus that they
// were measured with: `equal plan` multiplies it out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "equal/base/json.hpp"
#include "equal/job/job.hpp"

namespace equal::job {

struct Constant {
  double value = 0;
  std::string unit, origin;  ///< origin: what was run and counted
};

struct MachineProfile {
  Json machine = Json::object();  ///< host, processor, cores, memory, ranks and threads of the measurement: for people
  std::map<std::string, Constant> constants;
  std::filesystem::path file;  ///< where it was read from

  /// Throws UsageError naming file and constant when it is missing.
  double operator[](const std::string& name) const;
  void set(const std::string& name, double value, const char* unit, std::string origin);
};

/// Throws DataError when the file is no profile of this version.
MachineProfile read_machine_profile(const std::filesystem::path& file);
void write_machine_profile(const std::filesystem::path& file, const MachineProfile& profile);

/// Collective. Takes plan.sample documents of ingest.inputs and runs ingest to export on them, in a folder below
/// `scratch` that it removes. Constants are CPU seconds, so that other work on the machine hardly shows. The profile
/// counts on rank 0. Throws UsageError when inputs or reference are missing or hold too little.
MachineProfile measure_machine(Job& job, const std::filesystem::path& scratch);

}  // namespace equal::job
