// An error that all ranks know of: each may unwind and finish MPI in an orderly way.
#pragma once

#include "equal/base/error.hpp"

namespace equal::comm {

class AgreedError : public Error {
 public:
  AgreedError(Family family, const std::string& message, bool culprit) : Error(family, message), culprit_(culprit) {}
  bool culprit() const noexcept { return culprit_; }

 private:
  bool culprit_;
};

}  // namespace equal::comm
