#include <algorithm>

#include "equal/base/log.hpp"
#include "equal/job/plan.hpp"

namespace equal::job {
namespace {

std::string count(double x) { return human_count(x); }

std::string line(const std::string& name, const std::string& value) { return format("  {:<44} {:>16}\n", name, value); }

std::string corpus_text(const Plan& p) {
  return format(
      "corpus     {} documents in the inputs ({}), {} kept, {} of text, {} partitions, {} clusters\n"
      "machine    {} nodes, {} ranks ({} work), {} threads a rank\n"
      "extract    {} documents asked in {} rounds, about {} pairs\n",
      count(p.rows), human_bytes(p.input_bytes), count(p.documents), human_bytes(p.text_bytes), count(p.partitions),
      count(p.clusters), count(p.nodes), count(p.ranks), count(p.workers), count(p.threads), count(p.asked),
      count(p.rounds), count(p.pairs));
}

std::string model_text(const Plan& p) {
  std::string out;
  if (p.warmup_asked > 0) out += format("warm-up    the first {} of these documents\n", count(p.warmup_asked));
  if (p.calls == 0) return out;
  out += format("model      {} calls, {} prompt tokens, {} completion tokens", count(p.calls), count(p.prompt_tokens),
                count(p.completion_tokens));
  if (p.money > 0) out += format(", {:.2f} by the prices given", p.money);
  return out + "\n";
}

std::string files_text(const Plan& p) {
  std::string out = format("\n{:<44} {:>8} {:>12}\n", "files", "number", "bytes");
  for (const PlannedFiles& f : p.files)
    out += format("  {:<42} {:>8} {:>12}\n", f.what, count(f.files), human_bytes(f.bytes));
  return out + format("  {:<42} {:>8} {:>12}\n", "the workspace at its fullest", "", human_bytes(p.disk_peak));
}

std::string memory_text(const Plan& p) {
  std::string out = "\nmemory of a rank\n";
  for (const PlannedPeak& peak : p.peaks) {
    out += line(format("{} ({})", peak.stage, peak.coordinator ? "the rank that coordinates" : "a rank that works"),
                human_bytes(peak.bytes()));
    for (const PlannedMemory& m : peak.components) out += line("    " + m.what, human_bytes(m.bytes));
  }
  return out + line("all ranks of a node", human_bytes(p.node_memory)) +
         line("the node has", human_bytes(p.memory_limit));
}

std::string stages_text(const Plan& p) {
  std::string out = format("\n{:<10} {:>12} {:>12} {:>12} {:>12} {:>12} {:>14}\n", "time", "compute", "disk",
                           "messages", "model", "all", "sent a rank");
  for (const PlannedStage& s : p.stages)
    out += format("  {:<8} {:>12} {:>12} {:>12} {:>12} {:>12} {:>14}\n", s.stage, human_seconds(s.compute_seconds),
                  human_seconds(s.disk_seconds), human_seconds(s.message_seconds), human_seconds(s.model_seconds),
                  human_seconds(s.seconds), human_bytes(s.message_bytes));
  out += format("  {:<8} {:>12} {:>12} {:>12} {:>12} {:>12}\n", "all", "", "", "", "", human_seconds(p.seconds()));
  return out + format("  a round: {} messages with {}, the largest {}\n", count(p.round_messages),
                      human_bytes(p.round_bytes), human_bytes(p.largest_message));
}

std::string constants_text(const MachineProfile& profile) {
  std::string out = format("\nconstants of {} ({}, {} cores)\n", profile.file.string(),
                           profile.machine.value("processor", "unknown"), profile.machine.value("cores", 0));
  for (const auto& [name, c] : profile.constants)
    out += format("  {:<28} {:>12.5g} {:<26} {}\n", name, c.value, c.unit, c.origin);
  return out;
}

}  // namespace

std::string to_text(const Plan& p, const MachineProfile& profile) {
  std::string out =
      corpus_text(p) + model_text(p) + files_text(p) + memory_text(p) + stages_text(p) + constants_text(profile);
  for (const Misfit& m : p.misfits) {
    out += "\ncannot fit: " + m.problem + "\n";
    for (const std::string& way : m.ways_out) out += "  fits with " + way + "\n";
    if (m.ways_out.empty()) out += "  no single setting makes it fit\n";
  }
  return out;
}

Json to_json(const Plan& p) {
  Json files = Json::object(), memory = Json::array(), stages = Json::object(), misfits = Json::array();
  for (const PlannedFiles& f : p.files) files[f.what] = {{"files", f.files}, {"bytes", f.bytes}};
  for (const PlannedPeak& peak : p.peaks) {
    Json components = Json::object();
    for (const PlannedMemory& m : peak.components) components[m.what] = m.bytes;
    memory.push_back({{"stage", peak.stage},
                      {"coordinator", peak.coordinator},
                      {"bytes", peak.bytes()},
                      {"components", std::move(components)}});
  }
  for (const PlannedStage& s : p.stages)
    stages[s.stage] = {{"seconds", s.seconds},
                       {"compute_seconds", s.compute_seconds},
                       {"disk_seconds", s.disk_seconds},
                       {"message_seconds", s.message_seconds},
                       {"model_seconds", s.model_seconds},
                       {"message_bytes", s.message_bytes}};
  for (const Misfit& m : p.misfits) misfits.push_back({{"problem", m.problem}, {"ways_out", m.ways_out}});
  return {{"rows", p.rows},
          {"documents", p.documents},
          {"text_bytes", p.text_bytes},
          {"input_bytes", p.input_bytes},
          {"partitions", p.partitions},
          {"clusters", p.clusters},
          {"ranks", p.ranks},
          {"workers", p.workers},
          {"threads", p.threads},
          {"asked", p.asked},
          {"warmup_asked", p.warmup_asked},
          {"rounds", p.rounds},
          {"pairs", p.pairs},
          {"calls", p.calls},
          {"prompt_tokens", p.prompt_tokens},
          {"completion_tokens", p.completion_tokens},
          {"money", p.money},
          {"files", std::move(files)},
          {"disk_peak", p.disk_peak},
          {"memory", std::move(memory)},
          {"node_memory", p.node_memory},
          {"largest_message", p.largest_message},
          {"round_messages", p.round_messages},
          {"round_bytes", p.round_bytes},
          {"stages", std::move(stages)},
          {"seconds", p.seconds()},
          {"misfits", std::move(misfits)}};
}

}  // namespace equal::job
