#include "equal/report/dataset_card.hpp"

#include <numeric>

#include "equal/base/json.hpp"
#include "equal/base/log.hpp"

namespace equal::report {
namespace {

/// A JSON string is a YAML double-quoted string.
std::string quoted(const std::string& text) { return dump_json(Json(text)); }

const char* size_category(std::uint64_t n) {
  if (n < 1000) return "n<1K";
  if (n < 10000) return "1K<n<10K";
  if (n < 100000) return "10K<n<100K";
  if (n < 1000000) return "100K<n<1M";
  if (n < 10000000) return "1M<n<10M";
  return "10M<n<100M";
}

/// A table cell: no pipes, no line breaks, no markup.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      out += ' ';
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      if (c == '|' || c == '`' || c == '*' || c == '_' || c == '[' || c == ']' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

template <class Rows>
std::string table(const char* left, const char* right, const Rows& rows) {
  std::string out = format("| {} | {} |\n| --- | ---: |\n", left, right);
  for (const auto& [name, value] : rows) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
      out += format("| {} | {} |\n", cell(name), cell(value));
    } else {
      out += format("| {} | {} |\n", cell(name), human_count(static_cast<double>(value)));
    }
  }
  return out + "\n";
}

}  // namespace

std::string to_markdown(const DatasetCard& c) {
  const auto pairs = std::accumulate(c.splits.begin(), c.splits.end(), std::uint64_t{0},
                                     [](std::uint64_t sum, const auto& s) { return sum + s.second.second; });
  const std::string title = c.name.empty() ? "Instruction pairs extracted by equal" : c.name;
  std::string out = "---\n";
  out += format("pretty_name: {}\n", quoted(title));
  if (!c.licence.empty()) out += format("license: {}\n", quoted(c.licence));
  out += format("task_categories:\n- text-generation\n- question-answering\nsize_categories:\n- {}\n",
                quoted(size_category(pairs)));
  out += "tags:\n- instruction-tuning\n- synthetic\n- equal\nconfigs:\n- config_name: default\n  data_files:\n";
  for (const auto& [split, files] : c.splits)
    out += format("  - split: {}\n    path: {}\n", split, quoted(files.first));
  out += "---\n\n";
  out += format("# {}\n\n", cell(title));
  if (!c.complete) out += "**Of a run that was not complete: more pairs may follow.**\n\n";
  out += format(
      "{} question-answer pairs in the form `{}`, extracted from documents that were chosen for a target task under a "
      "budget (EQUAL, arXiv 2505.12250).\n\n",
      human_count(static_cast<double>(pairs)), c.form);
  out += "## Sources and licence\n\n";
  out += table("input", "pairs", c.sources);
  out +=
      c.licence.empty()
          ? "No licence was stated. What may be done with the pairs follows from the sources above"
          : format("Stated licence: {}. It was given by whoever made the data set; the sources above decide what holds",
                   cell(c.licence));
  out += ", and, where a language model wrote them, from its terms.\n\n";
  out += "## Procedure\n\n" + table("step", "", c.procedure);
  out += "## Figures\n\n" + table("", "", c.figures);
  if (!c.left_out.empty()) out += "## Left out\n\n" + table("reason", "pairs", c.left_out);
  if (!c.contamination.empty()) {
    out +=
        "Pairs that held a benchmark's item (runs of 13 tokens, shorter questions whole, answers by half of their "
        "runs):\n\n";
    out += table("benchmark", "pairs", c.contamination);
  }
  out +=
      "## Fields\n\nEach row names its origin in `provenance`: `document` (the user's id), `number`, `source` and "
      "`position` (where "
      "the document begins in the input), `parent` and `parent_offset` (for a piece of a longer document), `metadata` "
      "(the input's "
      "other fields, JSON text), `pair`, `arm`, `round`, `credit` (what the pair was worth when it was chosen), "
      "`extractor`, `model` "
      "and `prompt` (digests), `prompt_tokens` and `completion_tokens` (of the document's calls).\n\n"
      "## Limits\n\n"
      "Pairs say what their documents say: errors, bias and age of the sources are theirs too. Pairs were checked by "
      "rules (complete, "
      "self-contained, resting on their document), not by people. The choice of documents favours the reference task: "
      "the set is no "
      "sample of its sources. Decontamination finds copies and near copies of benchmark items, not paraphrases.\n";
  return out;
}

}  // namespace equal::report
