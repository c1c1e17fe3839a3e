#include "explain.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/store/assignment.hpp"

#include "answers.hpp"
#include "run_view.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kListed = 10;

template <class Key>
std::string largest(const std::map<Key, std::uint64_t>& counts, const char* line) {
  std::vector<std::pair<Key, std::uint64_t>> rows(counts.begin(), counts.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string out;
  for (std::size_t i = 0; i < std::min(rows.size(), kListed); ++i)
    out += fmt::format(fmt::runtime(line), rows[i].first, human_count(static_cast<double>(rows[i].second)));
  if (rows.size() > kListed) out += format("  and {} more\n", rows.size() - kListed);
  return out;
}

struct Found {
  SeenDocument seen;
  std::uint64_t arm_asked = 0, all_asked = 0;  ///< observed before
  double arm_reward = 0, all_reward = 0;
  Json policy = Json::object();  ///< what the policy said of itself after the round before
};

std::optional<Found> find_observed(const std::vector<RoundEvent>& events, std::uint64_t document) {
  std::map<std::uint32_t, std::pair<std::uint64_t, double>> arms;
  Found found;
  for (const RoundEvent& e : events) {
    if (e.kind != RoundEvent::Kind::observed) continue;
    for (const ObservedDocument& d : e.observed) {
      if (d.number != document) continue;
      found.seen = {d, e.round};
      const auto arm = arms.find(d.arm);
      if (arm != arms.end()) found.arm_asked = arm->second.first, found.arm_reward = arm->second.second;
      return found;
    }
    for (const ObservedDocument& d : e.observed) {
      auto& arm = arms[d.arm];
      ++arm.first, arm.second += d.reward;
      ++found.all_asked, found.all_reward += d.reward;
    }
    found.policy = e.facts.value("policy", Json::object());
  }
  return std::nullopt;
}

std::string mean(double reward, std::uint64_t n) {
  return n == 0 ? "none yet" : format("{:.4f}", reward / static_cast<double>(n));
}

}  // namespace

std::string explain_partition(const Workspace& workspace, std::uint64_t number) {
  CorpusView corpus(workspace);
  const auto& partitions = corpus.catalog().partitions;
  if (number >= partitions.size())
    throw UsageError(format("partition {}: there are {}, numbered from 0", number, partitions.size()));
  const PartitionInfo& info = partitions[number];
  const auto& part = corpus.partition(info.id.value);
  std::string out = format("partition {}: documents {} to {}, {} of text, digest {}\n  {}\n", number,
                           info.first_document, info.first_document + std::max<std::uint64_t>(1, info.documents) - 1,
                           human_bytes(static_cast<double>(info.text_bytes)), info.digest, part.path().string());
  std::map<std::string, std::uint64_t> sources;
  for (std::uint64_t i = 0; i < info.documents; ++i) ++sources[part.source(i)];
  out += "inputs\n" + largest(sources, "  {}: {} documents\n");
  const fs::path assigned = store::partition_file(workspace.assignment(), info.id.value);
  if (!fs::exists(assigned)) return out;
  std::map<std::uint32_t, std::uint64_t> arms;
  for (const std::uint32_t c : store::read_assignment(assigned).assignment.cluster) ++arms[c];
  return out + "largest arms\n" + largest(arms, "  arm {}: {} documents\n");
}

std::string explain_choice(const Workspace& workspace, std::uint64_t document) {
  if (!fs::exists(workspace.rounds())) return "not asked: no round has been decided\n";
  const auto found = find_observed(read_rounds(workspace.rounds()), document);
  if (!found) return "not asked so far, or not answered yet\n";
  const ObservedDocument& d = found->seen.document;
  const auto settings = read_stage_record(workspace, "extract").settings;
  const auto policy = settings.find("extract.policy");
  std::string out = format("asked by policy {} as one of arm {}, observed in round {}\n",
                           policy == settings.end() ? "?" : policy->second, d.arm, found->seen.round);
  out += format("  known then: {} documents of this arm, mean reward {}; {} of all arms, mean reward {}\n",
                found->arm_asked, mean(found->arm_reward, found->arm_asked), found->all_asked,
                mean(found->all_reward, found->all_asked));
  std::string terms;
  for (const auto& [name, value] : found->policy.items()) {
    if (value.is_number()) terms += format("{}{} = {:.4g}", terms.empty() ? "" : ", ", name, value.get<double>());
  }
  if (!terms.empty()) out += format("  the policy's state: {}\n", terms);
  if (found->arm_asked == 0)
    out += "  nothing of its arm had been asked: its likeness to the guide spoke for it, or the wish to know\n";
  std::string credits;
  for (const double c : d.credits) credits += c < 0 ? " duplicate" : format(" {:.3f}", c);
  return out + format("  came of it: {} pairs, reward {:.4f}{}{}{}\n", d.pairs, d.reward,
                      credits.empty() ? "" : ", credits", credits, d.answered ? "" : ", not answered");
}

std::string explain_pair(const Workspace& workspace, std::uint64_t document, std::uint64_t pair) {
  const std::string extractor = read_stage_record(workspace, "extract").inputs.at("extractor");
  const std::string record = AnswerIndex(workspace.journal(), extractor).record(document);
  if (record.empty()) throw UsageError(format("document {} has no answer in the journal", document));
  const JournalAnswer answer = journal_answer_from_json(parse_json(record, "journal"), "journal");
  if (pair >= answer.extraction.pairs.size())
    throw UsageError(format("document {} has {} pairs, numbered from 0", document, answer.extraction.pairs.size()));
  const extract::Pair& p = answer.extraction.pairs[pair];
  std::string out =
      format("pair {} of document {} = '{}'\nQ: {}\nA: {}\n\n", pair, document, answer.id, p.question, p.answer);
  out += explain_choice(workspace, document);
  if (const auto found =
          fs::exists(workspace.rounds()) ? find_observed(read_rounds(workspace.rounds()), document) : std::nullopt;
      found && pair < found->seen.document.credits.size()) {
    const double credit = found->seen.document.credits[pair];
    out += credit < 0 ? "credit: none, an earlier pair of the run equals it\n" : format("credit: {:.4f}\n", credit);
  }
  const fs::path rejects = workspace.out() / "rejects.jsonl";
  std::ifstream lines(rejects);
  for (std::string line; std::getline(lines, line);) {
    const Json reject = parse_json(line, rejects.string());
    if (reject.value("number", ~std::uint64_t{0}) != document || reject.value("pair", ~std::uint64_t{0}) != pair)
      continue;
    const Json other = reject.value("of", reject.value("benchmark", Json::object()));
    return out + format("left out of the export: {} ({})\n", reject.value("reason", "?"), dump_json(other));
  }
  return out + "not among the rejects of the last export\n";
}

}  // namespace equal::job
