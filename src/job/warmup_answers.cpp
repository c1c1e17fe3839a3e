#include <algorithm>
#include <chrono>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/comm/task_farm.hpp"
#include "equal/job/progress.hpp"
#include "equal/job/stop.hpp"
#include "equal/store/journal.hpp"
#include "equal/store/partition.hpp"

#include "warmup.hpp"
#include "worker.hpp"

namespace equal::job {
namespace {

void add(extract::Usage& sum, const extract::Usage& usage) {
  sum.calls += usage.calls;
  sum.prompt_tokens += usage.prompt_tokens;
  sum.completion_tokens += usage.completion_tokens;
}

/// Rank 0. False: stopped on request.
bool watch_answers(Job& job, comm::TaskFarm& farm, std::size_t total, WarmupAsked& asked) {
  ProgressLine line(job.workspace, "warmup", "documents", total);
  const std::uint64_t open = farm.unanswered(), before = total - open;
  line.start_from(before);
  bool complete = true;
  auto end = std::chrono::steady_clock::time_point::max();
  while (asked.answered + asked.failed < open && std::chrono::steady_clock::now() < end) {
    if (const auto result = farm.next(0.2)) {
      const Answer answer = answer_from_bytes(result->bytes);
      answer.answered ? ++asked.answered : ++asked.failed;
      if (!answer.answered) add(asked.in_vain, answer.usage);
    }
    line.show(before + asked.answered + asked.failed);
    if (complete && stop_requested()) {
      complete = false;
      const std::uint64_t seconds = job.settings.drain_seconds;
      log::info("warmup: stopping on request: waiting up to {} s for {} documents", seconds, farm.unanswered());
      end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    }
  }
  line.write_status(before + asked.answered + asked.failed);
  return complete;
}

}  // namespace

WarmupAsked ask_warmup_sample(Job& job, const Catalog& catalog, const std::vector<std::uint64_t>& documents,
                              extract::Extractor& extractor, const AnswerIndex* index) {
  WarmupAsked asked;
  std::vector<std::pair<std::uint64_t, std::string>> open;  // with the record that is to be judged again, or nothing
  std::uint32_t journal_generation = 0;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    for (const std::uint64_t d : documents) {
      std::string record = index->record(d);
      const std::string where = format("journal record of document {}", d);
      if (record.empty() || journal_answer_from_json(parse_json(record, where), where).extractor != extractor.digest())
        open.emplace_back(d, std::move(record));
    }
    std::filesystem::create_directories(job.workspace.journal());
    journal_generation = store::next_generation(job.workspace.journal());
    log::info("warmup: {} documents of the sample are to be asked, {} are answered already", open.size(),
              documents.size() - open.size());
  });
  if (comm::broadcast(job.comm, open.empty())) {
    asked.answered = documents.size();
    return asked;
  }
  journal_generation = comm::broadcast(job.comm, journal_generation);
  std::unique_ptr<ExtractionWorker> worker;
  comm::agree(job.comm, [&] {
    if (job.comm.worker_index())
      worker = std::make_unique<ExtractionWorker>(job, catalog, nullptr, extractor, nullptr, journal_generation);
  });
  bool complete = true;
  if (job.comm.is_root()) {
    comm::TaskFarm farm(job.comm, worker.get());
    const std::vector<int> owners = catalog.owners(job.comm.workers());
    for (auto& [d, record] : open)
      farm.submit(d, std::move(record), job.comm.worker_rank(owners[catalog.partition_of(d).id.value]));
    complete = watch_answers(job, farm, documents.size(), asked);
    if (complete) farm.finish();
    asked.answered += documents.size() - open.size();
  } else {
    comm::serve_tasks(job.comm, *worker);
  }
  if (!comm::broadcast(job.comm, complete)) {
    throw Error(Family::checkpointed,
                "warmup: stopped on request; answers are kept, and the same command line goes on");
  }
  return asked;
}

std::vector<WarmupDocument> warmup_documents(Job& job, const Catalog& catalog,
                                             const std::vector<std::uint64_t>& documents,
                                             const std::string& extractor_digest) {
  std::string bytes;
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const AnswerIndex index(job.workspace.journal(), extractor_digest);
    std::map<std::uint32_t, store::PartitionReader> open;
    ByteWriter w;
    for (const std::uint64_t number : documents) {  // ascending, so partitions come one after another
      const std::string record = index.record(number);
      if (record.empty()) continue;
      const std::string where = format("journal record of document {}", number);
      const JournalAnswer answer = journal_answer_from_json(parse_json(record, where), where);
      if (answer.extraction.pairs.empty()) continue;
      const PartitionInfo& info = catalog.partition_of(number);
      auto found = open.find(info.id.value);
      if (found == open.end())
        found = open.emplace(info.id.value,
                             store::PartitionReader(store::partition_file(job.workspace.corpus(), info.id.value)))
                    .first;
      const store::Document document = found->second.document(number - info.first_document);
      if (document.digest != answer.digest) {
        throw DataError(
            format("{}: the journal's answer to document {} ('{}') belongs to another document of this "
                   "corpus; move the journal away, or use the corpus that it was made with",
                   job.workspace.journal().string(), number, answer.id));
      }
      w.put(document.digest).put(document.whole_digest).put_string(document.text);
      w.put(static_cast<std::uint64_t>(answer.extraction.pairs.size()));
      for (const auto& p : answer.extraction.pairs) w.put_string(p.question).put_string(p.answer);
    }
    bytes = w.take();
  });
  bytes = comm::broadcast_string(job.comm, std::move(bytes));
  std::vector<WarmupDocument> out;
  for (ByteReader r(bytes); !r.done();) {
    WarmupDocument d;
    d.digest = r.get<Digest128>();
    d.whole = r.get<Digest128>();
    d.text = r.get_string();
    for (auto n = r.get<std::uint64_t>(); n > 0; --n) {
      std::string question(r.get_string()), answer(r.get_string());
      d.pairs.push_back({std::move(question), std::move(answer)});
    }
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace equal::job
