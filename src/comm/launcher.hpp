// What started this rank, when it must be ended too.
#pragma once

namespace equal::comm {

/// For a rank that is about to end because another is lost. Open MPI's mpirun waits without end for its daemon behind a
/// cut link, and the daemon for mpirun. This leaves a small process behind that ends the one which started this rank
/// (mpirun, or orted on other hosts; nothing else is ever touched) if it still runs after `seconds`: by TERM, two
/// seconds later by KILL. Where it ends by itself nothing happens. Needs Linux 5.3; errors are ignored.
void end_launcher_after(double seconds);

}  // namespace equal::comm
