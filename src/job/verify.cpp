#include "equal/job/verify.hpp"

#include <algorithm>
#include <functional>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/sealed_lines.hpp"
#include "equal/encode/static_table.hpp"
#include "equal/job/catalog.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/block_file.hpp"
#include "equal/store/clusters.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/journal.hpp"
#include "equal/store/partition.hpp"

#include "kmeans_state.hpp"
#include "rounds_log.hpp"
#include "staging.hpp"
#include "warmup.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

/// Files of a folder whose names end so, in order; none when there is no folder.
std::vector<fs::path> files(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> out;
  if (!fs::exists(folder)) return out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().filename().string().ends_with(ending)) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Verifier {
 public:
  Verified result;

  void check(const fs::path& path, const std::function<void()>& read) {
    if (!fs::exists(path)) return;
    ++result.checked;
    try {
      read();
    } catch (const std::exception& e) {
      const std::string message = e.what();
      const bool named = message.find(path.filename().string()) != std::string::npos;
      result.damaged.push_back(named ? message : path.string() + ": " + message);
    }
  }
  template <class Read>
  void check_all(const fs::path& folder, const std::string& ending, Read read) {
    for (const auto& path : files(folder, ending)) check(path, [&] { read(path); });
  }
};

void check_partitions(Verifier& v, const Workspace& workspace) {
  Catalog catalog;
  v.check(workspace.corpus() / "catalog.json", [&] { catalog = read_catalog(workspace); });
  for (const auto& info : catalog.partitions) {
    const fs::path path = store::partition_file(workspace.corpus(), info.id.value);
    if (!fs::exists(path)) v.result.damaged.push_back(path.string() + ": is missing");
    v.check(path, [&] {
      const store::PartitionReader partition(path, store::Verify::everything);
      if (partition.header().content_digest != info.digest)
        throw DataError("is not the partition that catalog.json names");
    });
  }
}

void check_generation(Verifier& v, const Workspace& w) {
  v.check(w.encoder() / "table.bin", [&] { encode::load_static_table(w.encoder()); });
  v.check(w.encoder() / "encoder.json", [&] { check_trained_encoder(w); });
  v.check(w.warmup_sample(), [&] { read_warmup_sample(w); });
  v.check_all(w.embeddings(), ".h5", [](const fs::path& p) { store::EmbeddingsReader(p, store::Verify::everything); });
  v.check_all(w.by_cluster(), ".h5", [](const fs::path& p) { store::EmbeddingsReader(p, store::Verify::everything); });
  v.check_all(w.assignment(), ".h5", [](const fs::path& p) { store::read_assignment(p); });
  v.check(w.clusters(), [&] { store::read_clusters(w.clusters()); });
  v.check(w.kmeans_state(), [&] { check_kmeans_state(w); });
}

void check_export(Verifier& v, const Workspace& workspace) {
  if (!fs::exists(workspace.stages() / "export.json")) return;
  Json facts;
  try {
    facts = read_stage_record(workspace, "export").facts;
  } catch (const DataError&) {
    return;  // counted among the stage records
  }
  for (const auto& written : facts.value("files", Json::array())) {
    const fs::path file = written.value("file", "");
    v.check(file, [&] {
      if (sha256_file(file.string()) != written.value("sha256", ""))
        throw DataError("is not what stage export wrote; export again");
    });
  }
}

}  // namespace

Verified verify(const Workspace& workspace) {
  if (!fs::exists(workspace.root())) throw UsageError(workspace.root().string() + ": no such workspace");
  Verifier v;
  v.check_all(workspace.stages(), ".json", [&](const fs::path& p) { read_stage_record(workspace, p.stem().string()); });
  check_partitions(v, workspace);
  v.check_all(workspace.staging(), ".json", [](const fs::path& p) { unseal_json(read_file(p), p.string()); });
  for (const unsigned generation : {0U, 1U}) check_generation(v, workspace.in_generation(generation));
  v.check(workspace.journal(), [&] {
    const auto report = store::read_journal(workspace.journal(), [](const store::JournalRecord&) {});
    v.result.notes.insert(v.result.notes.end(), report.warnings.begin(), report.warnings.end());
  });
  v.check(workspace.rounds(), [&] {
    if (fs::exists(workspace.record("extract")))
      for_each_whole_round(workspace.rounds(), read_stage_record(workspace, "extract").facts);
    const std::uint64_t torn = torn_bytes(workspace.rounds());
    if (torn > 0)
      v.result.notes.push_back(format("{}: {} bytes of an unfinished line", workspace.rounds().string(), torn));
  });
  check_export(v, workspace);
  v.check(workspace.status(), [&] { unseal_json(read_file(workspace.status()), workspace.status().string()); });
  v.check(workspace.usage(), [&] { unseal_json(read_file(workspace.usage()), workspace.usage().string()); });
  v.check(workspace.lock(), [&] { unseal_json(read_file(workspace.lock()), workspace.lock().string()); });
  v.check(workspace.resolved_settings(),
          [&] { unseal_lines(read_file(workspace.resolved_settings()), workspace.resolved_settings().string()); });
  return std::move(v.result);
}

}  // namespace equal::job
