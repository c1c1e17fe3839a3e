#include "equal/base/error.hpp"

#include <cerrno>
#include <system_error>

namespace equal {

const char* family_name(Family family) noexcept {
  switch (family) {
    case Family::usage:
      return "usage";
    case Family::data:
      return "data";
    case Family::losses:
      return "losses";
    case Family::environment:
      return "environment";
    case Family::internal:
      return "internal";
    case Family::checkpointed:
      return "checkpointed";
  }
  return "unknown";
}

std::string errno_text(int error_number) {
  const std::string text =
      std::generic_category().message(error_number) + " (errno " + std::to_string(error_number) + ")";
  return error_number == EMFILE ? text + "; allow the process more with `ulimit -n`" : text;
}

}  // namespace equal
