// The sections of report.html that show arms and what was found in them. Local.
#pragma once

#include "equal/base/json.hpp"

#include "report_data.hpp"
#include "report_view.hpp"

namespace equal::job {

/// Arms and guide items on a plane, with beginnings of some documents of each arm.
Json arms_on_map(ReportView& v, const ReportGuide& guide);

/// Arms with their best documents and the pairs of these.
struct ArmExamples {
  std::size_t asked_arms = 0;
  Json best = Json::array();   ///< most reward in all
  Json worst = Json::array();  ///< least reward a document, of the others that were asked
};
ArmExamples arm_examples(ReportView& v);

/// The pairs with the most credit, one a document.
Json best_pairs(const ReportView& v);

}  // namespace equal::job
