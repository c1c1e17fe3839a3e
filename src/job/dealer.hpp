// Which item of shared work is begun next.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <span>

#include "equal/job/progress.hpp"

namespace equal::job {

/// Gives items in order; one that closes its group comes as soon as all others of the group are done, before all else.
class Dealer {
 public:
  explicit Dealer(std::span<const WorkItem> items) : items_(items) {
    for (const WorkItem& item : items) {
      if (!item.closes) ++open_[item.group];
    }
  }

  /// An index into the items; nothing when all are given, or none may be begun yet.
  std::optional<std::size_t> next() {
    while (ready_.empty() && next_ < items_.size()) {
      const std::size_t i = next_++;
      if (!items_[i].closes) return ++given_, i;
      if (open_[items_[i].group] == 0) {
        ready_.push_back(i);
      } else {
        closers_[items_[i].group] = i;
      }
    }
    if (ready_.empty()) return std::nullopt;
    const std::size_t i = ready_.front();
    ready_.pop_front();
    return ++given_, i;
  }

  void done(std::size_t index) {
    const WorkItem& item = items_[index];
    if (item.closes || --open_[item.group] > 0) return;
    if (const auto closer = closers_.find(item.group); closer != closers_.end()) ready_.push_back(closer->second);
  }

  bool all_given() const noexcept { return given_ == items_.size(); }

 private:
  std::span<const WorkItem> items_;
  std::size_t next_ = 0, given_ = 0;
  std::map<std::size_t, std::size_t> open_;     // items of a group that are not done
  std::map<std::size_t, std::size_t> closers_;  // by group, met before the others were done
  std::deque<std::size_t> ready_;
};

}  // namespace equal::job
