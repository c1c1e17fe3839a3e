#include "rounds_log.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kPieceBytes = std::size_t{4} << 20;
constexpr auto kSyncEvery = std::chrono::milliseconds(50);
constexpr std::string_view kChecksumKey = ",\"crc\":\"";
constexpr std::size_t kChecksumBytes = kChecksumKey.size() + 8 + 2;

constexpr const char* kKinds[] = {"asked", "observed", "warmup"};  // in the order of RoundEvent::Kind

RoundEvent::Kind kind_of(const std::string& name) {
  for (const auto kind : {RoundEvent::Kind::asked, RoundEvent::Kind::observed, RoundEvent::Kind::warmup}) {
    if (name == kKinds[static_cast<std::size_t>(kind)]) return kind;
  }
  throw DataError("no event is called '" + name + "'");
}

std::string to_line(const RoundEvent& e) {
  Json json = {{"event", kKinds[static_cast<std::size_t>(e.kind)]}, {"round", e.round}};
  if (e.kind == RoundEvent::Kind::asked) {
    json["documents"] = e.asked;
  } else if (e.kind == RoundEvent::Kind::observed) {
    Json list = Json::array();
    for (const auto& d : e.observed) {
      list.push_back({{"number", d.number},
                      {"arm", d.arm},
                      {"answered", d.answered},
                      {"pairs", d.pairs},
                      {"reward", d.reward},
                      {"credits", d.credits}});
      if (d.answered) continue;
      list.back()["failure"] = d.failure;
      list.back()["spent"] = {d.usage.calls, d.usage.prompt_tokens, d.usage.completion_tokens};
    }
    json["documents"] = std::move(list);
  }
  json["facts"] = e.facts;
  std::string line = dump_json(json);
  line.pop_back();  // the closing brace: the checksum of what stands before it becomes the last member
  return line + format("{}{:08x}\"}}\n", kChecksumKey, crc32(line));
}

void check_sum(std::string_view line, const std::string& where) {
  const std::string_view body = line.substr(0, line.size() - std::min(line.size(), kChecksumBytes));
  if (line.substr(body.size()) != format("{}{:08x}\"}}", kChecksumKey, crc32(body)))
    throw DataError(where + ": the checksum does not fit the line");
}

RoundEvent from_line(std::string_view line, const std::string& where) {
  const Json json = parse_json(line, where);
  RoundEvent e;
  try {
    e.kind = kind_of(json.at("event").get<std::string>());
    e.round = json.at("round").get<std::uint64_t>();
    e.facts = json.at("facts");
    if (e.kind == RoundEvent::Kind::asked) {
      e.asked = json.at("documents").get<std::vector<std::uint64_t>>();
    } else if (e.kind == RoundEvent::Kind::observed) {
      for (const auto& d : json.at("documents")) {
        ObservedDocument o{d.at("number").get<std::uint64_t>(),
                           d.at("arm").get<std::uint32_t>(),
                           d.at("answered").get<bool>(),
                           d.at("pairs").get<std::uint32_t>(),
                           d.at("reward").get<double>(),
                           d.at("credits").get<std::vector<double>>(),
                           d.value("failure", ""),
                           {}};
        if (const auto spent = d.find("spent"); spent != d.end())
          o.usage = {spent->at(0).get<std::uint64_t>(), spent->at(1).get<std::uint64_t>(),
                     spent->at(2).get<std::uint64_t>(), 0.0};
        e.observed.push_back(std::move(o));
      }
    }
  } catch (const nlohmann::json::exception& error) {
    throw DataError(where + ": not a round event: " + error.what());
  }
  return e;
}

