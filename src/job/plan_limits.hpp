// What a plan breaks, and which setting mends it.
#pragma once

#include "equal/job/plan.hpp"

namespace equal::job {

/// The plan without its misfits.
Plan multiply_out(const settings::Settings& settings, const MachineProfile& profile);

/// Fills plan.misfits. Each way out was tried: the plan with it keeps the limit in question.
void find_misfits(const settings::Settings& settings, const MachineProfile& profile, Plan& plan);

}  // namespace equal::job
