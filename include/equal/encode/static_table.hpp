// A table with one row per feature, the model behind the static encoders `lsa` and `distil`.
// On disk: docs/formats/encoder.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "equal/encode/encoder.hpp"
#include "equal/linalg/float16.hpp"

namespace equal::encode {

/// What turns a text into features.
enum class TokenKind : std::uint32_t {
  hashed_words = 1,  ///< the top feature_bits bits of text::append_word_hashes
  word_pieces = 2    ///< token ids of the WordPiece tokenizer kept in `tokenizer`
};

/// What f occurrences of a feature count.
enum class Frequency : std::uint32_t {
  linear = 1,       ///< f
  logarithmic = 2,  ///< 1 + ln f
  saturating = 3    ///< 2.2 f / (f + 1.2): BM25's rule with k1 = 1.2 and b = 0, at most 2.2
};

/// What `f` occurrences count under `rule`; 0 for f = 0.
double frequency_weight(Frequency rule, double f) noexcept;

struct StaticTable {
  TokenKind tokens = TokenKind::hashed_words;
  Frequency frequency = Frequency::logarithmic;
  unsigned feature_bits = 18;           ///< features are below 2^feature_bits; 1 .. 24
  std::size_t dim = 0;                  ///< 1 .. 4096
  std::string tokenizer;                ///< word_pieces: wordpiece_to_text() of distil.hpp; else empty
  std::string origin;                   ///< one line for people: what made the table, from what
  std::vector<std::uint32_t> features;  ///< ascending; features that are not listed have no row and count nothing
  std::vector<linalg::float16> values;  ///< (features.size(), dim); the weight of a feature (idf) is in its row
};

/// vector(text) = unit(sum over its features of frequency(f) * row). float32 sums in the order of first occurrence: the
/// bits depend on the text alone, and are the same on every CPU. Both roles encode alike. Memory: the table and 4 bytes
/// for each of the 2^feature_bits features. Throws DataError when the table contradicts its own description.
std::unique_ptr<Encoder> make_static_table(StaticTable table);

/// Appends the features of a text, each below 2^feature_bits, one for each occurrence. Called from several threads at
/// once.
using FeatureSource = std::function<void(std::string_view text, std::vector<std::uint64_t>& features)>;

/// What make_static_table(table) uses: hashed words, or the tokens of table.tokenizer. Throws DataError.
FeatureSource feature_source(const StaticTable& table);

/// The same for a table of another kind of tokens than hashed words: `features` must be what `table.tokenizer`
/// describes.
std::unique_ptr<Encoder> make_static_table(StaticTable table, FeatureSource features);

/// Writes `folder`/table.bin under a temporary name and renames it. Returns the SHA-256 that ends the file.
std::string save_static_table(const StaticTable& table, const std::filesystem::path& folder);

/// Reads what save_static_table wrote. The file is hostile until checked: sizes against the file's length before
/// anything is allocated, then the digest, then order and range of the features and that every value is finite. Throws
/// DataError.
StaticTable load_static_table(const std::filesystem::path& folder);

/// Throws DataError where load_static_table would by the first bytes and the length alone: a file that is cut, foreign
/// or missing, not one whose values are damaged.
void check_static_table(const std::filesystem::path& folder);

/// SHA-256 of the bytes that save_static_table would write: the digest of the encoder.
std::string static_table_digest(const StaticTable& table);

}  // namespace equal::encode
