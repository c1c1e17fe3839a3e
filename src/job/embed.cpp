// Stage embed: partitions -> float16 unit vectors. A partition is encoded in fixed blocks, so its bits do not depend on
// ranks or threads; what a kill leaves of a run of blocks is found again (synced every 30 s). Runs of blocks go to
// whoever is free, so that hosts of different speed end together.
#include <algorithm>
#include <chrono>

#include "equal/base/digest.hpp"
#include "equal/base/log.hpp"
#include "equal/job/job.hpp"
#include "equal/job/progress.hpp"
#include "equal/job/start_checks.hpp"
#include "equal/linalg/float16.hpp"
#include "equal/store/block_file.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/partition.hpp"

#include "encoders.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

bool is_current(const fs::path& file, const store::MadeFrom& made_from) {
  if (!fs::exists(file)) return false;
  return store::read_header(file).made_from == made_from;
}

std::string bytes_of(std::span<const linalg::float16> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// A run of blocks of a partition, kept in a file of its own until the partition is complete.
struct Segment {
  std::size_t partition = 0;  ///< index in the catalog
  std::uint64_t number = 0;   ///< in the partition; one past the last: make the partition's file from all of them
};

class Embedder {
 public:
  using Report = std::function<void(std::uint64_t)>;
  Embedder(Job& job, const Catalog& catalog, encode::Encoder& encoder)
      : job_(job), catalog_(catalog), encoder_(encoder), block_(job.settings.embed_block) {}

  std::vector<WorkItem> items() {
    std::vector<WorkItem> out;
    for (const std::size_t p : catalog_.largest_first()) {
      for (std::uint64_t s = 0; s <= segments_of(p); ++s) {
        out.push_back({segments_.size(), p, s == segments_of(p)});
        segments_.push_back({p, s});
      }
    }
    return out;
  }

  void work(std::size_t item, const Report& report) {
    const Segment& s = segments_[item];
    if (s.number == segments_of(s.partition)) {
      finish(s.partition);
    } else if (is_current(file_of(s.partition), made_from(s.partition))) {
      report(end_of(s) - begin_of(s));
    } else {
      encoded(s, report);
    }
  }

 private:
  /// A multiple of the block: 16 blocks, or more where a partition would have more than 16 segments. Files are then
  /// few, however large the partition.
  std::uint64_t segment_documents(std::size_t p) const {
    const std::uint64_t blocks = (documents_of(p) + block_ - 1) / block_;
    return block_ * std::max(kSegmentBlocks, (blocks + kMostSegments - 1) / kMostSegments);
  }
  std::uint64_t documents_of(std::size_t p) const { return catalog_.partitions[p].documents; }
  std::uint64_t segments_of(std::size_t p) const {
    return (documents_of(p) + segment_documents(p) - 1) / segment_documents(p);
  }
  std::uint64_t begin_of(const Segment& s) const { return s.number * segment_documents(s.partition); }
  std::uint64_t end_of(const Segment& s) const {
    return std::min(documents_of(s.partition), begin_of(s) + segment_documents(s.partition));
  }
  fs::path file_of(std::size_t p) const {
    return store::partition_file(job_.workspace.embeddings(), catalog_.partitions[p].id.value);
  }
  fs::path blocks_of(const Segment& s) const {
    fs::path out = file_of(s.partition);
    return out += format(".{:05}.blocks", s.number);
  }
  store::MadeFrom made_from(std::size_t p) const {
    return {{"partition", catalog_.partitions[p].digest}, {"encoder", encoder_.digest()}};
  }

  /// The segment's blocks; those that are not there yet are encoded.
  store::BlockFile encoded(const Segment& s, const Report& report) {
    const PartitionInfo& info = catalog_.partitions[s.partition];
    const fs::path unfinished = blocks_of(s);
    store::BlockFile blocks(unfinished, sha256_hex(format("{} {} {} {} {}", info.digest, encoder_.digest(), block_,
                                                          segment_documents(s.partition), s.number)));
    if (blocks.dropped_bytes() > 0)
      log::warn("{}: dropped {} bytes of an unfinished block", unfinished.string(), blocks.dropped_bytes());
    const std::uint64_t end = end_of(s);
    std::uint64_t next = std::min(begin_of(s) + blocks.next_block() * block_, end);
    report(next - begin_of(s));
    if (next == end) return blocks;
    const store::PartitionReader partition(store::partition_file(job_.workspace.corpus(), info.id.value));
    store::TextBlock texts;
    linalg::Matrix<float> vectors;
    std::vector<linalg::float16> halves;
    for (; next < end; next += texts.texts.size()) {
      partition.read_texts(next, std::min(block_, end - next), ~std::uint64_t{0}, texts);
      vectors = linalg::Matrix<float>(texts.texts.size(), encoder_.dim());
      encoder_.encode(texts.texts, encode::Role::document, vectors.view(), job_.pool);
      halves.resize(vectors.values().size());
      linalg::to_float16(vectors.values(), halves);
      blocks.append(bytes_of(halves));
      report(texts.texts.size());
    }
    return blocks;
  }

  void finish(std::size_t p) {
    if (is_current(file_of(p), made_from(p))) return;
    store::EmbeddingsWriter writer(file_of(p), documents_of(p), encoder_.dim());
    std::vector<linalg::float16> halves;
    for (std::uint64_t s = 0; s < segments_of(p); ++s) {
      encoded({p, s}, [](std::uint64_t) {}).for_each([&](std::uint64_t, std::string_view payload) {
        halves.resize(payload.size() / sizeof(linalg::float16));
        std::copy_n(payload.data(), payload.size(), reinterpret_cast<char*>(halves.data()));
        writer.append(halves);
      });
    }
    writer.finish(made_from(p));
    for (std::uint64_t s = 0; s < segments_of(p); ++s) fs::remove(blocks_of({p, s}));
  }

  static constexpr std::uint64_t kSegmentBlocks = 16, kMostSegments = 16;
  Job& job_;
  const Catalog& catalog_;
  encode::Encoder& encoder_;
  std::uint64_t block_;
  std::vector<Segment> segments_;
};

}  // namespace

