// Stage export: what rounds.jsonl observed, with the texts from the journal, cleaned, as a data set with its card. May
// run at any time, also of a run that goes on.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/job/job.hpp"
#include "equal/job/progress.hpp"
#include "equal/report/dataset_card.hpp"
#include "equal/store/partition.hpp"
#include "equal/store/text_writer.hpp"

#include "data_set_writer.hpp"
#include "dropped.hpp"
#include "export_pairs.hpp"
#include "reference.hpp"
#include "run_view.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

/// What is common to all rows of the run.
struct Origin {
  std::string extractor, model, prompt;
};

/// Turns items into rows: the pair from the journal, its document's provenance from the corpus.
class Rows {
 public:
  Rows(const Workspace& workspace, const ExportList& list, Origin origin)
      : workspace_(workspace), catalog_(read_catalog(workspace)), records_(list.files), origin_(std::move(origin)) {}

  const DataRow& row(const ExportItem& item) {
    row_.pair = records_.pair(item);
    if (item.document != document_) {
      document_ = item.document;
      const PartitionInfo& info = catalog_.partition_of(item.document);
      const store::PartitionReader& part = partition(info.id.value);
      const std::uint64_t at = item.document - info.first_document;
      const JournalAnswer& answer = records_.answer(item);
      row_.document = answer.id;
      row_.number = item.document;
      row_.source = part.source(at);
      row_.position = part.position(at);
      row_.parent = part.parent(at);
      row_.parent_offset = row_.parent.empty() ? 0 : part.parent_offset(at);
      row_.metadata = part.metadata(at);
      row_.extractor = origin_.extractor, row_.model = origin_.model, row_.prompt = origin_.prompt;
      row_.prompt_tokens = answer.extraction.usage.prompt_tokens;
      row_.completion_tokens = answer.extraction.usage.completion_tokens;
    }
    row_.pair_index = item.pair, row_.arm = item.arm, row_.round = item.round, row_.credit = item.credit;
    return row_;
  }

 private:
  const store::PartitionReader& partition(std::uint32_t id) {
    auto found = partitions_.find(id);
    if (found == partitions_.end())
      found = partitions_.emplace(id, store::PartitionReader(store::partition_file(workspace_.corpus(), id))).first;
    return found->second;
  }
  const Workspace& workspace_;
  Catalog catalog_;
  RecordReader records_;
  Origin origin_;
  std::map<std::uint32_t, store::PartitionReader> partitions_;
  std::uint64_t document_ = ~std::uint64_t{0};
  DataRow row_;
};

void write_rejects(const fs::path& file, const ExportList& list, const std::vector<Reject>& rejects,
                   const clean::Decontaminator* benchmark) {
  store::TextWriter out(file, store::Compression::none);
  RecordReader records(list.files), others(list.files);
  for (const Reject& r : rejects) {
    const ExportItem& item = list.items[r.item];
    const extract::Pair& pair = records.pair(item);
    Json line = {{"question", pair.question},
                 {"answer", pair.answer},
                 {"document", records.answer(item).id},
                 {"number", item.document},
                 {"pair", item.pair}};
    if (r.reason == Reject::Reason::contaminated) {
      const clean::BenchmarkItem& b = benchmark->items()[r.other];
      line["reason"] = "contaminated";
      line["rule"] = clean::name_of(r.rule);
      line["benchmark"] = {{"file", b.source}, {"item", b.number}, {"question", b.question}};
    } else {
      const ExportItem& kept = list.items[r.other];
      line["reason"] = "near_duplicate";
      line["similarity"] = r.similarity;
      line["of"] = {{"document", others.answer(kept).id},
                    {"number", kept.document},
                    {"pair", kept.pair},
                    {"question", others.pair(kept).question}};
    }
    out.line(dump_json(line));
  }
  out.finish();
}

/// What a data set was made of, for its card.
struct Tally {
  std::map<std::string, std::uint64_t> sources;
  std::map<std::string, std::uint64_t> pairs;  // of each split
};

