// The contrastive loss (van den Oord, Li, Vinyals 2018, eq. 4): a document recognises its pair among the candidates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::contrast {

struct InfoNceParams {
  double temperature = 0.02;
  /// Share of the opposite direction, pair -> document, in the loss: 0 as published, 0.5 both alike.
  double backward_share = 0.0;
};

/// A candidate is a pair of text `text` from document `document` (numbers of the caller).
struct Candidate {
  std::uint64_t document = 0, text = 0;
};

/// L = mean over queries i of -log( e^{s_ii/tau} / sum_j e^{s_ij/tau} ), s = query . candidate; the positive of query i
/// is candidate i, candidates beyond are hard negatives. Left out of a query's sum: other candidates of its own
/// document, and those with the text of its positive. queries (n,d), candidates (m >= n, d): unit rows. Returns the
/// loss and writes dL/dqueries and dL/dcandidates. Sums in double, except the similarities. Local.
double info_nce(linalg::MatrixView<const float> queries, linalg::MatrixView<const float> candidates,
                std::span<const Candidate> names, const InfoNceParams& params, linalg::MatrixView<float> query_grad,
                linalg::MatrixView<float> candidate_grad);

}  // namespace equal::contrast
