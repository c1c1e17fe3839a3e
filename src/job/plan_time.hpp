// Time of each stage of a plan.
#pragma once

#include "equal/job/plan.hpp"

namespace equal::job {

inline bool pools(const settings::Settings& s) { return s.policy == "pooled" || s.policy == "thompson"; }
inline bool fits_table(const settings::Settings& s) { return s.encoder == "static" && s.encoder_table == "lsa"; }

/// Fills stages. REQUIRES: everything else of the plan but its misfits.
void plan_stages(const settings::Settings& settings, const MachineProfile& profile, Plan& plan);

}  // namespace equal::job
