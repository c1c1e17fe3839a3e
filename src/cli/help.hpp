// Texts of --help.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace equal::cli {

struct Command {
  std::string_view name;
  std::string_view summary;              ///< one line
  std::string_view text;                 ///< what it does, reads and writes
  std::vector<std::string_view> stages;  ///< groups of settings that concern it
};

const std::vector<Command>& commands();
const Command* find_command(std::string_view name);
std::string nearest_command(std::string_view name);

std::string general_help();
std::string command_help(const Command& command);

}  // namespace equal::cli
