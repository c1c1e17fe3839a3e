#include "commands.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/sealed_lines.hpp"
#include "equal/job/inspect.hpp"
#include "equal/job/plan.hpp"
#include "equal/job/status.hpp"
#include "equal/job/verify.hpp"
#include "equal/settings/parse.hpp"

#include "help.hpp"
#include "pages.hpp"
#include "run_stages.hpp"
#include "show_status.hpp"
#include "version.hpp"

namespace equal::cli {
namespace {

using Words = std::vector<std::string>;

const std::map<std::string_view, std::vector<std::string>>& stages_of_commands() {
  static const std::map<std::string_view, std::vector<std::string>> map = {
      {"run", {"ingest", "embed", "cluster", "extract", "export", "report"}},
      {"ingest", {"ingest"}},
      {"embed", {"embed"}},
      {"cluster", {"cluster"}},
      {"warmup", {"warmup"}},
      {"extract", {"extract"}},
      {"export", {"export"}},
      {"report", {"report"}}};
  return map;
}

/// Words that are no settings and take no value.
const Words kFlags = {"json", "dry-run", "watch", "prometheus", "slurm", "write-machine-profile"};

void refuse_words(const settings::CommandLine& line) {
  if (!line.positional.empty())
    throw UsageError("'" + line.positional.front() + "' is no setting; settings look like --section.name value");
}

std::string validated(const Words& words) {
  if (std::find(words.begin(), words.end(), "--print-configuration-page") != words.end())
    return settings::configuration_page();
  if (std::find(words.begin(), words.end(), "--print-manual-page") != words.end()) return manual_page();
  if (const Command* command = words.empty() ? nullptr : find_command(words[0])) {
    const auto line = settings::parse_command_line({words.begin() + 1, words.end()}, kFlags);
    const bool looks_back = command->name == "export" || command->name == "report";
    if (!looks_back && stages_of_commands().count(command->name) > 0) refuse_words(line);
    return format("equal {}: valid settings\n", words[0]);
  }
  Words files;
  std::uint64_t ranks = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--ranks" && i + 1 < words.size()) {
      ranks = std::strtoull(words[++i].c_str(), nullptr, 10);
      if (ranks == 0) throw UsageError("--ranks " + words[i] + ": must be a number of ranks, at least 1");
    } else {
      files.push_back(words[i]);
    }
  }
  if (files.empty())
    throw UsageError("usage: equal validate FILE.ini [--ranks N], or equal validate COMMAND --setting value ...");
  std::string out;
  for (const auto& file : files) {
    settings::Settings s = settings::defaults();
    settings::read_ini(file, s);
    out += format("{}: valid{}\n", file,
                  ranks == 0 ? "" : format(", {} of {} ranks work", std::max<std::uint64_t>(1, ranks - 1), ranks));
  }
  return out;
}

/// What a command line asks for: a text, or stages with their settings.
struct Plan {
  std::string text;
  settings::Settings settings;
  std::vector<std::string> stages;
  int exit_code = 0;
  bool dry = false;
  bool watch = false;
  std::string compare_with;  ///< the second workspace
  std::string profile;       ///< a machine profile to measure and write
};

Plan text_plan(std::string text, int exit_code = 0) {
  Plan plan;
  plan.text = std::move(text), plan.exit_code = exit_code;
  return plan;
}

/// export, report and compare look back on a run: its settings are those of the run, unless said otherwise.
Plan plan_after_run(const Command& command, Words words) {
  settings::CommandLine line = settings::parse_command_line(words, {});
  const bool compares = command.name == "compare";
  if (compares && line.positional.size() != 2) throw UsageError("name two workspaces: equal compare DIR DIR");
  if ((compares || line.settings.workspace.empty()) && !line.positional.empty()) {
    line.settings.workspace = line.positional.front();
    line.positional.erase(line.positional.begin());
  }
  Plan plan;
  if (compares) {
    plan.compare_with = line.positional.front();
    line.positional.clear();
  }
  refuse_words(line);
  if (line.settings.workspace.empty()) throw UsageError(format("name the workspace: equal {} DIR", command.name));
  const std::string workspace = line.settings.workspace;
  const auto resolved = job::Workspace(workspace).resolved_settings();
  if (std::filesystem::exists(resolved)) {
    try {
      unseal_lines(read_file(resolved), resolved.string());
    } catch (const DataError& e) {
      throw DataError(
          format("{}; remove it and give the settings on the command line, or run the job's own command "
                 "line again, which writes it anew",
                 e.what()));
    }
    words.insert(words.begin(), {"--config", resolved.string()});
    line = settings::parse_command_line(words, {});
    line.settings.workspace = workspace;  // the folder may have moved
  }
  plan.settings = std::move(line.settings);
  if (!compares) plan.stages = stages_of_commands().at(command.name);
  return plan;
}

Plan planned(const settings::CommandLine& line, bool slurm, bool json) {
  refuse_words(line);
  if (line.settings.plan_profile.empty())
    throw UsageError(
        "--plan.profile is missing: constants of the machine. `mpirun -n 3 equal bench --write-machine-profile FILE "
        "--inputs ... --reference.files ...` measures them on a node like those of the run");
  const job::MachineProfile profile = job::read_machine_profile(line.settings.plan_profile);
  const job::Plan plan = job::make_plan(line.settings, profile);
  const int code = plan.misfits.empty() ? 0 : static_cast<int>(Family::usage);
  if (json) return text_plan(job::to_json(plan).dump(2) + "\n", code);
  if (!slurm || code != 0) return text_plan(job::to_text(plan, profile), code);
  return text_plan(job::slurm_script(plan, line.settings));
}

