// Memory of a rank by component, stage by stage.
#pragma once

#include "equal/job/plan.hpp"

namespace equal::job {

/// Fills plan.peaks and plan.node_memory; the other figures are there already.
void plan_memory(const settings::Settings& settings, const MachineProfile& profile, Plan& plan);

}  // namespace equal::job
