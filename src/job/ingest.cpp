// Stage ingest: inputs -> partitions. Chunks are parsed into staged files (staging.hpp), duplicates are found by
// sending each digest to one rank, and what stays is written as immutable partitions in the order of the inputs.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/job/job.hpp"
#include "equal/job/progress.hpp"
#include "equal/job/start_checks.hpp"
#include "equal/store/partition.hpp"

#include "duplicates.hpp"
#include "staged_chunks.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

store::CorpusParams corpus_params(const settings::Settings& s) {
  store::CorpusParams p;
  p.partition_bytes = s.partition_bytes;
  p.max_line_bytes = s.max_line_bytes;
  p.max_words = s.max_words;
  p.id_field = s.field_id;
  p.text_field = s.field_text;
  p.pairs_field = s.field_pairs;
  p.question_field = s.field_question;
  p.answer_field = s.field_answer;
  p.max_reported = s.list_bad;
  return p;
}

/// What one worker reads in one go: a chunk, or a whole input that only one reader can decompress.
struct Unit {
  std::uint32_t input = 0, chunk = 0;
  bool one_chunk = true;
  std::uint64_t bytes = 0;
};

std::vector<Unit> units_of(const std::vector<store::Input>& inputs, const store::CorpusParams& params) {
  std::vector<Unit> units;
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    const auto chunks = inputs[i].chunks(params);
    if (!chunks) {
      units.push_back({i, 0, false, inputs[i].bytes * 4});  // text packs to about a quarter
      continue;
    }
    for (std::uint64_t c = 0; c < *chunks; ++c)
      units.push_back({i, static_cast<std::uint32_t>(c), true, inputs[i].bytes / *chunks});
  }
  return units;
}

std::vector<WorkItem> largest_first(const std::vector<Unit>& units) {
  std::vector<WorkItem> out(units.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i].number = i;
  std::stable_sort(out.begin(), out.end(),
                   [&](WorkItem a, WorkItem b) { return units[a.number].bytes > units[b.number].bytes; });
  return out;
}

/// Staged chunks and the partitions made from them, both uncompressed.
std::uint64_t bytes_to_write(const std::vector<Unit>& units) {
  std::uint64_t bytes = 0;
  for (const Unit& u : units) bytes += u.bytes;
  return 2 * bytes;
}

/// Bad lines of all chunks: counted, listed, and refused beyond the limit. Rank 0.
void judge_bad_lines(const std::vector<StagedChunk>& chunks, const settings::Settings& s) {
  std::array<std::uint64_t, store::kBadReasons> bad{};
  std::uint64_t listed = 0, lines_before = 0, all = 0;
  std::uint32_t input = ~std::uint32_t{0};
  for (const StagedChunk& c : chunks) {
    if (c.key.input != input) input = c.key.input, lines_before = 0;
    for (std::size_t r = 0; r < bad.size(); ++r) bad[r] += c.tally.bad[r];
    all += c.tally.bad_lines();
    for (const auto& line : c.tally.reported) {
      if (listed++ < s.list_bad) log::warn("{}", store::describe(line, lines_before));
    }
    lines_before += c.tally.lines;
  }
  if (all == 0) return;
  std::string reasons;
  for (std::size_t r = 0; r < bad.size(); ++r) {
    if (bad[r] > 0)
      reasons +=
          format("{}{} {}", reasons.empty() ? "" : ", ", bad[r], store::name_of(static_cast<store::BadReason>(r)));
  }
  if (all > s.max_bad)
    throw DataError(
        format("{} bad line{} in the inputs ({}), ingest.max_bad allows {}; mend them, or skip them with --max-bad {}",
               all, all == 1 ? "" : "s", reasons, s.max_bad, all));
  log::warn("ingest: skipped {} bad lines ({})", all, reasons);
}

/// Inputs that are not part of the corpus yet, with their fingerprints. Throws UsageError when those that are have
/// changed.
struct NewInputs {
  std::vector<store::Input> inputs;
  std::vector<std::string> fingerprints;
  std::map<std::string, std::string> all;  ///< name -> fingerprint of the corpus when this stage is done
};

NewInputs new_inputs(const Job& job) {
  const auto& s = job.settings;
  if (s.inputs.empty()) throw UsageError("--inputs is missing: name the corpus, for example --inputs docs.jsonl.gz");
  NewInputs out;
  const bool there = fs::exists(job.workspace.stages() / "ingest.json");
  if (there) out.all = read_stage_record(job.workspace, "ingest").inputs;
  const auto before = out.all;
  std::set<std::string> named;
  for (auto& input : store::list_inputs(s.inputs)) {
    std::string print = store::fingerprint(input);
    if (!named.insert(input.name).second) throw UsageError(format("ingest.inputs: {} is named twice", input.name));
    const auto old = before.find(input.name);
    if (old != before.end() && old->second == print) continue;
    if (old != before.end())
      throw UsageError(format("{}: has changed since it was ingested into {}; use another --workspace", input.name,
                              job.workspace.root().string()));
    if (there && !s.append)
      throw UsageError(format("{}: is not part of the corpus in {}; add it with --append, or use another --workspace",
                              input.name, job.workspace.root().string()));
    out.all[input.name] = print;
    out.inputs.push_back(std::move(input));
    out.fingerprints.push_back(std::move(print));
  }
  if (there && !s.append && named.size() != before.size())
    throw UsageError(format("ingest.inputs: the corpus in {} has {} inputs, {} are named; use another --workspace",
                            job.workspace.root().string(), before.size(), named.size()));
  return out;
}