Plan benched(const settings::CommandLine& line, bool asked) {
  if (!asked || line.positional.size() != 1)
    throw UsageError(
        "say where the profile goes: equal bench --write-machine-profile FILE --inputs ... --reference.files ...");
  Plan plan;
  plan.settings = line.settings;
  plan.profile = line.positional.front();
  return plan;
}

Plan verified(const job::Workspace& workspace) {
  const auto found = job::verify(workspace);
  std::string text =
      format("{}: {} files checked, {} damaged\n", workspace.root().string(), found.checked, found.damaged.size());
  for (const auto& message : found.damaged) text += "  " + message + "\n";
  for (const auto& message : found.notes) text += "  note: " + message + "\n";
  return text_plan(std::move(text), found.damaged.empty() ? 0 : static_cast<int>(Family::data));
}

Plan make_plan(const Words& words) {
  if (words.empty()) return text_plan(general_help(), static_cast<int>(Family::usage));
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    const Command* about = words.size() > 1 ? find_command(words[1]) : nullptr;
    return text_plan(about != nullptr ? command_help(*about) : general_help());
  }
  if (words[0] == "--version") {
    if (words.size() > 2 || (words.size() == 2 && words[1] != "--verbose"))
      throw UsageError("usage: equal --version [--verbose]");
    return text_plan(version_text(words.size() == 2));
  }
  const Command* command = find_command(words[0]);
  if (command == nullptr) {
    const std::string near = nearest_command(words[0]);
    throw UsageError(format("'{}' is no command{}; `equal --help` lists them", words[0],
                            near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  const Words rest(words.begin() + 1, words.end());
  if (std::find(rest.begin(), rest.end(), "--help") != rest.end()) return text_plan(command_help(*command));
  if (command->name == "validate") return text_plan(validated(rest));
  if (command->name == "completion") return text_plan(completion(rest.empty() ? "" : rest.front()));

  if (command->name == "export" || command->name == "report" || command->name == "compare")
    return plan_after_run(*command, rest);
  settings::CommandLine line = settings::parse_command_line(rest, kFlags);
  const auto flag = [&](const char* name) {
    return std::find(line.flags.begin(), line.flags.end(), name) != line.flags.end();
  };
  if (command->name == "status" || command->name == "inspect" || command->name == "verify") {
    if (line.settings.workspace.empty() && !line.positional.empty()) {
      line.settings.workspace = line.positional.front();
      line.positional.erase(line.positional.begin());
    }
    if (line.settings.workspace.empty()) throw UsageError(format("name the workspace: equal {} DIR", command->name));
    const job::Workspace workspace = job::Workspace::current(line.settings.workspace);
    if (command->name == "verify") return verified(workspace);
    if (command->name == "inspect") return text_plan(job::inspect(workspace, line.positional));
    if (flag("json")) return text_plan(job::status_data(workspace).dump(2) + "\n");
    if (flag("prometheus")) return text_plan(job::status_prometheus(job::status_data(workspace)));
    Plan plan = text_plan(flag("watch") ? std::string() : status_for_output(workspace));
    plan.watch = flag("watch");
    plan.settings = std::move(line.settings);
    return plan;
  }
  if (command->name == "plan") return planned(line, flag("slurm"), flag("json"));
  if (command->name == "bench") return benched(line, flag("write-machine-profile"));
  refuse_words(line);
  if (line.settings.workspace.empty())
    throw UsageError("--workspace is missing: name the folder of this run, for example --workspace run1");
  if (flag("dry-run") && command->name != "extract")
    throw UsageError("--dry-run belongs to extract: it shows the first prompts of a corpus that is clustered");
  Plan plan;
  plan.settings = std::move(line.settings);
  plan.stages = stages_of_commands().at(command->name);
  if (command->name == "run" && plan.settings.warmup)
    plan.stages.insert(std::find(plan.stages.begin(), plan.stages.end(), "extract"), "warmup");
  plan.dry = flag("dry-run");
  return plan;
}

}  // namespace

int run_command(comm::Communicator& world, const Words& words) {
  log::configure("info", world.rank(), world.size());
  Plan plan;
  comm::agree(world, [&] {
    plan = make_plan(words);
    if (!plan.stages.empty() || !plan.profile.empty())
      log::configure(plan.settings.log_level, world.rank(), world.size());
  });
  if (world.is_root()) std::fputs(plan.text.c_str(), stdout);
  if (!plan.profile.empty()) return run_bench(world, plan.settings, plan.profile);
  if (plan.dry) return run_dry(world, plan.settings);
  if (plan.watch && world.is_root()) watch_status(job::Workspace(plan.settings.workspace));
  if (!plan.compare_with.empty()) return run_comparison(world, plan.settings, plan.compare_with);
  return plan.stages.empty() ? plan.exit_code : run_stages(world, plan.settings, plan.stages);
}

}  // namespace equal::cli
