// API keys. A key comes from the environment or from a file that only its owner can read, lives in memory alone, and is
// taken out of every text that might be logged.
#pragma once

#include <string>
#include <string_view>

namespace equal::net {

class Secret {
 public:
  Secret() = default;  ///< none
  /// Throws UsageError when the variable is missing or empty, or holds a line break.
  static Secret from_environment(const std::string& name);
  /// The first line of a file. Throws UsageError when the file is missing, empty, or readable by group or others.
  static Secret from_file(const std::string& path);
  ~Secret();
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&&) noexcept = default;
  Secret& operator=(Secret&&) noexcept = default;

  bool empty() const noexcept { return value_.empty(); }
  /// The key itself: for request headers only.
  const std::string& reveal() const noexcept { return value_; }
  /// `text` with each occurrence of the key replaced by "[key]". Servers like to echo what they were sent.
  std::string redact(std::string_view text) const;

 private:
  explicit Secret(std::string value);
  std::string value_;
};

}  // namespace equal::net
