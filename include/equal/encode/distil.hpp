// `distil`: a static table from a transformer. Each WordPiece token is encoded by itself once; a text is then the
// weighted sum of its tokens' rows: most of the transformer's knowledge of words, none of its reading, at the speed of
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/encode/encoder.hpp"
#include "equal/encode/lsa.hpp"
#include "equal/encode/static_table.hpp"
#include "equal/text/wordpiece.hpp"

namespace equal::encode {

struct DistilParams {
  std::size_t dim = 256;                        ///< principal components kept, at most the teacher's dim; 1 .. 4096
  Frequency frequency = Frequency::saturating;  ///< what repetitions of a token in a document count
  double whitening = 0.5;                       ///< 0: components weigh as in the vocabulary; 1: all alike
  double residual = 1.0;                        ///< weight of random signs that tell tokens apart; 0: none
  std::uint64_t seed = 0;                       ///< of the signs
};

/// Row of a token: weight (P x / c + residual R): x the teacher's vector less the mean of all (what all words share
/// tells nothing), P the principal components, c their root mean square length, R signs / sqrt(dim). As in lsa.hpp, R
/// keeps what the components cannot: which word it was. No row for special tokens and "[unused...]". weights: one per
/// token, >= 0 (0: no row), as corpus_weights() gives them; empty: ln(1 + id), since BERT's vocabularies are sorted by
/// falling frequency (Zipf's law; van Dongen and Tulkens, Model2Vec, 2024). Local: make it on one rank, save, load on
/// the others. The same bits for any number of threads. A continuing piece
/// ("##ing") is given to the teacher as the text "ing". Throws UsageError on params or weights that do not fit.
StaticTable distil(Encoder& teacher, const text::WordPieceModel& vocabulary, std::span<const double> weights,
                   const DistilParams& params, ThreadPool& pool);

/// Collective. For distil(): idf, as in lsa.hpp, of every token over the `fit_sample` (1 .. 2^24) documents of lowest
/// keyed hash; the same on all ranks and for any number of them.
std::vector<double> corpus_weights(comm::Communicator& comm, TextSource& source, const text::WordPieceModel& vocabulary,
                                   std::uint64_t fit_sample, std::uint64_t seed, ThreadPool& pool);

/// What StaticTable::tokenizer holds for TokenKind::word_pieces: the model as one JSON text, and back. Parsing throws
/// DataError.
std::string wordpiece_to_text(const text::WordPieceModel& model);
text::WordPieceModel wordpiece_from_text(std::string_view text);

}  // namespace equal::encode
