#include "answers.hpp"

#include <algorithm>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/extract/keep.hpp"
#include "equal/linalg/float16.hpp"
#include "equal/store/journal.hpp"

namespace equal::job {

std::string to_bytes(const Answer& a) {
  ByteWriter w;
  w.put(a.document).put(a.answered).put(a.replayed).put_string(a.failure);
  w.put(static_cast<std::uint64_t>(a.vectors.rows())).put(static_cast<std::uint64_t>(a.vectors.columns()));
  std::vector<linalg::float16> halves(a.vectors.values().size());
  linalg::to_float16(a.vectors.values(), halves);  // the rows hold float16 values already: nothing is lost
  w.put_span(std::span<const linalg::float16>(halves)).put_span(std::span<const Digest128>(a.duplicates));
  w.put(static_cast<std::uint64_t>(a.rejected.size()));
  for (const auto& [reason, n] : a.rejected) w.put_string(reason).put(n);
  w.put(a.usage.calls).put(a.usage.prompt_tokens).put(a.usage.completion_tokens).put(a.usage.seconds);
  return w.take();
}

Answer answer_from_bytes(std::string_view bytes) {
  ByteReader r(bytes);
  Answer a;
  a.document = r.get<std::uint64_t>();
  a.answered = r.get<bool>();
  a.replayed = r.get<bool>();
  a.failure = r.get_string();
  const auto rows = r.get<std::uint64_t>(), columns = r.get<std::uint64_t>();
  const auto halves = r.get_vector<linalg::float16>();
  if (halves.size() != rows * columns) throw InternalError("an answer's vectors do not have their announced size");
  a.vectors = linalg::Matrix<float>(rows, columns);
  linalg::to_float32(halves, a.vectors.values());
  a.duplicates = r.get_vector<Digest128>();
  for (auto n = r.get<std::uint64_t>(); n > 0; --n) {
    const std::string reason(r.get_string());
    a.rejected[reason] = r.get<std::uint64_t>();
  }
  a.usage.calls = r.get<std::uint64_t>();
  a.usage.prompt_tokens = r.get<std::uint64_t>();
  a.usage.completion_tokens = r.get<std::uint64_t>();
  a.usage.seconds = r.get<double>();
  return a;
}

std::string pair_text(const extract::Pair& pair) {
  return "<|user|>\n" + pair.question + "\n\n<|assistant|>\n" + pair.answer;
}

Digest128 duplicate_digest(const extract::Pair& pair) {
  return digest128(extract::normalised(pair.question) + "\n" + extract::normalised(pair.answer));
}

Json to_json(const JournalAnswer& a, bool with_rejected_texts) {
  Json pairs = Json::array();
  for (const auto& p : a.extraction.pairs) pairs.push_back({{"question", p.question}, {"answer", p.answer}});
  Json json = {{"document", a.document},
               {"id", a.id},
               {"digest", a.digest.hex()},
               {"extractor", a.extractor},
               {"pairs", std::move(pairs)}};
  if (!a.question.empty()) json["question"] = a.question;
  if (!a.extraction.written.empty()) {
    Json list = Json::array();
    for (const auto& w : a.extraction.written) list.push_back({{"text", w.content}, {"finish", w.finish_reason}});
    json["written"] = std::move(list);
  }
  std::map<std::string, std::uint64_t> reasons;
  for (const auto& r : a.extraction.rejected) ++reasons[r.reason];
  json["rejected"] = reasons;
  if (with_rejected_texts) {
    Json list = Json::array();
    for (const auto& r : a.extraction.rejected)
      list.push_back({{"reason", r.reason}, {"question", r.pair.question}, {"answer", r.pair.answer}});
    json["rejected_pairs"] = std::move(list);
  }
  const auto& u = a.extraction.usage;
  json["usage"] = {{"calls", u.calls},
                   {"prompt_tokens", u.prompt_tokens},
                   {"completion_tokens", u.completion_tokens},
                   {"seconds", u.seconds}};
  return json;
}

JournalAnswer journal_answer_from_json(const Json& json, const std::string& where) {
  JournalAnswer a;
  try {
    a.document = json.at("document").get<std::uint64_t>();
    a.id = json.at("id").get<std::string>();
    a.digest = Digest128::from_hex(json.at("digest").get<std::string>());
    a.extractor = json.at("extractor").get<std::string>();
    a.question = json.value("question", "");
    a.extraction.document = a.document;
    for (const auto& p : json.at("pairs"))
      a.extraction.pairs.push_back({p.at("question").get<std::string>(), p.at("answer").get<std::string>()});
    for (const auto& w : json.value("written", Json::array()))
      a.extraction.written.push_back({w.at("text").get<std::string>(), w.at("finish").get<std::string>()});
    for (const auto& [reason, n] : json.at("rejected").items()) {
      for (auto i = n.get<std::uint64_t>(); i > 0; --i) a.extraction.rejected.push_back({{}, reason});
    }
    const auto& u = json.at("usage");
    a.extraction.usage = {u.at("calls").get<std::uint64_t>(), u.at("prompt_tokens").get<std::uint64_t>(),
                          u.at("completion_tokens").get<std::uint64_t>(), u.at("seconds").get<double>()};
  } catch (const nlohmann::json::exception& e) {
    throw DataError(where + ": not an answer: " + e.what());
  }
  return a;
}

AnswerIndex::AnswerIndex(const std::filesystem::path& journal, const std::string& extractor_digest,
                         const std::string& question_digest) {
  std::unordered_map<std::uint64_t, Place> otherwise;
  const auto report = store::read_journal(journal, [&](const store::JournalRecord& record) {
    const std::string where = format("{}:{}", record.file.string(), record.line);
    const JournalAnswer answer = journal_answer_from_json(parse_json(record.json, where), where);
    const bool judged = answer.extractor == extractor_digest;
    const bool asked =
        !question_digest.empty() && answer.question == question_digest && !answer.extraction.written.empty();
    if (!judged && !asked) return;
    if (files_.empty() || files_.back() != record.file) files_.push_back(record.file);
    (judged ? places_ : otherwise)
        .try_emplace(answer.document, Place{static_cast<std::uint32_t>(files_.size() - 1), record.offset,
                                            static_cast<std::uint32_t>(record.json.size())});
  });
  for (const auto& [document, place] : otherwise) judged_otherwise_ += places_.try_emplace(document, place).second;
  for (const auto& warning : report.warnings) log::warn("{}", warning);
}

const AnswerIndex::Place* AnswerIndex::place(std::uint64_t document) const {
  const auto found = places_.find(document);
  return found == places_.end() ? nullptr : &found->second;
}

std::vector<std::uint64_t> AnswerIndex::documents() const {
  std::vector<std::uint64_t> out;
  for (const auto& [document, place] : places_) out.push_back(document);
  std::sort(out.begin(), out.end());
  return out;
}

std::string AnswerIndex::record(std::uint64_t document) const {
  const Place* at = place(document);
  return at == nullptr ? std::string{} : store::read_journal_record(files_[at->file], at->offset, at->bytes);
}

}  // namespace equal::job
