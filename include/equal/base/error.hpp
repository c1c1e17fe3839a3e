// Errors: one exception type, one family per exit code. Libraries throw; only cli/ prints and exits.
#pragma once

#include <stdexcept>
#include <string>

namespace equal {

/// What went wrong, from the user's point of view. The value is the exit code of the program.
enum class Family : int {
  usage = 1,         ///< command line or settings: change them
  data = 2,          ///< an input file: mend it
  losses = 3,        ///< done, but more was lost than --max-loss allows
  environment = 69,  ///< disk, network, MPI, permissions: mend the machine and run again
  internal = 70,     ///< a defect of ours
  checkpointed = 75  ///< stopped on request with everything safe: run again to go on
};

/// Base of all our exceptions. `what()` says what, the value, where, and what to do.
class Error : public std::runtime_error {
 public:
  Error(Family family, const std::string& message) : std::runtime_error(message), family_(family) {}
  Family family() const noexcept { return family_; }
  int exit_code() const noexcept { return static_cast<int>(family_); }

 private:
  Family family_;
};

struct UsageError : Error {
  explicit UsageError(const std::string& message) : Error(Family::usage, message) {}
};
struct DataError : Error {
  explicit DataError(const std::string& message) : Error(Family::data, message) {}
};
struct EnvironmentError : Error {
  explicit EnvironmentError(const std::string& message) : Error(Family::environment, message) {}
};
struct InternalError : Error {
  explicit InternalError(const std::string& message) : Error(Family::internal, message) {}
};

/// The message of errno, with its number.
std::string errno_text(int error_number);

}  // namespace equal
