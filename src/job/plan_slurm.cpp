#include <algorithm>
#include <cmath>

#include "equal/base/log.hpp"
#include "equal/job/plan.hpp"
#include "equal/settings/parameters.hpp"
#include "equal/settings/parse.hpp"

namespace equal::job {
namespace {

constexpr double kMemoryRoom = 1.2, kTimeRoom = 1.5;  // over what is planned
constexpr double kLeastMinutes = 15;

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// --section.name value for every setting that is not at its default, the plan's own aside.
std::string words_of(const settings::Settings& s) {
  const settings::Settings defaults = settings::defaults();
  std::string out;
  for (const auto& p : settings::parameters()) {
    if (p.stage == "plan" || p.name == "job.workspace" || p.name == "job.threads") continue;
    const std::string value = settings::value_text(p, s);
    if (value == settings::value_text(p, defaults)) continue;
    out += format(" \\\n  --{}", p.name);
    settings::Settings copy = s;
    const settings::Slot slot = p.slot(copy);
    if (const auto* list = std::get_if<std::vector<std::string>*>(&slot)) {
      for (const std::string& word : **list) out += " " + quoted(word);
    } else {
      out += " " + quoted(value);
    }
  }
  return out;
}

std::string hours_text(double seconds) {
  const auto minutes = static_cast<std::uint64_t>(std::ceil(std::max(kLeastMinutes, seconds / 60)));
  return format("{}-{:02}:{:02}:00", minutes / 1440, minutes / 60 % 24, minutes % 60);
}

}  // namespace

std::string slurm_script(const Plan& p, const settings::Settings& s) {
  const double seconds = s.plan_hours > 0 ? 3600 * s.plan_hours : kTimeRoom * p.seconds();
  const auto megabytes =
      static_cast<std::uint64_t>(std::ceil(std::min(kMemoryRoom * p.node_memory, p.memory_limit) / (1 << 20)));
  return format(
      "#!/usr/bin/env bash\n"
      "# Written by equal plan for {rows} documents: {stages} planned, {disk} in the workspace, {memory} on a node.\n"
      "#   sbatch THIS_SCRIPT WORKSPACE [--setting value ...]\n"
      "# WORKSPACE lies on a file system that all nodes share. Two minutes before the time limit equal saves "
      "everything and ends\n"
      "# with 75; the job then queues itself again and goes on. After any failure submit the same line again.\n"
      "# Environment: EQUAL = the program (default: equal in PATH); EQUAL_LAUNCH = how ranks are started.\n"
      "#SBATCH --job-name=equal\n"
      "#SBATCH --nodes={nodes}\n"
      "#SBATCH --ntasks-per-node={ranks}\n"
      "#SBATCH --cpus-per-task={threads}\n"
      "#SBATCH --mem={megabytes}M\n"
      "#SBATCH --time={time}\n"
      "#SBATCH --requeue\n"
      "#SBATCH --open-mode=append\n"
      "#SBATCH --signal=B:USR1@120\n"
      "set -u\n"
      "if [ $# -lt 1 ]; then\n"
      "  echo \"usage: sbatch $0 WORKSPACE [--setting value ...]\" >&2\n"
      "  exit 1\n"
      "fi\n"
      "workspace=$1\n"
      "shift\n"
      "export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 # equal has its own threads\n"
      "launch=${{EQUAL_LAUNCH:-srun --mpi=pmix --kill-on-bad-exit=1 --cpus-per-task=${{SLURM_CPUS_PER_TASK:-1}}}}\n"
      "\n"
      "# shellcheck disable=SC2016,SC2086 # values stand as they are; the launcher is several words\n"
      "$launch \"${{EQUAL:-equal}}\" run --workspace \"$workspace\" --job.threads {threads}{words} \\\n"
      "  \"$@\" &\n"
      "ranks=$!\n"
      "trap 'kill -USR1 \"$ranks\"' USR1 # srun and mpirun pass it on to the ranks\n"
      "wait \"$ranks\"\n"
      "code=$?\n"
      "while kill -0 \"$ranks\" 2>/dev/null; do # a trap ends wait early\n"
      "  wait \"$ranks\"\n"
      "  code=$?\n"
      "done\n"
      "if [ \"$code\" -eq 75 ]; then\n"
      "  scontrol requeue \"$SLURM_JOB_ID\" && exit 0\n"
      "fi\n"
      "exit \"$code\"\n",
      fmt::arg("rows", human_count(p.rows)), fmt::arg("stages", human_seconds(p.seconds())),
      fmt::arg("disk", human_bytes(p.disk_peak)), fmt::arg("memory", human_bytes(p.node_memory)),
      fmt::arg("nodes", s.plan_nodes), fmt::arg("ranks", s.plan_ranks_per_node),
      fmt::arg("threads", static_cast<std::uint64_t>(p.threads)), fmt::arg("megabytes", megabytes),
      fmt::arg("time", hours_text(seconds)), fmt::arg("words", words_of(s)));
}

}  // namespace equal::job
