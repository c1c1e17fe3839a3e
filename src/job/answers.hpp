// What comes back for one document, and how it is kept: the journal record, and the message that a worker sends to rank
// 0.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/json.hpp"
#include "equal/extract/extractor.hpp"
#include "equal/linalg/matrix.hpp"

namespace equal::job {

/// A document's answer as rank 0 needs it: vectors and digests of the kept pairs, no texts.
struct Answer {
  std::uint64_t document = 0;
  bool answered = true;
  bool replayed = false;  ///< from the journal: nothing was spent in this run
  std::string failure;
  linalg::Matrix<float> vectors;                  ///< (pairs, dim), unit rows with float16 values
  std::vector<Digest128> duplicates;              ///< (pairs) digest of the normalised text: equal pairs, equal digests
  std::map<std::string, std::uint64_t> rejected;  ///< dropped pairs by reason
  extract::Usage usage;
};

std::string to_bytes(const Answer& answer);
Answer answer_from_bytes(std::string_view bytes);

/// The text of a pair that is embedded (DESIGN, rewards).
std::string pair_text(const extract::Pair& pair);
/// Equal for pairs that differ only in letter case, punctuation and spacing.
Digest128 duplicate_digest(const extract::Pair& pair);

/// One line of the journal.
struct JournalAnswer {
  std::uint64_t document = 0;
  Digest128 digest;       ///< of the document: a record of another corpus is not taken for ours
  std::string id;         ///< the user's
  std::string extractor;  ///< digest of the extractor that answered, rules included
  std::string question;   ///< digest of what it asked (extract::Extractor::question_digest), or empty
  extract::Extraction extraction;
};
Json to_json(const JournalAnswer& answer, bool with_rejected_texts);
/// Throws DataError naming `where`.
JournalAnswer journal_answer_from_json(const Json& json, const std::string& where);

/// Where the answers of one extractor stand in the journal: asked once, never paid again.
class AnswerIndex {
 public:
  /// Reads all journal files of the folder. Of several answers to a document the first stands. With `question_digest`
  /// also what a model wrote when it was asked the same under other rules, where no record has been judged by these:
  /// it is to be judged again. Memory: about 48 bytes an answer.
  AnswerIndex(const std::filesystem::path& journal, const std::string& extractor_digest,
              const std::string& question_digest = {});
  std::size_t size() const noexcept { return places_.size(); }
  std::size_t judged_otherwise() const noexcept { return judged_otherwise_; }  ///< of size(): to be judged again
  bool contains(std::uint64_t document) const { return places_.contains(document); }
  std::vector<std::uint64_t> documents() const;  ///< ascending
  /// The record's JSON text, or empty.
  std::string record(std::uint64_t document) const;

  /// Where a record stands: for ranks that read it themselves (store::read_journal_record).
  struct Place {
    std::uint32_t file = 0;  ///< of files()
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
  };
  const Place* place(std::uint64_t document) const;  ///< nullptr without one
  const std::vector<std::filesystem::path>& files() const noexcept { return files_; }

 private:
  std::vector<std::filesystem::path> files_;
  std::unordered_map<std::uint64_t, Place> places_;
  std::size_t judged_otherwise_ = 0;
};

}  // namespace equal::job
