// report.html: one file that shows a run and loads nothing from elsewhere.
#pragma once

#include <string>

#include "equal/base/json.hpp"

namespace equal::report {

/// The page around `data` (docs/report.md names its fields; src/report/page holds markup, style and script). Whatever
/// texts the data hold stay texts: they stand in a JSON block without '<', '>' and '&', and reach the page as text
/// nodes.
std::string page(const Json& data);

}  // namespace equal::report
