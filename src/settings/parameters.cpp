#include "equal/settings/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "table.hpp"

namespace equal::settings {
namespace {

struct StageTitle {
  const char* stage;
  const char* title;
};
constexpr StageTitle kTitles[] = {
    {"job", "The job as a whole"},
    {"ingest", "ingest: corpus -> partitions"},
    {"reference", "The target task"},
    {"embed", "embed: documents -> vectors"},
    {"cluster", "cluster: vectors -> arms"},
    {"warmup", "warmup: the encoder learns what documents yield"},
    {"extract", "extract: arms -> pairs, under a budget"},
    {"chat", "The LLM"},
    {"export", "export: pairs -> data set"},
    {"plan", "Planning: equal plan and equal bench"},
};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
  std::string out;
  for (const auto& w : words) out += (out.empty() ? "" : separator) + (w.empty() ? std::string("(empty)") : w);
  return out;
}

std::string number_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return format("{:.0f}", value);
  return format("{:g}", value);
}

/// "must be ..." for messages and the help.
std::string allowed(const Parameter& p) {
  if (!p.choices.empty()) return "one of " + joined(p.choices, ", ");
  const bool low = std::isfinite(p.minimum), high = std::isfinite(p.maximum) && p.maximum < 1e18;
  if (low && high) return number_text(p.minimum) + " to " + number_text(p.maximum);
  if (low) return "at least " + number_text(p.minimum);
  return {};
}

const char* type_name(const Parameter& p) {
  Settings s;
  static constexpr const char* kNames[] = {"whole number", "number", "true or false", "text", "list"};
  return kNames[p.slot(s).index()];
}

template <class T>
T parse_number(const Parameter& p, const std::string& text, const std::string& where) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    throw UsageError(format("{}: {} = {}; must be a {}{}", where, p.name, text, type_name(p),
                            allowed(p).empty() ? "" : ", " + allowed(p)));
  }
  if (!(static_cast<double>(value) >= p.minimum && static_cast<double>(value) <= p.maximum)) {
    throw UsageError(format("{}: {} = {}; must be {}", where, p.name, text, allowed(p)));
  }
  return value;
}

bool parse_bool(const Parameter& p, const std::string& text, const std::string& where) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  throw UsageError(format("{}: {} = {}; must be true or false", where, p.name, text));
}

std::vector<std::string> split_words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::string out, line;
  for (const auto& word : split_words(text)) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
      out += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + std::string(indent, ' ') + line + "\n";
}

}  // namespace

const std::vector<Parameter>& parameters() {
  static const std::vector<Parameter> table = make_table();
  return table;
}

const Parameter* find_parameter(std::string_view name) {
  const auto& table = parameters();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Parameter& p) { return p.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::string nearest_name(std::string_view name) {
  std::string best;
  std::size_t distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& p : parameters()) {
    for (const std::string_view known :
         {std::string_view(p.name), std::string_view(p.name).substr(p.name.find('.') + 1)}) {
      // The difference in length is a lower bound, and spares the work where a name is a whole line of something else.
      const std::size_t at_least = std::max(name.size(), known.size()) - std::min(name.size(), known.size());
      if (at_least >= distance) continue;
      const std::size_t d = edit_distance(name, known);
      if (d < distance) distance = d, best = p.name;
    }
  }
  return best;
}

std::string value_text(const Parameter& p, const Settings& settings) {
  const Slot slot = p.slot(const_cast<Settings&>(settings));  // it wants a mutable object; the value is only read
  if (const auto* v = std::get_if<std::uint64_t*>(&slot)) return std::to_string(**v);
  if (const auto* v = std::get_if<double*>(&slot)) return format("{}", **v);
  if (const auto* v = std::get_if<bool*>(&slot)) return **v ? "true" : "false";
  if (const auto* v = std::get_if<std::string*>(&slot)) return **v;
  std::string out;
  for (const auto& word : *std::get<std::vector<std::string>*>(slot)) out += (out.empty() ? "" : " ") + word;
  return out;
}

void set_value(const Parameter& p, Settings& settings, const std::string& text, const std::string& where) {
  const Slot slot = p.slot(settings);
  if (const auto* v = std::get_if<std::uint64_t*>(&slot)) {
    **v = parse_number<std::uint64_t>(p, text, where);
  } else if (const auto* d = std::get_if<double*>(&slot)) {
    **d = parse_number<double>(p, text, where);
  } else if (const auto* b = std::get_if<bool*>(&slot)) {
    **b = parse_bool(p, text, where);
  } else if (const auto* s = std::get_if<std::string*>(&slot)) {
    if (!p.choices.empty() && std::find(p.choices.begin(), p.choices.end(), text) == p.choices.end()) {
      throw UsageError(format("{}: {} = {}; must be {}", where, p.name, text, allowed(p)));
    }
    **s = text;
  } else {
    *std::get<std::vector<std::string>*>(slot) = split_words(text);
  }
}

std::string help_of_stage(std::string_view stage) {
  std::string out;
  for (const auto& p : parameters()) {
    if (p.stage != stage) continue;
    std::string facts = p.default_value.empty() ? "" : p.default_value;
    if (!p.unit.empty()) facts += (facts.empty() ? "" : " ") + p.unit;
    const std::string limits = allowed(p);
    out +=
        format("  --{}{}{}\n", p.name, facts.empty() ? "" : " = " + facts, limits.empty() ? "" : "  [" + limits + "]");
    out += wrapped(p.help, 6, 100);
  }
  return out;
}

std::string configuration_page() {
  std::string out =
      "# Settings\n\n"
      "Generated from the parameter table by `equal validate --print-configuration-page`; a test compares it.\n\n"
      "Order: defaults < INI files (`--config FILE`) < command line (`--section.key value`). An unknown key is an "
      "error.\n"
      "*Effect* says what a change means for a workspace that exists: `result` settings enter the digest of their "
      "stage and of all\n"
      "later ones, `stage` settings only that of their stage; a workspace that was made with others refuses them. A "
      "changed `rule` is\n"
      "applied to the answers that are there, which are not asked again. `free` settings may change at any time.\n";
  for (const auto& [stage, title] : kTitles) {
    out += format("\n## {}\n\n| setting | default | unit | allowed | effect | meaning |\n|---|---|---|---|---|---|\n",
                  title);
    for (const auto& p : parameters()) {
      if (p.stage != stage) continue;
      static constexpr const char* kKinds[] = {"result", "stage", "rule", "free"};
      std::string limits = allowed(p);
      if (limits.empty()) limits = type_name(p);
      std::string value = p.default_value.empty() ? "" : "`" + p.default_value + "`";
      for (std::string* cell : {&limits, &value}) {
        for (std::size_t i = 0; (i = cell->find("|", i)) != std::string::npos; i += 2) cell->insert(i, "\\");
      }
      out += format("| `{}` | {} | {} | {} | {} | {} |\n", p.name, value, p.unit, limits,
                    kKinds[static_cast<int>(p.kind)], p.help);
    }
  }
  return out;
}

}  // namespace equal::settings
