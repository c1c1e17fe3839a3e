// Failing file operations for tests, in the manner of LevelDB's fault_injection_test, without a hook in the program:
// the functions of the C library are replaced at link time. Two forms of the same source:
//   equal_test_faults    linked into a test binary, steered by set_faults()
//   equal_fault_preload  a shared library for whole runs: LD_PRELOAD=... EQUAL_FAULT=<plan> equal run ...
//
// A plan is "<operation>:<n>:<effect>[:<part of the path>]"; it acts from the n-th (1-based) matching call on.
//   operation  write (write, pwrite), sync (fsync, fdatasync), rename, truncate, read (read, pread); persist (write and
//   sync) effect     EIO, ENOSPC, EDQUOT: the call fails so, a write after half of its bytes (as a disk that runs full
//   does)
//              SHORT: writes and reads do half of what was asked (at least a byte) and say so
//              KILL: SIGKILL to this process, a write after half of its bytes
//              SKIP: nothing is done and success is reported (what persistence costs is the difference)
// Path parts may be several, with commas between. Without one every file is meant but standard output and error.
#pragma once

#include <string>

namespace equal::test {

/// Replaces the plan; empty: no faults. Throws std::invalid_argument on a wrong plan. Counts start anew.
void set_faults(const std::string& plan);

/// How many calls of the plan's operation matched so far, the failed ones included.
long matched_calls();

/// Sets a plan for a scope.
class Faults {
 public:
  explicit Faults(const std::string& plan) { set_faults(plan); }
  ~Faults() { set_faults(""); }
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;
};

}  // namespace equal::test
