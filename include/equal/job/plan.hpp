// What a run will need, before it is started: files, memory, messages, time, calls and money, by arithmetic from the
// settings and a machine profile. docs/scaling.md has the formulas with their reasons.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "equal/job/machine_profile.hpp"
#include "equal/settings/settings.hpp"

namespace equal::job {

struct PlannedFiles {
  std::string what;  ///< as docs/formats.md names it
  double files = 0, bytes = 0;
};

struct PlannedMemory {
  std::string what;  ///< "embed: table"
  double bytes = 0;
};

/// Memory of one rank in one stage: the sum of its components.
struct PlannedPeak {
  std::string stage;
  bool coordinator = false;
  std::vector<PlannedMemory> components;
  double bytes() const;
};

struct PlannedStage {
  std::string stage;
  double compute_seconds = 0;  ///< of the rank that has most to do, on its threads
  double disk_seconds = 0;     ///< that the file system needs for what all ranks read and write
  double message_seconds = 0;  ///< collectives and questions
  double model_seconds = 0;    ///< waiting for LLM answers
  double seconds = 0;          ///< wall: see Plan
  double message_bytes = 0;    ///< of one rank
};

/// A limit that the run breaks, and settings that mend it, each by itself.
struct Misfit {
  std::string problem;
  std::vector<std::string> ways_out;
};

struct Plan {
  double rows = 0, documents = 0, text_bytes = 0, input_bytes = 0;  ///< rows: of the inputs; documents: kept
  double partitions = 0, clusters = 0, words = 0;
  double nodes = 0, ranks = 0, workers = 0, threads = 0;
  double asked = 0, rounds = 0, pairs = 0;
  double warmup_asked = 0;  ///< of these, by the warm-up
  double calls = 0, prompt_tokens = 0, completion_tokens = 0, money = 0;
  double largest_message = 0, round_messages = 0, round_bytes = 0;  ///< a round: both ways, all ranks
  double disk_peak = 0;                                             ///< bytes of the workspace at its fullest
  double node_memory = 0, memory_limit = 0;  ///< what the ranks of a node need together, and what it has
  std::vector<PlannedFiles> files;
  std::vector<PlannedPeak> peaks;
  /// Wall time of a stage: max(disk, compute + disk / workers) + messages + model. A worker computes, then waits for
  /// its own file to be synced while the others compute, until the file system is what all wait for.
  std::vector<PlannedStage> stages;
  std::vector<Misfit> misfits;
  double seconds() const;
  double largest_rank() const;  ///< memory
};

/// Local. Throws UsageError when rows and bytes are missing.
Plan make_plan(const settings::Settings& settings, const MachineProfile& profile);

/// For people: tables, and each constant with its origin.
std::string to_text(const Plan& plan, const MachineProfile& profile);
/// For programs: the same figures as JSON.
Json to_json(const Plan& plan);
/// A Slurm job script with the plan's resources that runs with `settings`.
std::string slurm_script(const Plan& plan, const settings::Settings& settings);

}  // namespace equal::job
