#include <iostream>
#include <map>
#include <sstream>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/extract/keep.hpp"

#include "bench_chat.hpp"

namespace equal::bench {

int grounding(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) throw UsageError("grounding LABELS");
  std::istringstream lines(read_file(arguments[0]));
  std::map<std::string, std::string> documents;
  std::map<std::string, std::map<std::string, std::size_t>> reasons;  // by label and reason
  std::size_t true_kept = 0, kept = 0, grounded = 0, invented = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json json = parse_json(line, arguments[0]);
    if (json.contains("document")) {
      documents[json["document"]] = json["text"];
      continue;
    }
    const bool truth = json["grounded"];
    const extract::KeepResult result =
        extract::KeepRules().apply(documents.at(json["pair"]), {{json["question"], json["answer"]}});
    const bool is_kept = !result.kept.empty();
    kept += is_kept;
    true_kept += truth && is_kept;
    (truth ? grounded : invented) += 1;
    ++reasons[truth ? "grounded" : "invented"][is_kept ? "kept" : result.rejected[0].reason];
  }
  Json table;
  for (const auto& [label, counts] : reasons) {
    for (const auto& [reason, count] : counts) table[label][reason] = count;
  }
  const auto share = [](std::size_t a, std::size_t b) {
    return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
  };
  std::cout << dump_json({{"pairs", grounded + invented},
                          {"documents", documents.size()},
                          {"grounding_precision", share(true_kept, kept)},
                          {"grounding_recall", share(true_kept, grounded)},
                          {"invention_caught", share(invented - (kept - true_kept), invented)},
                          {"reasons", table}})
            << std::endl;
  return 0;
}

}  // namespace equal::bench
