#include "equal/settings/parse.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <boost/program_options.hpp>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

namespace equal::settings {
namespace {
namespace po = boost::program_options;

std::string trimmed(const std::string& s) {
  const auto first = s.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t\r") - first + 1);
}

/// Collects problems and throws them together.
class Problems {
 public:
  void add(const std::string& problem) { text_ += (text_.empty() ? "" : "\n") + problem; }
  template <class F>
  void guard(F&& f) {
    try {
      f();
    } catch (const UsageError& e) {
      add(e.what());
    }
  }
  void raise() const {
    if (!text_.empty()) throw UsageError(text_);
  }

 private:
  std::string text_;
};

std::string unknown(const std::string& where, const std::string& name) {
  const std::string near = nearest_name(name);
  return format("{}: unknown setting '{}'{}; `equal --help` lists them", where, name,
                near.empty() ? "" : "; did you mean '" + near + "'?");
}

/// Whether the setting has values of type T; any `settings` will do.
template <class T>
bool holds(const Parameter& p, Settings& settings) {
  return std::holds_alternative<T*>(p.slot(settings));
}
bool is_list(const Parameter& p, Settings& settings) { return holds<std::vector<std::string>>(p, settings); }

/// The full name for the last word of one, when that is unambiguous; otherwise the word itself.
std::string full_name(const std::string& word) {
  if (find_parameter(word) != nullptr) return word;
  std::string found;
  for (const auto& p : parameters()) {
    if (p.name.substr(p.name.find('.') + 1) != word) continue;
    if (!found.empty()) return word;
    found = p.name;
  }
  return found.empty() ? word : found;
}

po::options_description options(const std::vector<std::string>& known_flags, Settings& settings) {
  po::options_description all;
  all.add_options()("config", po::value<std::vector<std::string>>());
  for (const auto& flag : known_flags) all.add_options()(flag.c_str(), po::bool_switch());
  for (const auto& p : parameters()) {
    if (is_list(p, settings)) {
      all.add_options()(p.name.c_str(), po::value<std::vector<std::string>>()->multitoken());
    } else {
      all.add_options()(p.name.c_str(), po::value<std::string>());
    }
  }
  return all;
}

/// The words with short names made whole, dashes in names made underscores where the table has them, and `--name` of a
/// boolean made `--name=true`. Throws UsageError listing all unknown names.
std::vector<std::string> whole_words(const std::vector<std::string>& words, const std::vector<std::string>& known_flags,
                                     Settings& settings) {
  Problems problems;
  std::vector<std::string> full;
  for (const auto& word : words) {
    if (!word.starts_with("--") || word.size() == 2) {
      full.push_back(word);
      continue;
    }
    const auto equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (name == "config" || std::find(known_flags.begin(), known_flags.end(), name) != known_flags.end()) {
      full.push_back(word);
      continue;
    }
    std::string dotted = full_name(name);
    if (find_parameter(dotted) == nullptr) {
      std::string underscored = name;
      std::replace(underscored.begin(), underscored.end(), '-', '_');
      dotted = full_name(underscored);
    }
    if (find_parameter(dotted) == nullptr) {
      problems.add(unknown("command line", name));
      continue;
    }
    full.push_back("--" + dotted + (equals == std::string::npos ? "" : word.substr(equals)));
  }
  problems.raise();
  for (std::size_t i = 0; i < full.size(); ++i) {
    if (!full[i].starts_with("--") || full[i].find('=') != std::string::npos) continue;
    const Parameter* p = find_parameter(full[i].substr(2));
    if (p == nullptr || !holds<bool>(*p, settings)) continue;
    const bool value_follows = i + 1 < full.size() && (full[i + 1] == "true" || full[i + 1] == "false");
    if (!value_follows) full[i] += "=true";
  }
  return full;
}

/// All but --config: values over those of the files, flags, and words that are no settings.
void set_values(const po::parsed_options& parsed, CommandLine& out, Problems& problems) {
  std::set<std::string> seen;
  for (const auto& option : parsed.options) {
    if (option.position_key >= 0) {
      out.positional.insert(out.positional.end(), option.value.begin(), option.value.end());
      continue;
    }
    const std::string& name = option.string_key;
    if (name == "config") continue;
    const Parameter* p = find_parameter(name);
    if (p == nullptr) {
      out.flags.push_back(name);
      continue;
    }
    std::string value;
    for (const auto& word : option.value) value += (value.empty() ? "" : " ") + word;
    if (!seen.insert(name).second) {
      if (!is_list(*p, out.settings)) {
        problems.add("command line: --" + name + " is given twice");
        continue;
      }
      value = format("{} {}", value_text(*p, out.settings), value);
    }
    problems.guard([&] { set_value(*p, out.settings, value, "command line"); });
  }
}

}  // namespace

Settings defaults() {
  Settings s;
  for (const auto& p : parameters()) set_value(p, s, p.default_value, "default");
  return s;
}

void read_ini(const std::filesystem::path& file, Settings& settings) {
  std::istringstream in(read_file(file, 1 << 20));
  Problems problems;
  std::string section;
  std::map<std::string, int> line_of;
  int number = 0;
  for (std::string raw; std::getline(in, raw);) {
    const std::string where = file.string() + ":" + std::to_string(++number);
    const std::string line = trimmed(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']')
        problems.add(format("{}: '{}' opens a section without closing it; write [name]", where, line));
      section = trimmed(line.substr(1, line.size() - 2));
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string::npos) {
      problems.add(format("{}: '{}' is no setting; write key = value", where, line));
      continue;
    }
    const std::string key = trimmed(line.substr(0, equals));
    const std::string name = section.empty() ? key : format("{}.{}", section, key);
    std::string value = trimmed(line.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    const Parameter* p = find_parameter(name);
    if (p == nullptr) {
      problems.add(unknown(where, name));
      continue;
    }
    const auto [earlier, first_time] = line_of.emplace(name, number);
    if (!first_time && !is_list(*p, settings)) {
      problems.add(format("{}: {} is set twice; the first time in line {}", where, name, earlier->second));
      continue;
    }
    if (!first_time) value = format("{} {}", value_text(*p, settings), value);
    problems.guard([&] { set_value(*p, settings, value, where); });
  }
  problems.raise();
}

CommandLine parse_command_line(const std::vector<std::string>& words, const std::vector<std::string>& known_flags) {
  CommandLine out{defaults(), {}, {}};
  const po::options_description known = options(known_flags, out.settings);
  const auto full = whole_words(words, known_flags, out.settings);
  Problems problems;
  try {
    namespace style = po::command_line_style;
    const auto parsed = po::command_line_parser(full)
                            .options(known)
                            .style(style::allow_long | style::long_allow_next | style::long_allow_adjacent)
                            .run();
    for (const auto& option : parsed.options) {
      if (option.string_key != "config") continue;
      for (const auto& file : option.value) problems.guard([&] { read_ini(file, out.settings); });
    }
    set_values(parsed, out, problems);
  } catch (const po::error& e) {
    problems.add(std::string("command line: ") + e.what());
  }
  problems.raise();
  return out;
}

std::string to_ini(const Settings& settings) {
  std::string out, section;
  for (const auto& p : parameters()) {
    const std::string mine = p.name.substr(0, p.name.find('.'));
    if (mine != section) out += format("{}[{}]\n", out.empty() ? "" : "\n", section = mine);
    std::string value = value_text(p, settings);
    // read_ini() takes off blanks around a value and one pair of quotes: what has some of its own is quoted.
    const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    if (quoted || trimmed(value) != value) value = format("\"{}\"", value);
    out += format("{} = {}\n", p.name.substr(p.name.find('.') + 1), value);
  }
  return out;
}

}  // namespace equal::settings
