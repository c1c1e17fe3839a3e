// Fuzz targets: a name and a function that must return for any bytes. Wrong is: a crash, what the sanitizers report, an
// exception that the interface does not promise, and what check() finds false.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace equal::fuzz {

using Target = void (*)(std::string_view bytes);

/// All targets that are linked in, by name.
std::map<std::string, Target>& targets();

/// At namespace scope of a target's file: const Registered kName("name", function);
struct Registered {
  Registered(const char* name, Target target) { targets()[name] = target; }
};

/// Prints `what` and aborts unless `condition`.
void check(bool condition, const char* what);

/// A folder in memory where possible, one a process, for readers that want files. Removed at the end.
const std::filesystem::path& folder();

/// The file `name` in folder() with these bytes.
std::filesystem::path file_of(const std::string& name, std::string_view bytes);

/// The first byte (0 when there is none) and the rest: for targets that have several ways to read.
std::pair<unsigned, std::string_view> first_byte(std::string_view bytes);

/// What stands before the first `separator` and behind it; all and nothing when there is none.
std::pair<std::string_view, std::string_view> split(std::string_view bytes, char separator);

}  // namespace equal::fuzz