std::vector<DataFile> write_splits(Job& job, const ExportList& list, const std::vector<std::uint64_t>& kept,
                                   const Origin& origin, const fs::path& folder, Tally& tally) {
  const settings::Settings& s = job.settings;
  const auto writer = [&](const char* split) {
    return DataSetWriter(folder, split, s.export_format, s.export_files, s.export_shard_bytes);
  };
  DataSetWriter train = writer("train");
  std::optional<DataSetWriter> validation;
  if (s.export_validation > 0) validation.emplace(writer("validation"));
  tally.pairs["train"] = 0;
  if (validation) tally.pairs["validation"] = 0;
  Rows rows(job.workspace, list, origin);
  ProgressLine line(job.workspace, "export", "pairs", kept.size());
  std::uint64_t written = 0;
  for (const std::uint64_t i : kept) {
    const DataRow& row = rows.row(list.items[i]);
    const std::uint64_t draw =
        keyed_hash(s.seed, "validation", digest128(row.parent.empty() ? row.document : row.parent));
    const bool apart = validation && static_cast<double>(draw >> 11) * 0x1p-53 < s.export_validation;
    (apart ? *validation : train).add(row);
    ++tally.pairs[apart ? "validation" : "train"];
    ++tally.sources[row.source];
    line.show(++written);
  }
  train.finish();
  if (validation) validation->finish();
  std::vector<DataFile> files = train.publish();
  if (validation) {
    for (auto& f : validation->publish()) files.push_back(std::move(f));
  }
  return files;
}

report::DatasetCard make_card(Job& job, const StageRecord& extract, const Tally& tally, const Json& facts,
                              const Origin& origin) {
  const settings::Settings& s = job.settings;
  report::DatasetCard card;
  card.name = s.export_name, card.licence = s.export_licence, card.form = s.export_format;
  card.complete = facts.at("of_complete_run").get<bool>();
  for (const auto& [split, n] : tally.pairs)
    card.splits[split] = {format("{}{}.{}", split, s.export_shard_bytes > 0 ? "-*" : "", s.export_files), n};
  card.sources = {tally.sources.begin(), tally.sources.end()};
  std::stable_sort(card.sources.begin(), card.sources.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (card.sources.size() > 50) card.sources.resize(50);
  const auto setting = [&](const char* name) {
    const auto found = extract.settings.find(name);
    return found == extract.settings.end() ? std::string() : found->second;
  };
  card.procedure = {{"extractor", setting("extract.extractor")},
                    {"digest of the extractor", origin.extractor.substr(0, 16)},
                    {"choice of documents", setting("extract.policy")},
                    {"reward", setting("extract.reward")},
                    {"seed", setting("job.seed")}};
  if (!origin.model.empty()) card.procedure.push_back({"model", origin.model});
  if (!origin.prompt.empty()) card.procedure.push_back({"prompt (SHA-256)", origin.prompt});
  const Json f = extraction_facts(job.workspace);
  const Json spent = f.value("spent", Json::object());
  const auto figure = [&](const char* name, double value) { card.figures.push_back({name, human_count(value)}); };
  figure("documents asked", f.value("asked", 0.0));
  figure("calls", spent.value("calls", 0.0));
  figure("tokens", spent.value("prompt_tokens", 0.0) + spent.value("completion_tokens", 0.0));
  figure("pairs kept by the run", f.value("pairs", 0.0));
  for (const auto& [split, n] : tally.pairs) figure((split + " pairs").c_str(), static_cast<double>(n));
  const auto add = [](auto& list, const Json& counts) {
    for (const auto& [name, n] : counts.items()) list.push_back({name, n.template get<std::uint64_t>()});
  };
  add(card.left_out, f.value("rejected", Json::object()));
  card.left_out.push_back({"exact duplicate", f.value("duplicates", std::uint64_t{0})});
  add(card.left_out, facts.at("rejects"));
  add(card.contamination, facts.at("contamination"));
  return card;
}

/// Rank 0: everything after cleaning.
void write_data_set(Job& job, const StageRecord& extract, const ExportList& list, const std::vector<Reject>& rejects,
                    const clean::Decontaminator* benchmark, const fs::path& folder, Json& facts) {
  std::vector<std::uint64_t> kept;
  Json reasons = {{"contaminated", 0}, {"near_duplicate", 0}}, rules = Json::object(), files_hit = Json::object();
  if (benchmark != nullptr) {
    for (const auto& item : benchmark->items()) files_hit[item.source] = 0;
  }
  std::size_t next = 0;
  for (std::uint64_t i = 0; i < list.items.size(); ++i) {
    if (next == rejects.size() || rejects[next].item != i) {
      kept.push_back(i);
      continue;
    }
    const Reject& r = rejects[next++];
    const bool contaminated = r.reason == Reject::Reason::contaminated;
    const auto count = [](Json& n) { n = n.is_null() ? 1 : n.get<std::uint64_t>() + 1; };
    count(reasons[contaminated ? "contaminated" : "near_duplicate"]);
    if (contaminated) {
      count(rules[clean::name_of(r.rule)]);
      count(files_hit[benchmark->items()[r.other].source]);
    }
  }
  const std::uint64_t clean = kept.size();
  keep_top(kept, list.items, job.settings.export_top);
  if (clean > kept.size()) reasons["beyond_top"] = clean - kept.size();

  const Origin origin{extract.inputs.at("extractor"), extract.facts.value("model", ""),
                      extract.facts.value("prompt_sha256", "")};
  Tally tally;
  const auto files = write_splits(job, list, kept, origin, folder, tally);
  if (job.settings.export_rejects) write_rejects(folder / "rejects.jsonl", list, rejects, benchmark);

  Json written = Json::array();
  for (const DataFile& f : files)
    written.push_back({{"split", f.split}, {"file", f.path.string()}, {"pairs", f.pairs}, {"sha256", f.sha256}});
  facts = {{"file", files.front().path.string()},
           {"pairs", kept.size()},
           {"sha256", files.front().sha256},
           {"files", std::move(written)},
           {"splits", tally.pairs},
           {"rejects", std::move(reasons)},
           {"contamination", std::move(files_hit)},
           {"contamination_rules", std::move(rules)},
           {"of_complete_run", extract.facts.value("complete", false)}};
  write_file_atomically(folder / "README.md", report::to_markdown(make_card(job, extract, tally, facts, origin)));
}

/// Files of the last export that are not of this one: a reader of train* must not meet them.
void remove_old_files(const Workspace& workspace, const Json& facts) {
  if (!fs::exists(workspace.stages() / "export.json")) return;
  std::set<std::string> now;
  for (const auto& f : facts.at("files")) now.insert(f.at("file").get<std::string>());
  for (const auto& f : read_stage_record(workspace, "export").facts.value("files", Json::array())) {
    const std::string old = f.value("file", "");
    if (!old.empty() && !now.contains(old)) fs::remove(old);
  }
}

}  // namespace

