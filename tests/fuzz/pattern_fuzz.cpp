// Documents under the rules of the pattern extractor.
#include "equal/extract/pattern.hpp"

#include "target.hpp"

namespace equal::fuzz {
namespace {

void fuzz_pattern(std::string_view text) {
  const auto run = [&] {
    const auto extractor = extract::make_pattern();
    extractor->submit({7, "id", std::string(text), {}});
    return extractor->poll(0.0);
  };
  const auto first = run(), second = run();
  check(first.size() == 1 && first[0].document == 7, "one document in, one out");
  check(first[0].pairs.size() <= extract::PatternParams{}.max_pairs, "no more than max_pairs");
  check(first[0].pairs == second.at(0).pairs, "the same text gives the same pairs");
}

const Registered kPattern("pattern", fuzz_pattern);

}  // namespace
}  // namespace equal::fuzz