void embed_stage(Job& job) {
  const auto start = std::chrono::steady_clock::now();
  const Catalog catalog = shared_catalog(job);
  std::map<std::string, std::string> inputs = {{"corpus", catalog.digest()}};
  const unsigned generation = job.workspace.generation_number();
  comm::agree(job.comm, [&] {
    if (generation > 0)
      inputs["encoder"] = read_stage_record(job.workspace, "warmup").facts.value("encoder_digest", "");
  });
  StageRecord record = expected_record("embed", job.settings, inputs);
  if (shared_stage_state(job, record) == StageState::complete) {
    if (job.comm.is_root()) log::info("embed: complete");
    return;
  }
  comm::agree(job.comm, [&] { fs::create_directories(job.workspace.embeddings()); });
  const auto encoder = make_encoder(job, catalog);
  end_part(job, "fit");
  if (job.comm.is_root())
    log::info("embed: {} documents with {}", human_count(static_cast<double>(catalog.documents())),
              encoder->description());
  // Blocks, then the file made from them: a partition takes its room twice while it is finished.
  const std::uint64_t row_bytes = encoder->dim() * sizeof(linalg::float16);
  require_space(job, "embed", (catalog.documents() + catalog.largest_documents()) * row_bytes,
                job.workspace.embeddings());
  Embedder embedder(job, catalog, *encoder);
  const auto items = embedder.items();
  share_work(job, "embed", "documents", catalog.documents(), items,
             [&](std::size_t item, const auto& report) { embedder.work(item, report); });
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    record.facts = {{"documents", catalog.documents()},
                    {"dim", encoder->dim()},
                    {"encoder", encoder->description()},
                    {"encoder_digest", encoder->digest()},
                    {"seconds", seconds}};
    write_stage_record(job.workspace, record);
    log::info("embed: {} documents in {}", human_count(static_cast<double>(catalog.documents())),
              human_seconds(seconds));
  });
  end_part(job, "encode");
}

}  // namespace equal::job
