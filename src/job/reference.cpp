#include "reference.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/store/corpus_reader.hpp"

namespace equal::job {
namespace {

constexpr std::size_t kDefaultGuide = 1000;

struct Source {
  std::string file;
  double weight = 1.0;
};

/// FILE or FILE:WEIGHT; a file whose name ends like a weight is taken as a file.
Source parse_source(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(text)) return {text, 1.0};
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), weight);
  if (error != std::errc{} || end != text.data() + text.size() || !(weight > 0)) {
    throw UsageError(format("reference.files: '{}' is no file, nor FILE:WEIGHT with a weight above 0", text));
  }
  return {text.substr(0, colon), weight};
}

enum class Answers { required, optional };

std::vector<extract::Pair> read_pairs(const std::string& file, const settings::Settings& s,
                                      Answers answers = Answers::required) {
  store::CorpusParams params;
  params.text_field = s.field_question;
  params.max_words = 0;
  params.max_line_bytes = s.max_line_bytes;
  std::vector<extract::Pair> out;
  for (const store::Input& input : store::list_inputs({file})) {
    store::CorpusReader reader(params, input);
    std::uint64_t lines = 0;
    while (reader.next_chunk()) {
      std::vector<store::Document> records;
      while (reader.next(records)) {
        for (const auto& record : records) {
          const std::string where = format("{}, record at byte {}", record.source, record.position);
          const Json rest = record.metadata.empty() ? Json::object() : parse_json(record.metadata, where);
          const auto answer = rest.find(s.field_answer);
          const bool there = answer != rest.end() && answer->is_string();
          if (!there && answers == Answers::required)
            throw DataError(format("{}: no text in field '{}'; name it with --field-answer", where, s.field_answer));
          out.push_back({record.text, there ? answer->get<std::string>() : std::string()});
        }
      }
      if (reader.tally().bad_lines() > 0) throw DataError(store::describe(reader.tally().reported.front(), lines));
      lines += reader.tally().lines;
    }
  }
  if (out.empty()) throw DataError(file + ": holds no pairs");
  return out;
}

Digest128 pair_digest(const extract::Pair& p) { return digest128(p.question + "\n" + p.answer); }

}  // namespace

Reference load_reference(const settings::Settings& s) {
  if (s.reference.empty())
    throw UsageError("--reference.files is missing: name a JSONL file with question-answer pairs of the target task");
  Reference out;
  for (const auto& file : s.holdout) {
    for (auto& pair : read_pairs(file, s)) out.holdout.push_back(std::move(pair));
  }
  double total_weight = 0;
  for (const auto& text : s.reference) total_weight += parse_source(text).weight;
  for (const auto& text : s.reference) {
    const Source source = parse_source(text);
    auto pairs = read_pairs(source.file, s);
    // Drawn by content: the order of the file does not matter, nor what else is in the mixture.
    std::stable_sort(pairs.begin(), pairs.end(), [&](const extract::Pair& a, const extract::Pair& b) {
      return keyed_hash(s.seed, "guide", pair_digest(a)) < keyed_hash(s.seed, "guide", pair_digest(b));
    });
    std::size_t n = pairs.size();
    if (s.guide_items > 0)
      n = std::min<std::size_t>(n, s.guide_items);
    else if (s.holdout.empty())
      n = std::min(kDefaultGuide, (n + 1) / 2);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (i < n) {
        out.guide_weights.push_back(source.weight / total_weight / static_cast<double>(n));
        out.guide.push_back(std::move(pairs[i]));
      } else if (s.holdout.empty()) {
        out.holdout.push_back(std::move(pairs[i]));
      }
    }
  }
  Sha256 sha;
  for (std::size_t i = 0; i < out.guide.size(); ++i)
    sha.update(pair_digest(out.guide[i]).hex()).update_value(out.guide_weights[i]);
  out.digest = sha.hex();
  return out;
}

std::vector<clean::BenchmarkItem> load_benchmarks(const settings::Settings& s) {
  std::vector<clean::BenchmarkItem> out;
  for (const auto& file : s.export_decontaminate) {
    std::uint64_t number = 0;
    for (auto& pair : read_pairs(file, s, Answers::optional))
      out.push_back({file, number++, std::move(pair.question), std::move(pair.answer)});
  }
  return out;
}

}  // namespace equal::job
