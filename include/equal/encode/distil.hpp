// `distil`: a static table from a transformer. Each WordPiece token is encoded by itself once; a text is then the
// weighted sum of its tokens' rows: most of the transformer's knowledge of words, none of its reading, at the speed of
// memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "equal/base/thread_pool.hpp"
#include "equal/encode/encoder.hpp"
#include "equal/encode/static_table.hpp"
#include "equal/text/wordpiece.hpp"

namespace equal::encode {

struct DistilParams {
  std::size_t dim =
      256;  ///< at most this many principal components of the tokens' vectors; the teacher's dim where that is less
  double whitening = 0.0;  ///< 0: components weigh as in the vocabulary; 1: all alike
};

/// The rows of `teacher`'s vectors for every token of `vocabulary` but the special ones and "[unused...]": their mean
/// removed (what all words share tells nothing), projected on their principal components, times `weights` of the token.
/// weights: one per token, >= 0 (0: no row), for example idf over a corpus; empty: ln(1 + id), since BERT's
/// vocabularies are sorted by falling frequency (Zipf's law; van Dongen and Tulkens, Model2Vec, 2024). Local: fit on
/// one rank, save, load on the others. The same bits for any number of threads. A continuing piece ("##ing") is given
/// to the teacher as the text "ing". Throws UsageError on params or weights that do not fit.
StaticTable distil(Encoder& teacher, const text::WordPieceModel& vocabulary, std::span<const double> weights,
                   const DistilParams& params, ThreadPool& pool);

/// What StaticTable::tokenizer holds for TokenKind::word_pieces: the model as one JSON text, and back. Parsing throws
/// DataError.
std::string wordpiece_to_text(const text::WordPieceModel& model);
text::WordPieceModel wordpiece_from_text(std::string_view text);

}  // namespace equal::encode
