// A request to stop: USR1, USR2, TERM or INT, or the time limit. The handler sets one flag; rank 0 acts on it at the
// next safe point. A second INT ends the process at once.
#pragma once

namespace equal::job {

void install_stop_handlers();
/// max_hours: the time limit counted from the first call; 0 = none. Local.
void set_time_limit(double max_hours);
bool stop_requested() noexcept;

}  // namespace equal::job
