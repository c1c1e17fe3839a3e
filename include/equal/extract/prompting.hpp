// What is asked of a language model about one document, and how its response is read: shared by the chat and the
// command extractor. A deterministic function of parameters and document.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "equal/extract/extractor.hpp"
#include "equal/extract/keep.hpp"
#include "equal/extract/prompt.hpp"

namespace equal::extract {

/// How the model is to write pairs. Tags carry LaTeX and code unharmed, so they are the default; the others are for
/// servers that constrain the output to a JSON schema.
enum class AnswerFormat {
  tagged,
  json_schema,  ///< response_format json_schema (OpenAI, vLLM, SGLang, llama.cpp)
  json_object,  ///< response_format json_object with the schema (llama.cpp); others take it without
  guided_json,  ///< vLLM's guided_json
  json_probed   ///< the first of the three that the endpoint understands, found by asking once
};

/// "tagged" ... "json_probed"; throws UsageError for another name.
AnswerFormat answer_format(std::string_view name);
std::string_view answer_format_name(AnswerFormat format) noexcept;

struct PromptingParams {
  std::string model;                  ///< as the server calls it
  std::filesystem::path prompt_file;  ///< a file or a built-in prompt's name (prompt_text)
  std::filesystem::path refine_file;  ///< the same; empty: no second call
  std::size_t max_pairs = 5;          ///< asked for; more are dropped beyond twice as many
  std::vector<Pair> examples;         ///< of the target task, shown by {{examples}}
  std::size_t context_tokens = 8192;  ///< of the model: prompt and answer
  std::size_t answer_tokens = 1024;   ///< max_tokens of an answer
  double temperature = 0.0;
  double top_p = 1.0;
  std::optional<std::int64_t> seed;  ///< sent when given
  AnswerFormat format = AnswerFormat::tagged;
  std::string extra_json;  ///< an object merged into every request; null removes a key
  KeepParams keep;
};

/// What came back for one request.
struct ModelAnswer {
  std::string failure;  ///< not empty: the body is no usable chat completion
  ModelText text;
  std::optional<std::uint64_t> prompt_tokens, completion_tokens;
};

/// Reads a chat completion. Total: hostile bodies give a failure.
ModelAnswer read_completion(std::string_view body);

class Prompting {
 public:
  /// Reads the files. Throws UsageError for bad prompts, extra_json, bounds, and a prompt that leaves no room for a
  /// document.
  explicit Prompting(const PromptingParams& params);

  /// The messages of the first call; the document is escaped and cut at a sentence's end to what fits.
  std::vector<Message> messages(const Request& request) const;
  std::vector<Message> refine_messages(const Request& request, const std::vector<Pair>& pairs) const;
  bool refines() const noexcept { return refine_.has_value(); }

  /// A request body (JSON). `format` must not be json_probed.
  std::string body(const std::vector<Message>& messages) const;

  /// Reads the pairs of what the model wrote in a call, and in a second one that refined them: where any of the
  /// second's are kept they replace the first's. Applies the keep rules; fills all of the extraction but usage. Reasons
  /// beyond the keep rules': "cut" (an incomplete pair), "surplus", "unparsed" (text without any pair). An answer that
  /// was cut (finish_reason length) keeps its complete pairs; without any it is a failure.
  Extraction judge(const Request& request, std::vector<ModelText> written) const;
  /// The complete pairs alone, unjudged.
  std::vector<Pair> raw_pairs(const ModelText& text) const;

  void set_format(AnswerFormat format);  ///< what probing found
  AnswerFormat pair_format() const noexcept { return params_.format; }
  const PromptingParams& params() const noexcept { return params_; }
  const std::string& question_digest() const noexcept {
    return question_digest_;
  }                                                               ///< of what is asked; not of endpoints
  const std::string& digest() const noexcept { return digest_; }  ///< ... and of how it is judged

 private:
  std::vector<Message> render(const PromptTemplate& prompt, const Request& request,
                              const std::vector<Pair>* pairs) const;
  Extraction judge_one(const Request& request, const ModelText& text) const;
  PromptingParams params_;
  PromptTemplate prompt_;
  std::optional<PromptTemplate> refine_;
  KeepRules rules_;
  std::string extra_;  // the members of extra_json, to be merged
  std::string question_digest_, digest_;
  std::size_t frame_tokens_ = 0;  // of the first call's prompt without a document
};

/// Pairs as the model is to write them in a format.
std::string write_pairs(const std::vector<Pair>& pairs, AnswerFormat format);

}  // namespace equal::extract
