// Text -> unit vector. Implementations: static (hash, lsa, distil), bert, http.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "equal/base/thread_pool.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::encode {

/// What a text is for: some models put a prefix before one or the other (BGE: a query instruction).
enum class Role { document, query };

class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual std::size_t dim() const = 0;
  /// SHA-256 over everything that decides the vectors: weights, vocabulary, settings, code version.
  virtual std::string digest() const = 0;
  virtual std::string description() const = 0;  ///< one line for the log

  /// out (texts.size(), dim()): one unit vector a text; the zero vector for a text without a token.
  /// The same texts in the same order give the same bits for any number of threads. Bits of a row may depend on the
  /// other texts of the call, so callers fix the composition of a call (a block of a partition).
  virtual void encode(std::span<const std::string_view> texts, Role role, linalg::MatrixView<float> out,
                      ThreadPool& pool) = 0;
};

}  // namespace equal::encode
