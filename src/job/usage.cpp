#include "equal/job/usage.hpp"

#include <algorithm>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"

namespace equal::job {

StageMeter::StageMeter(const comm::Communicator& comm, const Workspace& workspace, std::string stage)
    : comm_(comm), workspace_(workspace), stage_(std::move(stage)), record_before_(record_text()) {
  reset_peak_rss();
  start_ = std::chrono::steady_clock::now();
  before_ = process_usage();
  waits_ = comm.waits();
}

std::string StageMeter::record_text() const {
  const auto path = workspace_.stages() / (stage_ + ".json");
  return comm_.is_root() && std::filesystem::exists(path) ? read_file(path) : std::string();
}

RankUsage StageMeter::used() const {
  const ProcessUsage now = process_usage();
  const comm::Waits& waits = comm_.waits();
  RankUsage out;
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  out.wait_seconds = waits.seconds - waits_.seconds;
  const double waiting = waits.cpu_seconds - waits_.cpu_seconds;
  out.cpu_seconds = std::max(0.0, now.cpu_seconds - before_.cpu_seconds - waiting);
  out.compute_seconds = std::max(0.0, now.main_cpu_seconds - before_.main_cpu_seconds - waiting);
  out.queue_seconds = now.main_queue_seconds - before_.main_queue_seconds;
  out.other_seconds = std::max(0.0, out.seconds - out.wait_seconds - out.compute_seconds - out.queue_seconds);
  out.read_bytes = now.read_bytes - before_.read_bytes;
  out.written_bytes = now.written_bytes - before_.written_bytes;
  out.message_bytes = waits.bytes - waits_.bytes;
  out.peak_rss_bytes = now.peak_rss_bytes;
  return out;
}

void StageMeter::end_part(std::string name) {
  const RankUsage now = used();
  parts_.push_back({std::move(name), now.seconds - at_part_.seconds, now.cpu_seconds - at_part_.cpu_seconds,
                    now.wait_seconds - at_part_.wait_seconds});
  at_part_ = now;
}

std::vector<std::pair<RankUsage, std::vector<PartUsage>>> StageMeter::all_ranks(comm::Communicator& comm) const {
  ByteWriter w;
  w.put(used());
  for (const PartUsage& p : parts_) w.put_string(p.name).put(p.seconds).put(p.cpu_seconds).put(p.wait_seconds);
  std::vector<std::pair<RankUsage, std::vector<PartUsage>>> out;
  for (const std::string& bytes : comm.gather(w.take(), 0)) {
    ByteReader r(bytes);
    const auto usage = r.get<RankUsage>();
    std::vector<PartUsage> parts;
    while (!r.done()) {
      PartUsage p;
      p.name = r.get_string();
      p.seconds = r.get<double>();
      p.cpu_seconds = r.get<double>();
      p.wait_seconds = r.get<double>();
      parts.push_back(std::move(p));
    }
    out.emplace_back(usage, std::move(parts));
  }
  return out;
}

void StageMeter::record_if_run(comm::Communicator& comm) const {
  if (!comm::broadcast(comm, record_text() != record_before_)) return;
  const auto all = all_ranks(comm);
  if (!comm.is_root()) return;
  Json ranks = Json::array();
  for (const auto& [u, parts] : all) {
    Json list = Json::object();
    for (const PartUsage& p : parts)
      list[p.name] = {{"seconds", p.seconds}, {"cpu_seconds", p.cpu_seconds}, {"wait_seconds", p.wait_seconds}};
    ranks.push_back({{"seconds", u.seconds},
                     {"cpu_seconds", u.cpu_seconds},
                     {"compute_seconds", u.compute_seconds},
                     {"queue_seconds", u.queue_seconds},
                     {"wait_seconds", u.wait_seconds},
                     {"other_seconds", u.other_seconds},
                     {"read_bytes", u.read_bytes},
                     {"written_bytes", u.written_bytes},
                     {"message_bytes", u.message_bytes},
                     {"peak_rss_bytes", u.peak_rss_bytes},
                     {"parts", std::move(list)}});
  }
  Json json = Json::object();
  const auto path = workspace_.usage();
  try {
    if (std::filesystem::exists(path)) json = unseal_json(read_file(path), path.string());
  } catch (const DataError&) {  // figures for people: a damaged file is written anew
    json = Json::object();
  }
  json[stage_] = std::move(ranks);
  write_file_atomically(path, seal_json(std::move(json), 2));
}

}  // namespace equal::job
