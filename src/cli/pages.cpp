#include "pages.hpp"

#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/settings/parameters.hpp"

#include "help.hpp"

namespace equal::cli {
namespace {

bool concerns(const Command& command, const settings::Parameter& p) {
  return std::find(command.stages.begin(), command.stages.end(), p.stage) != command.stages.end();
}

std::string command_names() {
  std::string out;
  for (const Command& c : commands()) out += (out.empty() ? "" : " ") + std::string(c.name);
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& w : words) out += (out.empty() ? "" : " ") + w;
  return out;
}

/// case lines: a command and its settings; a setting and its choices.
std::string bash_completion() {
  std::string out =
      "# Completion of equal for bash.\n"
      "_equal() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} choices=\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '" +
      command_names() +
      " --help --version' -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case $before in\n";
  for (const auto& p : settings::parameters()) {
    if (!p.choices.empty()) out += format("    --{}) choices='{}' ;;\n", p.name, joined(p.choices));
  }
  out +=
      "  esac\n"
      "  if [ -n \"$choices\" ]; then\n"
      "    COMPREPLY=($(compgen -W \"$choices\" -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case $word in -*) ;; *) compopt -o default; return ;; esac\n"
      "  case ${COMP_WORDS[1]} in\n";
  for (const Command& c : commands()) {
    std::string options = "--help --config";
    for (const auto& p : settings::parameters()) {
      if (concerns(c, p)) options += " --" + p.name;
    }
    out += format("    {}) COMPREPLY=($(compgen -W '{}' -- \"$word\")) ;;\n", c.name, options);
  }
  return out + "  esac\n}\ncomplete -F _equal equal\n";
}

/// `text` inside single quotes of a zsh argument specification.
std::string zsh_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string zsh_completion() {
  std::string out = "#compdef equal\n_equal() {\n  local -a commands=(\n";
  for (const Command& c : commands()) out += format("    '{}:{}'\n", c.name, zsh_quoted(c.summary));
  out +=
      "  )\n"
      "  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
      "  local command=$words[2]\n  (( CURRENT-- ))\n  shift words\n  case $command in\n";
  for (const Command& c : commands()) {
    out +=
        format("    {})\n      _arguments '--help[settings of this command]' '--config[INI file]:file:_files'", c.name);
    for (const auto& p : settings::parameters()) {
      if (!concerns(c, p)) continue;
      const std::string values = p.choices.empty() ? "_files" : "(" + joined(p.choices) + ")";
      out += format(" \\\n        '--{}[{}]:{}:{}'", p.name, zsh_quoted(p.help), p.unit.empty() ? "value" : p.unit,
                    values);
    }
    out += " \\\n        '*:file:_files' ;;\n";
  }
  return out + "  esac\n}\n_equal \"$@\"\n";
}

/// Text of a manual page: backslashes, hyphens that can be copied, and no line that looks like a request.
std::string man_text(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_start = c == '\n';
  }
  return out;
}

}  // namespace

std::string completion(std::string_view shell) {
  if (shell == "bash") return bash_completion();
  if (shell == "zsh") return zsh_completion();
  throw UsageError(format("usage: equal completion bash|zsh (not '{}')", shell));
}

std::string manual_page() {
  std::string out =
      ".TH EQUAL 1 \"\" \"equal " EQUAL_VERSION
      "\" \"User Commands\"\n.SH NAME\n"
      "equal \\- instruction data out of a huge corpus with few LLM calls\n"
      ".SH SYNOPSIS\n.B equal\n.I COMMAND\n[\\fB\\-\\-config\\fR \\fIFILE.ini\\fR] [\\fB\\-\\-\\fIsetting\\fR "
      "\\fIvalue\\fR ...]\n.br\n\\fBmpirun \\-n \\fIRANKS\\fB equal run\\fR ...\n"
      ".SH DESCRIPTION\n.nf\n";
  out += man_text(general_help());
  out += ".fi\n.SH COMMANDS\n";
  for (const Command& c : commands()) out += format(".TP\n.B {}\n{}\n", man_text(c.name), man_text(c.text));
  out +=
      ".SH SETTINGS\nAs \\fB\\-\\-section.name\\fR \\fIvalue\\fR, or as name = value below [section] in an INI file.\n";
  std::string stage;
  for (const auto& p : settings::parameters()) {
    if (p.stage != stage) out += format(".SS {}\n", man_text(p.stage));
    stage = p.stage;
    std::string facts = p.default_value.empty() ? "no default" : "default " + p.default_value;
    if (!p.unit.empty()) facts += ", in " + p.unit;
    if (!p.choices.empty()) facts += ", one of " + joined(p.choices);
    out += format(".TP\n.B \\-\\-{}\n{} ({})\n", man_text(p.name), man_text(p.help), man_text(facts));
  }
  return out;
}

}  // namespace equal::cli
