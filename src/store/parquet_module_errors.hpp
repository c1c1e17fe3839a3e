// How the two halves of the Parquet module turn Arrow's results into error texts.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include <arrow/result.h>
#include <arrow/status.h>

namespace equal::store {

struct Failure : std::exception {
  std::string text;
  explicit Failure(std::string t) : text(std::move(t)) {}
  const char* what() const noexcept override { return text.c_str(); }
};

inline void check(const arrow::Status& status) {
  if (!status.ok()) throw Failure(status.ToString());
}
template <class T>
T value_of(arrow::Result<T> result) {
  check(result.status());
  return std::move(result).ValueUnsafe();
}

/// Runs f; the text of what it throws.
template <class F>
std::string error_of(F f) {
  try {
    f();
    return {};
  } catch (const std::exception& e) {
    return e.what()[0] == '\0' ? "unknown error" : e.what();
  }
}

}  // namespace equal::store
