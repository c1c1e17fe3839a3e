#include "equal/job/status.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

#include "run_view.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr double kSilent = 60;  // seconds; a living job touches its lock every 5

bool is_complete(const Json& status, const char* stage) {
  const Json& stages = status.at("stages");
  return stages.contains(stage) && stages.at(stage).value("complete", true);
}

/// What a warm-up came to; empty for the facts of other stages.
std::string warmup_note(const Json& facts) {
  if (!facts.contains("aligned")) return {};
  if (!facts.value("aligned", false)) return ", the stock encoder stays";
  return format(", held-out MRR {:.3f} -> {:.3f}", facts.value("mrr_before", 0.0), facts.value("mrr_after", 0.0));
}

class Painter {
 public:
  explicit Painter(const StatusStyle& style) : style_(style) {}
  enum Colour { plain = 0, bold = 1, green = 32, yellow = 33, red = 31, grey = 90 };

  /// One line of (text, colour), cut to the terminal.
  void line(std::initializer_list<std::pair<std::string, Colour>> parts) {
    std::size_t room = std::max<std::size_t>(style_.columns, 10);
    for (const auto& [text, colour] : parts) {
      const std::string shown = text.substr(0, room);
      room -= shown.size();
      const bool paint = style_.colours && colour != plain && !shown.empty();
      if (paint) out_ += format("\x1b[{}m", static_cast<int>(colour));
      out_ += shown;
      if (paint) out_ += "\x1b[0m";
    }
    out_ += '\n';
  }
  std::string text() { return std::move(out_); }

 private:
  StatusStyle style_;
  std::string out_;
};

std::string bar(double share, std::size_t width) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(width));
  return "[" + std::string(full, '#') + std::string(width - full, '-') + "]";
}

/// A label's value: backslash, quote and line break are escaped.
std::string label(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

}  // namespace

Json status_data(const Workspace& named) {
  if (!fs::exists(named.root())) throw UsageError(named.root().string() + ": no such workspace");
  const Workspace workspace = Workspace::current(named.root());  // it may change while a run is watched
  Json json = {
      {"workspace", workspace.root().string()}, {"running", fs::exists(workspace.lock())}, {"stages", Json::object()}};
  std::error_code gone;
  if (const auto touched = fs::last_write_time(workspace.lock(), gone); !gone)
    json["silent_seconds"] = std::chrono::duration<double>(fs::file_time_type::clock::now() - touched).count();
  for (const char* stage : kStageNames) {
    if (has_stage_record(workspace, stage)) json["stages"][stage] = stage_facts(workspace, stage);
  }
  if (fs::exists(workspace.status())) {
    try {
      json["now"] = unseal_json(read_file(workspace.status()), workspace.status().string());
    } catch (const DataError& e) {
      json["damaged"] = e.what();
    }
  }
  if (json.contains("now") && json["now"].contains("asked")) {
    json["extraction"] = json["now"];
  } else if (const Json done = stage_facts(workspace, "extract"); done.contains("asked")) {  // a later stage works now
    json["extraction"] = done;
    json["extraction"]["documents_budget"] = done["asked"];
  }
  return json;
}

