#include "export_pairs.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <sstream>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/clean/near_duplicates.hpp"
#include "equal/store/journal.hpp"

#include "rounds_log.hpp"

namespace equal::job {
namespace fs = std::filesystem;

ExportList export_list(const Workspace& workspace, const settings::Settings& s, const std::string& extractor) {
  const AnswerIndex index(workspace.journal(), extractor);
  ExportList out;
  out.files = index.files();
  if (!fs::exists(workspace.rounds())) return out;
  const Json facts = read_stage_record(workspace, "extract").facts;
  for_each_whole_round(workspace.rounds(), facts, [&](const RoundEvent& event) {
    for (const ObservedDocument& d : event.observed) {
      for (std::uint32_t i = 0; i < d.credits.size(); ++i) {
        if (d.credits[i] < 0 || d.credits[i] < s.export_min_credit) continue;
        const AnswerIndex::Place* place = index.place(d.number);
        if (place == nullptr)
          throw DataError(
              format("journal record of document {}: missing, though rounds.jsonl has seen it; put the "
                     "journal back, or run with --redo extract",
                     d.number));
        out.items.push_back({d.number, event.round, place->offset, d.credits[i], d.arm, i, place->file, place->bytes});
      }
    }
  });
  return out;
}

const JournalAnswer& RecordReader::answer(const ExportItem& item) {
  if (item.document != document_) {
    const std::string where = format("journal record of document {}", item.document);
    answer_ = journal_answer_from_json(
        parse_json(store::read_journal_record(files_.at(item.file), item.offset, item.bytes), where), where);
    document_ = item.document;
  }
  return answer_;
}

const extract::Pair& RecordReader::pair(const ExportItem& item) {
  const auto& pairs = answer(item).extraction.pairs;
  if (item.pair >= pairs.size())
    throw DataError(
        format("document {}: rounds.jsonl knows more pairs than the journal; run with --redo extract", item.document));
  return pairs[item.pair];
}

namespace {

/// Rank r gets the items [n r / ranks, n (r + 1) / ranks) of rank 0, and the names of the files.
ExportList deal_out(comm::Communicator& comm, const ExportList& list, std::uint64_t& first) {
  const auto ranks = static_cast<std::size_t>(comm.size()), rank = static_cast<std::size_t>(comm.rank());
  std::string names;
  for (const fs::path& f : list.files) names += f.string() + '\n';
  names = comm::broadcast_string(comm, names);
  const auto n = comm::broadcast(comm, static_cast<std::uint64_t>(list.items.size()));
  std::vector<std::string> to_each(ranks);
  if (comm.is_root()) {
    for (std::size_t r = 0; r < ranks; ++r) {
      const std::uint64_t begin = n * r / ranks, end = n * (r + 1) / ranks;
      to_each[r] = ByteWriter().put_span(std::span(list.items).subspan(begin, end - begin)).take();
    }
  }
  ExportList mine;
  first = n * rank / ranks;
  const auto dealt = comm.all_to_all(std::move(to_each));
  mine.items = ByteReader(dealt.at(0)).get_vector<ExportItem>();
  std::istringstream lines(names);
  for (std::string line; std::getline(lines, line);) mine.files.emplace_back(line);
  return mine;
}

}  // namespace

std::vector<Reject> clean_pairs(Job& job, const ExportList& list, const clean::Decontaminator* benchmark) {
  comm::Communicator& comm = job.comm;
  std::uint64_t first = 0;
  const ExportList mine = deal_out(comm, list, first);
  std::vector<Reject> found;
  std::vector<std::uint64_t> compared;  // items that near-duplicates are sought among, in order
  clean::NearDuplicateParams params;
  params.threshold = job.settings.export_near_duplicates > 0 ? job.settings.export_near_duplicates : 1.0;
  params.seed = job.settings.seed;
  clean::NearDuplicates duplicates(params);
  comm::agree(comm, [&] {
    RecordReader records(mine.files);
    for (std::size_t i = 0; i < mine.items.size(); ++i) {
      const extract::Pair& pair = records.pair(mine.items[i]);
      if (benchmark != nullptr) {
        if (const auto hit = benchmark->find(pair.question, pair.answer)) {
          found.push_back({Reject::Reason::contaminated, first + i, hit->item, hit->rule, 0});
          continue;
        }
      }
      if (job.settings.export_near_duplicates > 0) {
        duplicates.add(pair.question, pair.answer);
        compared.push_back(first + i);
      }
    }
  });
  std::vector<Reject> all;
  const auto rejected = comm.gather(ByteWriter().put_span(std::span(std::as_const(found))).take(), 0);
  for (const std::string& bytes : rejected) {
    const auto part = ByteReader(bytes).get_vector<Reject>();
    all.insert(all.end(), part.begin(), part.end());
  }
  if (job.settings.export_near_duplicates > 0) {
    const auto near = duplicates.find(comm, job.pool);
    std::vector<std::uint64_t> numbers;
    for (const std::string& bytes : comm.gather(ByteWriter().put_span(std::span(std::as_const(compared))).take(), 0)) {
      const auto part = ByteReader(bytes).get_vector<std::uint64_t>();
      numbers.insert(numbers.end(), part.begin(), part.end());
    }
    if (comm.is_root()) {
      for (const auto& d : near)
        all.push_back({Reject::Reason::near_duplicate, numbers[d.item], numbers[d.of], {}, d.similarity});
    }
  }
  std::sort(all.begin(), all.end(), [](const Reject& a, const Reject& b) { return a.item < b.item; });
  return all;
}

void keep_top(std::vector<std::uint64_t>& kept, const std::vector<ExportItem>& items, std::uint64_t top) {
  if (top == 0 || top >= kept.size()) return;
  std::vector<double> credits;
  credits.reserve(kept.size());
  for (const auto i : kept) credits.push_back(items[i].credit);
  std::nth_element(credits.begin(), credits.begin() + static_cast<std::ptrdiff_t>(top - 1), credits.end(),
                   std::greater<>());
  const double least = credits[top - 1];
  auto ties = top - static_cast<std::uint64_t>(std::count_if(kept.begin(), kept.end(),
                                                             [&](std::uint64_t i) { return items[i].credit > least; }));
  std::erase_if(kept, [&](std::uint64_t i) {
    if (items[i].credit > least) return false;
    if (items[i].credit < least || ties == 0) return true;
    --ties;
    return false;
  });
}

}  // namespace equal::job
