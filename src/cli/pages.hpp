// What packages carry besides the program, made from the table of parameters: completion of shells, the manual page.
#pragma once

#include <string>
#include <string_view>

namespace equal::cli {

/// A script for "bash" or "zsh" (for a folder of completions): commands, settings of a command, and their choices.
/// Throws UsageError for other shells.
std::string completion(std::string_view shell);

/// equal(1) in man(7) macros: commands, settings, exit codes.
std::string manual_page();

}  // namespace equal::cli
