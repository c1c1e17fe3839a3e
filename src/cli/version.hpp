// equal --version.
#pragma once

#include <string>

namespace equal::cli {

/// Local. Name and version; `verbose`: what this build is made of, one "name  value" a line.
std::string version_text(bool verbose);

}  // namespace equal::cli
