#include "rewards.hpp"

#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/base/registered.hpp"

namespace equal::job {

#define EQUAL_DECLARE(name) std::unique_ptr<RewardModel> make_##name##_reward(const RewardInputs& inputs);
EQUAL_REWARDS(EQUAL_DECLARE)
#undef EQUAL_DECLARE

namespace {

constexpr std::string_view kRewardNames[] = {EQUAL_REWARDS(EQUAL_QUOTED)};

#define EQUAL_MAKE(name) make_##name##_reward,
constexpr std::unique_ptr<RewardModel> (*kRewardMakers[])(const RewardInputs&) = {EQUAL_REWARDS(EQUAL_MAKE)};
#undef EQUAL_MAKE

}  // namespace

std::unique_ptr<RewardModel> make_reward(const RewardInputs& inputs) {
  const auto found = std::find(std::begin(kRewardNames), std::end(kRewardNames), inputs.settings.reward);
  if (found == std::end(kRewardNames))
    throw InternalError("extract.reward = " + inputs.settings.reward + " is not registered");
  return kRewardMakers[found - std::begin(kRewardNames)](inputs);
}

linalg::Matrix<float> unique_rows(const Scored& s) {
  const auto unique = static_cast<std::size_t>(
      std::count_if(s.credits.begin(), s.credits.end(), [](double c) { return c != kDuplicate; }));
  linalg::Matrix<float> out(unique, s.answer.vectors.columns());
  for (std::size_t i = 0, row = 0; i < s.credits.size(); ++i) {
    if (s.credits[i] != kDuplicate) std::ranges::copy(s.answer.vectors.row(i), out.row(row++).begin());
  }
  return out;
}

}  // namespace equal::job
