#include "equal/extract/replay.hpp"

#include <utility>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"

namespace equal::extract {
namespace {

class Replay final : public Extractor {
 public:
  explicit Replay(const ReplayParams& params) : rules_(params.keep), slots_(params.slots) {
    if (slots_ == 0) throw UsageError("replay: slots = 0; must be at least 1");
  }
  std::string digest() const override { return sha256_hex("replay 1\n" + rules_.digest()); }
  std::string description() const override { return "replay: the documents' own pairs, no LLM"; }
  bool deterministic() const override { return true; }
  std::size_t slots() const override { return slots_; }
  void submit(Request request) override {
    if (ready_.size() >= slots_) throw InternalError("replay: submit() with no free slot");
    KeepResult result = rules_.apply(request.text, request.known_pairs);
    Extraction out;
    out.document = request.document;
    out.pairs = std::move(result.kept);
    out.rejected = std::move(result.rejected);
    ready_.push_back(std::move(out));
  }
  std::vector<Extraction> poll(double /*wait_seconds*/) override { return std::exchange(ready_, {}); }

 private:
  KeepRules rules_;
  std::size_t slots_;
  std::vector<Extraction> ready_;
};

}  // namespace

std::unique_ptr<Extractor> make_replay(const ReplayParams& params) { return std::make_unique<Replay>(params); }

}  // namespace equal::extract
