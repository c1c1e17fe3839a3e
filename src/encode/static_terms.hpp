// The distinct features of one text with their number of occurrences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace equal::encode {

struct Term {
  std::uint64_t feature = 0;
  std::uint32_t count = 0;
};

/// Reusable scratch of one thread: allocates only when a text is longer than all before it.
class TermCounter {
 public:
  /// The words of `text`, their hashes shifted right by `shift`, in order of their first occurrence. Valid until the
  /// next call.
  std::span<const Term> count(std::string_view text, unsigned shift);
  /// The same for given features.
  std::span<const Term> count(std::span<const std::uint64_t> features, unsigned shift);

 private:
  std::vector<std::uint64_t> hashes_;
  std::vector<Term> terms_;
  std::vector<std::uint32_t> slots_;  // open addressing: position in terms_ + 1, or 0
};

}  // namespace equal::encode
