#include "equal/base/log.hpp"

#include <cmath>

#include <spdlog/sinks/stdout_color_sinks.h>

#include "equal/base/error.hpp"

namespace equal {
namespace log {

void configure(const std::string& level, int rank, int ranks) {
  const auto parsed = spdlog::level::from_str(level);
  if (parsed == spdlog::level::off && level != "off") {
    throw UsageError("log.level = '" + level + "': expected trace, debug, info, warn, error or off");
  }
  auto logger = std::make_shared<spdlog::logger>("equal", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_level(parsed);
  logger->set_pattern(ranks > 1 ? "%H:%M:%S %^%l%$ [" + std::to_string(rank) + "] %v" : "%H:%M:%S %^%l%$ %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace log

std::string human_bytes(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  int unit = 0;
  while (std::abs(bytes) >= 1024.0 && unit < 5) {
    bytes /= 1024.0;
    ++unit;
  }
  return unit == 0 ? format("{:.0f} B", bytes) : format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string human_seconds(double seconds) {
  if (seconds < 10.0) return format("{:.2f} s", seconds);
  if (seconds < 60.0) return format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return format("{} m {:02d} s", whole / 60, whole % 60);
  return format("{} h {:02d} m", whole / 3600, whole % 3600 / 60);
}

std::string human_count(double count) {
  std::string digits = format("{:.0f}", count);
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

}  // namespace equal
