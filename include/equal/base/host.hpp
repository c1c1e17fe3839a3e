// The name of this machine, as messages and locks give it.
#pragma once

#include <string>

namespace equal {

std::string host_name();  ///< "unknown" where the system does not say

}  // namespace equal