PartitionInfo write_partition(Job& job, const fs::path& staging, ChunkKey key, PartitionId id,
                              const std::vector<std::uint32_t>& drop, std::uint64_t input_bytes) {
  const fs::path file = store::partition_file(job.workspace.corpus(), id.value);
  store::PartitionWriter writer(file, input_bytes);
  Sha256 made_from;
  auto next = drop.begin();
  read_staged(staging, key, [&](std::uint64_t ordinal, store::Document&& d) {
    while (next != drop.end() && *next < ordinal) ++next;
    if (next != drop.end() && *next == ordinal) return;
    made_from.update(d.digest.hex()).update(d.text_digest.hex());
    writer.add(d);
  });
  PartitionInfo info{id, 0, writer.count(), writer.text_bytes(), {}};
  info.digest = writer.finish({{"documents", made_from.hex()}});
  return info;
}

/// Collective. All ranks' partitions in order, on rank 0.
std::vector<PartitionInfo> gather_infos(comm::Communicator& comm, const std::vector<PartitionInfo>& mine) {
  ByteWriter w;
  for (const auto& p : mine) w.put(p.id.value).put(p.documents).put(p.text_bytes).put_string(p.digest);
  std::vector<PartitionInfo> out;
  for (const auto& part : comm.gather(w.take(), 0)) {
    ByteReader r(part);
    while (!r.done()) {
      PartitionInfo p;
      p.id = PartitionId(r.get<std::uint32_t>());
      p.documents = r.get<std::uint64_t>();
      p.text_bytes = r.get<std::uint64_t>();
      p.digest = r.get_string();
      out.push_back(std::move(p));
    }
  }
  std::sort(out.begin(), out.end(), [](const PartitionInfo& a, const PartitionInfo& b) { return a.id < b.id; });
  return out;
}

}  // namespace

void ingest_stage(Job& job) {
  const auto start = std::chrono::steady_clock::now();
  NewInputs fresh;
  comm::agree(job.comm, [&] { fresh = new_inputs(job); });
  StageRecord record = expected_record("ingest", job.settings, fresh.all);
  if (shared_stage_state(job, record) == StageState::complete) {
    if (job.comm.is_root()) log::info("ingest: complete");
    return;
  }
  const fs::path staging = job.workspace.staging();
  const store::CorpusParams params = corpus_params(job.settings);
  Catalog catalog;  // what exists before this run
  comm::agree(job.comm, [&] {
    fs::create_directories(staging);
    fs::create_directories(job.workspace.corpus());
    if (fs::exists(job.workspace.stages() / "ingest.json")) catalog = read_catalog(job.workspace);
  });
  job.comm.barrier();

  std::vector<StagedChunk> mine;
  std::vector<Unit> units;
  comm::agree(job.comm, [&] { units = units_of(fresh.inputs, params); });
  require_space(job, "ingest", bytes_to_write(units), staging);
  share_work(job, "ingest", "documents", 0, largest_first(units), [&](std::size_t unit, const auto& report) {
    const Unit& u = units[unit];
    auto chunks = stage_input(staging, params, fresh.inputs[u.input], fresh.fingerprints[u.input], u.input, u.chunk,
                              u.one_chunk, job.pool, report);
    std::move(chunks.begin(), chunks.end(), std::back_inserter(mine));
  });
  end_part(job, "read");
  const auto chunks = gather_chunks(job.comm, mine);
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    try {
      judge_bad_lines(chunks, job.settings);
    } catch (const DataError&) {
      fs::remove_all(staging);
      throw;
    }
  });

  const auto keys = all_chunks(job.comm, mine);
  const Duplicates duplicates = find_duplicates(job, mine, keys, catalog);
  end_part(job, "duplicates");
  std::vector<PartitionInfo> infos;
  comm::agree(job.comm, [&] {
    for (const StagedChunk& c : mine) {
      const auto place = std::lower_bound(keys.begin(), keys.end(), c.key) - keys.begin();
      const PartitionId id(static_cast<std::uint32_t>(catalog.partitions.size() + static_cast<std::size_t>(place)));
      const auto drop = duplicates.drop.find(c.key);
      infos.push_back(write_partition(job, staging, c.key, id,
                                      drop == duplicates.drop.end() ? std::vector<std::uint32_t>{} : drop->second,
                                      c.tally.bytes));
    }
  });
  const auto all = gather_infos(job.comm, infos);
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    for (PartitionInfo info : all) {
      info.first_document = catalog.documents();
      catalog.partitions.push_back(std::move(info));
    }
    if (catalog.documents() == 0)
      throw DataError("the inputs hold no document; ingest.field_text = '" + job.settings.field_text +
                      "' names the field of the text");
    write_catalog(job.workspace, catalog);
    std::uint64_t bad = 0, pairs = 0, bytes = 0;
    for (const auto& c : chunks) bad += c.tally.bad_lines(), pairs += c.tally.pairs, bytes += c.tally.bytes;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    record.facts = {{"documents", catalog.documents()},
                    {"partitions", catalog.partitions.size()},
                    {"text_bytes", catalog.text_bytes()},
                    {"input_bytes", bytes},
                    {"known_pairs", pairs},
                    {"bad_lines", bad},
                    {"duplicate_ids", duplicates.ids},
                    {"duplicate_texts", duplicates.texts},
                    {"seconds", seconds}};
    write_stage_record(job.workspace, record);
    fs::remove_all(staging);
    log::info("ingest: {} documents in {} partitions, {} duplicates dropped, in {}",
              human_count(static_cast<double>(catalog.documents())), catalog.partitions.size(),
              human_count(static_cast<double>(duplicates.ids + duplicates.texts)), human_seconds(seconds));
  });
  end_part(job, "write");
}

}  // namespace equal::job
