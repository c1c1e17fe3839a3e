// Conversions and sums that refuse to lose information.
#pragma once

#include <limits>
#include <string>
#include <utility>

#include "equal/base/error.hpp"

namespace equal {

/// `value` as To, or InternalError naming `what` when it does not fit.
template <class To, class From>
constexpr To narrow(From value, const char* what = "a count") {
  if (!std::in_range<To>(value)) {
    throw InternalError(std::string(what) + " = " + std::to_string(value) + " does not fit its type");
  }
  return static_cast<To>(value);
}

/// a * b, or DataError naming `what` on overflow: for sizes that come from files.
template <class T>
constexpr T checked_multiply(T a, T b, const char* what) {
  T out{};
  if (__builtin_mul_overflow(a, b, &out)) throw DataError(std::string(what) + " overflows");
  return out;
}

}  // namespace equal
