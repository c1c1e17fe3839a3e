// main() of tests that run on several ranks: every rank's failures are printed by rank 0, marked with the rank, and the
// exit status is the maximum over the ranks. Listing the tests starts no MPI.
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "support/world.hpp"

namespace equal::test {
namespace {

comm::Communicator* g_world = nullptr;

/// Collects this rank's failures instead of printing them.
class FailureCollector final : public testing::EmptyTestEventListener {
 public:
  std::string text() const { return out_.str(); }

 private:
  void OnTestStart(const testing::TestInfo& info) override {
    test_ = std::string(info.test_suite_name()) + '.' + info.name();
  }
  // gtest reports a failure under a lock that its current_test_info() takes too: asking it here would never return.
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    out_ << test_ << ' ' << (result.file_name() == nullptr ? "" : result.file_name()) << ':' << result.line_number()
         << '\n'
         << result.message() << '\n';
  }
  void OnTestEnd(const testing::TestInfo&) override { test_ = "outside of a test"; }
  std::string test_ = "outside of a test";
  std::ostringstream out_;
};

int run_all(comm::Communicator& world) {
  g_world = &world;
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (!world.is_root()) delete listeners.Release(listeners.default_result_printer());
  auto* collector = new FailureCollector;
  listeners.Append(collector);  // gtest owns it
  std::uint64_t status = RUN_ALL_TESTS() == 0 ? 0 : 1;
  const auto failures = world.gather(collector->text(), 0);
  for (std::size_t r = 1; r < failures.size(); ++r) {
    if (!failures[r].empty()) std::printf("[rank %zu] %s", r, failures[r].c_str());
  }
  world.max(std::span<std::uint64_t>(&status, 1));
  return static_cast<int>(status);
}

}  // namespace

comm::Communicator& world() { return *g_world; }

}  // namespace equal::test

int main(int argc, char** argv) {
  bool listing = false;
  for (int i = 1; i < argc; ++i) listing = listing || std::string_view(argv[i]) == "--gtest_list_tests";
  testing::InitGoogleTest(&argc, argv);
  if (listing) return RUN_ALL_TESTS();
  return equal::comm::with_mpi(argc, argv, &equal::test::run_all);
}
