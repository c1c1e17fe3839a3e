#include "equal/base/error.hpp"

#include <cerrno>
#include <system_error>

namespace equal {

std::string errno_text(int error_number) {
  const std::string text =
      std::generic_category().message(error_number) + " (errno " + std::to_string(error_number) + ")";
  return error_number == EMFILE ? text + "; allow the process more with `ulimit -n`" : text;
}

}  // namespace equal
