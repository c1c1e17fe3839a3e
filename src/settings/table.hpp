// The rows of the parameter table.
#pragma once

#include <vector>

#include "equal/settings/parameters.hpp"

namespace equal::settings {
std::vector<Parameter> make_table();
}
