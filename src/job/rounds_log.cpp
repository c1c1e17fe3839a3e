#include "rounds_log.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

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

RoundEvent from_line(std::string_view line, const std::string& where) {
  const std::string_view body = line.substr(0, line.size() - std::min(line.size(), kChecksumBytes));
  if (line.substr(body.size()) != format("{}{:08x}\"}}", kChecksumKey, crc32(body)))
    throw DataError(where + ": the checksum does not fit the line");
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

/// Events and the number of bytes that they take; what follows is a torn line.
std::pair<std::vector<RoundEvent>, std::size_t> parse(const fs::path& path, std::string_view text) {
  std::vector<RoundEvent> events;
  std::size_t good = 0, number = 0;
  while (good < text.size()) {
    const std::size_t end = text.find('\n', good);
    if (end == std::string_view::npos) break;
    try {
      events.push_back(from_line(text.substr(good, end - good), format("{}:{}", path.string(), ++number)));
    } catch (const DataError& e) {
      if (end + 1 == text.size()) break;  // the last line: torn
      throw DataError(std::string(e.what()) +
                      "; the file was damaged. Run with --redo extract: answers in the journal are kept");
    }
    good = end + 1;
  }
  return {std::move(events), good};
}

}  // namespace

RoundsLog::RoundsLog(fs::path path) : path_(std::move(path)) {
  fd_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd_) throw EnvironmentError(path_.string() + ": cannot be opened: " + errno_text(errno));
  const std::string text = read_file(path_, std::uint64_t{1} << 36);
  auto [events, good] = parse(path_, text);
  events_ = std::move(events);
  if (good < text.size()) {
    log::warn("{}: dropped {} bytes of an unfinished line", path_.string(), text.size() - good);
    if (::ftruncate(fd_.get(), static_cast<off_t>(good)) != 0)
      throw EnvironmentError(path_.string() + ": cannot be cut: " + errno_text(errno));
  }
  if (::lseek(fd_.get(), static_cast<off_t>(good), SEEK_SET) < 0)
    throw EnvironmentError(path_.string() + ": " + errno_text(errno));
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

std::vector<RoundEvent> read_rounds(const fs::path& path) {
  return parse(path, read_file(path, std::uint64_t{1} << 36)).first;
}

std::vector<RoundEvent> read_whole_rounds(const fs::path& path, const Json& facts) {
  const std::string text = fs::exists(path) ? read_file(path, std::uint64_t{1} << 36) : std::string();
  auto [events, good] = parse(path, text);
  if (const auto written = facts.value("rounds_bytes", std::uint64_t{0}); good < written)
    throw DataError(
        format("{}: {} of the {} bytes that the extraction wrote are whole; the file was damaged. Put it back, or run "
               "with --redo extract: answers in the journal are kept",
               path.string(), good, written));
  return std::move(events);
}

std::uint64_t torn_bytes(const fs::path& path) {
  const std::string text = read_file(path, std::uint64_t{1} << 36);
  return text.size() - parse(path, text).second;
}

}  // namespace equal::job
