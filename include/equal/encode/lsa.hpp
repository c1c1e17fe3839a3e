// Latent semantic analysis: the table of the default `static` encoder, fitted to a sample of the corpus.
//
// A (documents, features): frequency(tf) idf, rows of unit length, idf = ln(1 + (n - df + 1/2) / (df + 1/2)) over the
// sample (Robertson and Zaragoza 2009, eq. 3.3, kept positive). A = U S V^T by randomised subspace iteration (Halko,
// Martinsson, Tropp 2011, algorithm 4.4). The row of a word is idf (V S^-whitening / c + residual (R - V V^T R)): its
// place in the main directions, and a random projection R of what these leave out, so that rare words are not lost. c
// makes both parts about as long as the document. docs/algorithms/lsa.md has the reasons and figures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/encode/static_table.hpp"

namespace equal::encode {

struct LsaParams {
  std::size_t dim = 256;               ///< 1 .. 2048; more keeps more of the words, at proportional cost
  unsigned feature_bits = 18;          ///< words are hashed to 2^feature_bits features; 8 .. 20
  std::uint64_t fit_sample = 262'144;  ///< documents fitted on, 1 .. 2^24; those of lowest keyed hash of their digest
  std::uint64_t seed = 0;              ///< of the sample and of the starting directions
  std::size_t oversample = 16;         ///< directions beyond dim during the iteration
  std::size_t power_iterations = 3;    ///< 0 .. 16; more separates close singular values better
  std::uint64_t min_documents =
      2;  ///< features in fewer sampled documents are dropped: they relate nothing to anything
  Frequency frequency = Frequency::saturating;  ///< what repetitions of a word in a document count
  double whitening = 0.5;                       ///< 0: singular directions weigh as in the corpus; 1: all alike
  double residual = 0.5;  ///< weight of a random projection of what the directions leave out; 0: none
};

/// The documents of this rank, in blocks of any size. Calls come from one thread.
class TextSource {
 public:
  virtual ~TextSource() = default;
  virtual std::size_t blocks() const = 0;
  /// One digest per document of the block.
  virtual std::vector<Digest128> digests(std::size_t block) = 0;
  /// One text per document of the block, same order; valid until the next call.
  virtual std::vector<std::string_view> texts(std::size_t block) = 0;
};

struct LsaModel {
  StaticTable table;
  std::vector<double> singular_values;  ///< (dim) descending; zeros where the sample has fewer directions
  std::uint64_t documents = 0;          ///< sampled
};

/// Collective. The same model, bit for bit, on any number of ranks and threads and for any order of the documents: what
/// a document adds is rounded by itself and summed in int64, the small eigenproblem is solved on rank 0. The values of
/// the table are rank 0's, all else is on all ranks. Two passes over digests, one over the texts of blocks that hold a
/// sampled document. Memory per rank with documents, F features kept, L = dim + oversample: 8 bytes per distinct word
/// of its sampled documents, 4 F L for the directions, 128 F per thread and twice that for what travels. No
/// document at all gives an empty table (all vectors zero). Throws UsageError on params out of range. Texts are
/// expected to be pieces of bounded length (`ingest.max_words`).
LsaModel fit_lsa(comm::Communicator& comm, TextSource& source, const LsaParams& params, ThreadPool& pool);

}  // namespace equal::encode