/// Reads the first `end` bytes of the file a piece at a time. Returns the bytes of whole lines; what follows is torn.
/// Without `see` lines are checked by their sums alone.
std::uint64_t for_each_line(const fs::path& path, std::uint64_t end, const SeeRound& see) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw DataError(path.string() + ": cannot be read: " + errno_text(errno));
  std::string text, wrong;  // what was read and not yet taken; what is wrong with the line before it
  std::uint64_t good = 0, read = 0, number = 0;
  const auto damaged_if_more_follows = [&] {
    if (!wrong.empty())
      throw DataError(wrong + "; the file was damaged. Run with --redo extract: answers in the journal are kept");
  };
  while (read < end) {
    const std::size_t had = text.size();
    text.resize(had + static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, end - read)));
    const std::size_t got =
        read_at(fd.get(), std::as_writable_bytes(std::span(text).subspan(had)), read, path.string());
    text.resize(had + got);
    if (got == 0) break;
    read += got;
    std::size_t begin = 0;
    for (std::size_t stop; (stop = text.find('\n', std::max(begin, had))) != std::string::npos; begin = stop + 1) {
      damaged_if_more_follows();
      const std::string_view line = std::string_view(text).substr(begin, stop - begin);
      const std::string where = format("{}:{}", path.string(), ++number);
      std::optional<RoundEvent> event;
      try {
        check_sum(line, where);
        if (see) event = from_line(line, where);
      } catch (const DataError& e) {
        wrong = e.what();
        continue;
      }
      good += line.size() + 1;
      if (see) see(std::move(*event));
    }
    text.erase(0, begin);
    if (!text.empty()) damaged_if_more_follows();
  }
  return good;
}

constexpr std::uint64_t kToTheEnd = ~std::uint64_t{0};

}  // namespace

RoundsLog::RoundsLog(fs::path path) : path_(std::move(path)) {
  fd_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd_) throw EnvironmentError(path_.string() + ": cannot be opened: " + errno_text(errno));
  found_ = for_each_line(path_, kToTheEnd, {});
  if (const auto size = fs::file_size(path_); found_ < size) {
    log::warn("{}: dropped {} bytes of an unfinished line", path_.string(), size - found_);
    if (::ftruncate(fd_.get(), static_cast<off_t>(found_)) != 0)
      throw EnvironmentError(path_.string() + ": cannot be cut: " + errno_text(errno));
  }
  if (::lseek(fd_.get(), static_cast<off_t>(found_), SEEK_SET) < 0)
    throw EnvironmentError(path_.string() + ": " + errno_text(errno));
}

void RoundsLog::for_each(const SeeRound& see) const {
  if (for_each_line(path_, found_, see) < found_)
    throw DataError(path_.string() +
                    ": its last line is no round event; run with --redo extract: answers in the journal are kept");
}

void RoundsLog::append(const RoundEvent& event) {
  write_all(fd_.get(), to_line(event), path_.string());
  const auto now = std::chrono::steady_clock::now();
  if (now - synced_ < kSyncEvery) return;
  if (::fdatasync(fd_.get()) != 0) throw EnvironmentError(path_.string() + ": fdatasync failed: " + errno_text(errno));
  synced_ = now;
}

RoundsLog::~RoundsLog() {
  if (fd_ && ::fdatasync(fd_.get()) != 0) log::error("{}: fdatasync failed: {}", path_.string(), errno_text(errno));
}

void for_each_round(const fs::path& path, const SeeRound& see) { for_each_line(path, kToTheEnd, see); }

std::vector<RoundEvent> read_rounds(const fs::path& path) {
  std::vector<RoundEvent> out;
  for_each_round(path, [&](RoundEvent&& e) { out.push_back(std::move(e)); });
  return out;
}

void for_each_whole_round(const fs::path& path, const Json& facts, const SeeRound& see) {
  const std::uint64_t good = fs::exists(path) ? for_each_line(path, kToTheEnd, see) : 0;
  if (const auto written = facts.value("rounds_bytes", std::uint64_t{0}); good < written)
    throw DataError(
        format("{}: {} of the {} bytes that the extraction wrote are whole; the file was damaged. Put it back, or run "
               "with --redo extract: answers in the journal are kept",
               path.string(), good, written));
}

std::uint64_t torn_bytes(const fs::path& path) {
  const std::uint64_t good = for_each_line(path, kToTheEnd, {}), size = fs::file_size(path);
  return size - std::min(size, good);
}

}  // namespace equal::job
