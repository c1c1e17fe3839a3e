// Stage embed: partitions -> float16 unit vectors. A partition is encoded in fixed blocks, so its bits do not depend on
// ranks or threads; each block is durable before the next begins.
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

void embed_partition(Job& job, const PartitionInfo& info, encode::Encoder& encoder,
                     const std::function<void(std::uint64_t)>& report) {
  const fs::path file = store::partition_file(job.workspace.embeddings(), info.id.value);
  const store::MadeFrom made_from = {{"partition", info.digest}, {"encoder", encoder.digest()}};
  if (is_current(file, made_from)) {
    report(info.documents);
    return;
  }
  const store::PartitionReader partition(store::partition_file(job.workspace.corpus(), info.id.value));
  const std::uint64_t block = job.settings.embed_block;
  fs::path unfinished = file;
  unfinished += ".blocks";
  store::BlockFile blocks(unfinished, sha256_hex(info.digest + encoder.digest() + std::to_string(block)));
  if (blocks.dropped_bytes() > 0)
    log::warn("{}: dropped {} bytes of an unfinished block", unfinished.string(), blocks.dropped_bytes());
  report(std::min(blocks.next_block() * block, info.documents));

  store::TextBlock texts;
  linalg::Matrix<float> vectors;
  std::vector<linalg::float16> halves;
  while (blocks.next_block() * block < info.documents) {
    const std::uint64_t first = blocks.next_block() * block;
    partition.read_texts(first, std::min(block, info.documents - first), ~std::uint64_t{0}, texts);
    vectors = linalg::Matrix<float>(texts.texts.size(), encoder.dim());
    encoder.encode(texts.texts, encode::Role::document, vectors.view(), job.pool);
    halves.resize(vectors.values().size());
    linalg::to_float16(vectors.values(), halves);
    blocks.append(bytes_of(halves));
    report(texts.texts.size());
  }

  store::EmbeddingsWriter writer(file, info.documents, encoder.dim());
  blocks.for_each([&](std::uint64_t, std::string_view payload) {
    halves.resize(payload.size() / sizeof(linalg::float16));
    std::copy_n(payload.data(), payload.size(), reinterpret_cast<char*>(halves.data()));
    writer.append(halves);
  });
  writer.finish(made_from);
  blocks.remove();
}

}  // namespace

void embed_stage(Job& job) {
  const auto start = std::chrono::steady_clock::now();
  const Catalog catalog = shared_catalog(job);
  StageRecord record = expected_record("embed", job.settings, {{"corpus", catalog.digest()}});
  if (shared_stage_state(job, record) == StageState::complete) {
    if (job.comm.is_root()) log::info("embed: complete");
    return;
  }
  comm::agree(job.comm, [&] { fs::create_directories(job.workspace.embeddings()); });
  const auto encoder = make_encoder(job, catalog);
  if (job.comm.is_root())
    log::info("embed: {} documents with {}", human_count(static_cast<double>(catalog.documents())),
              encoder->description());
  // Blocks, then the file made from them: a partition takes its room twice while it is finished.
  const std::uint64_t row_bytes = encoder->dim() * sizeof(linalg::float16);
  require_space(job, "embed", (catalog.documents() + catalog.largest_documents()) * row_bytes,
                job.workspace.embeddings());
  share_work(job, "embed", "documents", catalog.documents(), catalog.largest_first(),
             [&](std::size_t p, const auto& report) { embed_partition(job, catalog.partitions[p], *encoder, report); });
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
}

}  // namespace equal::job