void export_stage(Job& job, ExportRecord record_it) {
  const auto start = std::chrono::steady_clock::now();
  ExportList list;
  StageRecord extract;
  std::optional<clean::Decontaminator> benchmark;
  fs::path folder;
  comm::agree(job.comm, [&] {
    if (!job.settings.export_decontaminate.empty()) benchmark.emplace(load_benchmarks(job.settings));
    if (!job.comm.is_root()) return;
    extract = read_stage_record(job.workspace, "extract");
    folder = job.settings.export_folder.empty() ? job.workspace.out() : fs::path(job.settings.export_folder);
    fs::create_directories(folder);
    list = export_list(job.workspace, job.settings, extract.inputs.at("extractor"));
  });
  const auto rejects = clean_pairs(job, list, benchmark ? &*benchmark : nullptr);
  end_part(job, "clean");
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    StageRecord record = expected_record("export", job.settings, {{"extract", extract.digest()}});
    write_data_set(job, extract, list, rejects, benchmark ? &*benchmark : nullptr, folder, record.facts);
    record.facts["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (job.settings.keep_rejects)
      record.facts["dropped"] =
          write_dropped(job.workspace.journal(), extract.inputs.at("extractor"), folder / "dropped.jsonl");
    if (record_it == ExportRecord::written) {
      remove_old_files(job.workspace, record.facts);
      write_stage_record(job.workspace, record);
    }
    const Json& f = record.facts;
    log::info("export: {} pairs in {} (sha256 {}); left out {} near-duplicates, {} with benchmark items",
              human_count(f.at("pairs").get<double>()), f.at("file").get<std::string>(),
              f.at("sha256").get<std::string>().substr(0, 16),
              f.at("rejects").at("near_duplicate").get<std::uint64_t>(),
              f.at("rejects").at("contaminated").get<std::uint64_t>());
  });
  end_part(job, "write");
}

}  // namespace equal::job
