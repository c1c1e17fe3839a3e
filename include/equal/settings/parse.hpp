// Defaults < INI file < command line. All problems are reported at once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "equal/settings/parameters.hpp"

namespace equal::settings {

Settings defaults();

/// Reads an INI file over `settings`: `[section]`, `key = value`, `#` and `;` comments; a list has its items parted by
/// white space, or several lines with the same key. Throws UsageError listing every problem as "file:line: ...".
void read_ini(const std::filesystem::path& file, Settings& settings);

struct CommandLine {
  Settings settings;
  std::vector<std::string> positional;  ///< words that are no settings
  std::vector<std::string> flags;       ///< of `known_flags`, without dashes
};

/// Parses words after the subcommand: --config FILE (several allowed), --name value or --name=value for every
/// parameter,
/// --flag for `known_flags`. The last word of a name is enough where it is unambiguous (--workspace, --policy).
CommandLine parse_command_line(const std::vector<std::string>& words, const std::vector<std::string>& known_flags);

/// Every setting as an INI file that reads back to the same values.
std::string to_ini(const Settings& settings);

}  // namespace equal::settings
