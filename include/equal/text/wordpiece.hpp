// WordPiece tokens of BERT models: the ids that Hugging Face `tokenizers` gives, at many times its speed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "equal/text/bert_characters.hpp"

namespace equal::text {

using TokenId = std::uint32_t;

/// Everything that decides the ids.
struct WordPieceModel {
  std::vector<std::string> vocabulary;  ///< token of each id; "" where an id has none
  BertNormalizing normalizing;
  std::string unknown = "[UNK]", classify = "[CLS]", separate = "[SEP]";
  std::string continuing_prefix = "##";
  std::size_t max_characters_per_word = 100;  ///< longer words are unknown
  /// Tokens that are recognised in the text before it is normalised, the longest first.
  std::vector<std::string> special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
};

/// Reads `folder`/tokenizer.json, or else vocab.txt and tokenizer_config.json. Throws DataError naming file and key for
/// what is no WordPiece model with BERT's normaliser.
WordPieceModel load_wordpiece(const std::filesystem::path& folder);

/// Immutable and safe to share between threads after construction.
class WordPiece {
 public:
  /// Throws DataError when unknown, classify or separate is no token, or a token occurs twice.
  explicit WordPiece(WordPieceModel model);
  ~WordPiece();
  WordPiece(WordPiece&&) noexcept;

  /// Appends the ids of `text` (UTF-8; malformed bytes count as U+FFFD) without [CLS] and [SEP], stopping after
  /// `max_ids`. Cost: one pass; about 10 ns an English word.
  void append_ids(std::string_view text, std::vector<TokenId>& ids,
                  std::size_t max_ids = std::numeric_limits<std::size_t>::max()) const;

  std::size_t vocabulary_size() const noexcept;
  std::string_view token(TokenId id) const noexcept;  ///< REQUIRES: id < vocabulary_size()
  TokenId unknown() const noexcept;
  TokenId classify() const noexcept;
  TokenId separate() const noexcept;
  const WordPieceModel& model() const noexcept;

  struct Impl;

 private:
  std::unique_ptr<const Impl> impl_;
};

}  // namespace equal::text
