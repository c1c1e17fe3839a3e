// rounds.jsonl: what was decided and what came of it, event by event. It is all that rank 0 needs, with the journal, to
// stand where it stood: replaying the events gives the same state to the last bit.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/extract/extractor.hpp"

namespace equal::job {

/// One document of an "observed" event.
struct ObservedDocument {
  std::uint64_t number = 0;
  std::uint32_t arm = 0;
  bool answered = true;
  std::uint32_t pairs = 0;
  double reward = 0;
  std::vector<double> credits;  ///< one per kept pair; negative: a duplicate of an earlier pair of the run
  std::string failure;          ///< of a document without an answer: why, ...
  extract::Usage usage;         ///< ... and what was spent in vain. Those with an answer have theirs in the journal
};

struct RoundEvent {
  /// warmup: before the first round of a run on trained arms; facts only (the curve of held-out MRR), nothing to
  /// resume.
  enum class Kind { asked, observed, warmup } kind = Kind::asked;
  std::uint64_t round = 0;
  std::vector<std::uint64_t> asked;        ///< document numbers in the order of the decision
  std::vector<ObservedDocument> observed;  ///< in (arm, number) order
  Json facts = Json::object();             ///< pulls, spending, policy state: for people, not needed to resume
};

/// Takes one event after another; only one is in memory.
using SeeRound = std::function<void(RoundEvent&&)>;

class RoundsLog {
 public:
  /// Opens or creates the file and checks its lines. A torn last line is cut off with a warning; damage before it is a
  /// DataError naming file:line.
  explicit RoundsLog(std::filesystem::path path);
  bool empty() const noexcept { return found_ == 0; }  ///< when it was opened
  /// The events that the file had when it was opened.
  void for_each(const SeeRound& see) const;
  /// Written when it returns, so that a kill does not lose it, and synced with what came in the last 50 ms: a power cut
  /// may take the newest rounds, but no answer (the journal is synced before an answer is observed). Throws
  /// EnvironmentError.
  void append(const RoundEvent& event);
  ~RoundsLog();

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t found_ = 0;  // bytes
  std::chrono::steady_clock::time_point synced_{};
};

/// For readers that only look: the events of a file that may be growing. Damage is a DataError as above.
void for_each_round(const std::filesystem::path& path, const SeeRound& see);
std::vector<RoundEvent> read_rounds(const std::filesystem::path& path);

/// The same for readers that need all of it: throws DataError naming the file when an extraction that had ended
/// (`facts` of its record) wrote more than is there. Without `see` it only checks.
void for_each_whole_round(const std::filesystem::path& path, const Json& facts, const SeeRound& see = {});

/// Bytes of an unfinished last line. Throws DataError on damage before it.
std::uint64_t torn_bytes(const std::filesystem::path& path);

}  // namespace equal::job
