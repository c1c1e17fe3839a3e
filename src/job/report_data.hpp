// Everything that report.html shows, gathered from a workspace. Local.
#pragma once

#include "equal/base/json.hpp"
#include "equal/job/job.hpp"
#include "equal/linalg/matrix.hpp"

#include "reference.hpp"

namespace equal::job {

/// The guide as the report shows it; empty where the reference cannot be read any more.
struct ReportGuide {
  Reference reference;
  linalg::Matrix<float> vectors;  ///< (guide items, dim)
};

/// The fields are those that src/report/page/report.js reads (docs/report.md). Works on a run at any point after
/// `cluster`. Throws UsageError when the workspace has not come that far.
Json report_data(const Workspace& workspace, const ReportGuide& guide);

}  // namespace equal::job