std::string status_text(const Json& status, const StatusStyle& style) {
  Painter p(style);
  const bool running = status.at("running").get<bool>();
  p.line({{status.at("workspace").get<std::string>() + ": ", Painter::bold},
          {running ? "in use" : "not running", running ? Painter::green : Painter::grey}});
  if (status.value("silent_seconds", 0.0) > kSilent)
    p.line({{"  no sign of life for " + human_seconds(status.at("silent_seconds").get<double>()) +
                 ": its job was killed or is frozen; the same command line goes on",
             Painter::red}});
  if (status.contains("damaged"))
    p.line({{"  " + status.at("damaged").get<std::string>() + "; a run writes it anew", Painter::red}});
  for (const char* stage : kStageNames) {
    const bool done = is_complete(status, stage);
    if (is_optional(stage) && !status.at("stages").contains(stage) &&
        !(running && status.contains("now") && status.at("now").value("stage", "") == stage))
      continue;
    p.line({{format("  {:<8} ", stage), Painter::plain},
            {done ? "complete" : "not complete", done ? Painter::green : Painter::yellow},
            {done ? ", " + human_seconds(status.at("stages").at(stage).value("seconds", 0.0)) : "", Painter::plain},
            {done ? warmup_note(status.at("stages").at(stage)) : "", Painter::plain}});
  }
  if (running && status.contains("now")) {
    const Json& now = status.at("now");
    const bool ends = now.contains("eta_seconds") && now.at("eta_seconds").is_number();
    p.line({{format("  {}: {}{} {}, {}/s{}", now.value("stage", ""), counted(now, "done"),
                    now.value("total", 0.0) > 0 ? " of " + counted(now, "total") : "", now.value("unit", ""),
                    human_count(now.value("rate", 0.0)),
                    ends ? ", " + human_seconds(now.at("eta_seconds").get<double>()) + " to go" : ""),
             Painter::plain}});
  }
  if (!status.contains("extraction")) return p.text();
  const Json& e = status.at("extraction");
  const double asked = e.value("asked", 0.0), budget = e.value("documents_budget", 0.0);
  const double share = budget > 0 ? asked / budget : 0;
  p.line({{"  " + bar(share, std::clamp<std::size_t>(style.columns / 3, 8, 40)), Painter::green},
          {format(" {:.0f} %", 100 * share), Painter::plain}});
  p.line({{format("  asked {} of {} documents, {} answered, ", counted(e, "asked"), counted(e, "documents_budget"),
                  counted(e, "answered")),
           Painter::plain},
          {counted(e, "failed") + " failed", e.value("failed", 0.0) > 0 ? Painter::red : Painter::plain},
          {running ? format(", {} under way", counted(e, "unanswered")) : "", Painter::plain}});
  p.line({{format("  {} pairs, credit {:.2f}", counted(e, "pairs"), e.value("credit", 0.0)), Painter::plain}});
  const Json spent = e.value("spent", Json::object());
  if (spent.value("calls", 0.0) > 0) {
    const auto cost = [](const Json& s) {
      const double tokens = s.value("prompt_tokens", 0.0) + s.value("completion_tokens", 0.0),
                   money = s.value("money", 0.0);
      return format("{} calls, {} tokens{}", counted(s, "calls"), human_count(tokens),
                    money > 0 ? format(", {:.2f} of money", money) : "");
    };
    p.line({{"  " + cost(spent), Painter::plain},
            {running && e.contains("projected") ? "; in the end about " + cost(e["projected"]) : "", Painter::plain}});
  }
  return p.text();
}

std::string status_prometheus(const Json& status) {
  const std::string workspace = label(status.at("workspace").get<std::string>());
  std::string out;
  const auto head = [&](const char* name, const char* kind, const char* help) {
    out += format("# HELP equal_{} {}\n# TYPE equal_{} {}\n", name, help, name, kind);
  };
  const auto single = [&](const char* name, const char* kind, const char* help, double value) {
    head(name, kind, help);
    out += format("equal_{}{{workspace=\"{}\"}} {}\n", name, workspace, value);
  };
  single("running", "gauge", "1 while a job holds the workspace.", status.at("running").get<bool>() ? 1 : 0);
  head("stage_complete", "gauge", "1 for a stage that is complete.");
  for (const char* stage : kStageNames) {
    if (is_optional(stage) && !status.at("stages").contains(stage)) continue;
    out += format("equal_stage_complete{{workspace=\"{}\",stage=\"{}\"}} {}\n", workspace, stage,
                  is_complete(status, stage) ? 1 : 0);
  }
  head("stage_seconds", "gauge", "Wall time of a stage.");
  for (const auto& [stage, facts] : status.at("stages").items())
    out += format("equal_stage_seconds{{workspace=\"{}\",stage=\"{}\"}} {}\n", workspace, label(stage),
                  facts.value("seconds", 0.0));
  if (!status.contains("extraction")) return out;
  const Json& e = status.at("extraction");
  const Json spent = e.value("spent", Json::object());
  single("documents_budget", "gauge", "Documents that may be asked.", e.value("documents_budget", 0.0));
  single("documents_asked_total", "counter", "Documents asked.", e.value("asked", 0.0));
  single("documents_answered_total", "counter", "Documents answered.", e.value("answered", 0.0));
  single("documents_failed_total", "counter", "Documents without an answer.", e.value("failed", 0.0));
  single("documents_unanswered", "gauge", "Documents under way.", e.value("unanswered", 0.0));
  single("pairs_total", "counter", "Pairs kept.", e.value("pairs", 0.0));
  single("credit_total", "counter", "Credit of the pairs so far.", e.value("credit", 0.0));
  single("calls_total", "counter", "LLM calls.", spent.value("calls", 0.0));
  single("prompt_tokens_total", "counter", "Prompt tokens.", spent.value("prompt_tokens", 0.0));
  single("completion_tokens_total", "counter", "Completion tokens.", spent.value("completion_tokens", 0.0));
  single("money_total", "counter", "Money spent, in price units.", spent.value("money", 0.0));
  return out;
}

}  // namespace equal::job
