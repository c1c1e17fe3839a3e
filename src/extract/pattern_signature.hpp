// Terms of reference manuals: function signatures, options, variables.
#pragma once

#include <string>
#include <string_view>

namespace equal::extract {

enum class EntryKind { none, option, call, type, exception, name, setting };

struct Entry {
  EntryKind kind = EntryKind::none;
  std::string name;         ///< "os.getcwd", "--exit-code", "work_mem"
  std::string shown;        ///< for questions: "os.walk(top, topdown=True)"; the bare name where arguments are too long
  bool c_function = false;  ///< has a C return type
};

/// What a term is about; kind none for terms that are no entry.
Entry read_entry(std::string_view term);

}  // namespace equal::extract
