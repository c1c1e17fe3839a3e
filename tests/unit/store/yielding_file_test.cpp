#include "yielding_file.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "support/scratch.hpp"

namespace equal::store {
namespace {

namespace fs = std::filesystem;

/// While it lives the process may have so many descriptors only.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t most) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{most, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

std::string content(std::size_t i) { return format("file {:04}", i); }

std::string read(const YieldingFile& file) {
  std::string out(9, '?');
  out.resize(file.read_at(std::as_writable_bytes(std::span(out)), 0));
  return out;
}

TEST(YieldingFile, ManyAreReadWithFewDescriptors) {
  const equal::test::ScratchFolder folder("yielding");
  constexpr std::size_t kFiles = 200;
  for (std::size_t i = 0; i < kFiles; ++i) write_file_atomically(folder / std::to_string(i), content(i));
  const auto before = open_descriptors();
  const FewDescriptors few(64);
  ASSERT_EQ(YieldingFile::most_open(), 16U);
  std::vector<std::unique_ptr<YieldingFile>> files;
  for (std::size_t i = 0; i < kFiles; ++i) files.push_back(std::make_unique<YieldingFile>(folder / std::to_string(i)));
  std::vector<std::thread> threads;
  std::atomic<std::size_t> wrong = 0;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 2000; ++i) {
        const std::size_t file = (i * (2 * t + 3) + t) % kFiles;
        if (read(*files[file]) != content(file)) ++wrong;
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_LE(open_descriptors(), before + 16);
  files.clear();
  EXPECT_EQ(open_descriptors(), before);
}

TEST(YieldingFile, NoticesThatTheFileWasReplacedWhileItWasClosed) {
  const equal::test::ScratchFolder folder("replaced");
  const FewDescriptors few(32);
  write_file_atomically(folder / "a", content(1));
  const YieldingFile file(folder / "a");
  EXPECT_EQ(read(file), content(1));
  write_file_atomically(folder / "a", content(2));
  EXPECT_EQ(read(file), content(1)) << "it is still open";
  std::vector<std::unique_ptr<YieldingFile>> others;
  for (std::size_t i = 0; i < YieldingFile::most_open(); ++i)
    others.push_back(std::make_unique<YieldingFile>(folder / "a"));
  EXPECT_THROW(read(file), DataError);
}

TEST(YieldingFile, IsNamedWhenItIsNotThere) {
  const equal::test::ScratchFolder folder("missing");
  try {
    const YieldingFile file(folder / "none");
    FAIL();
  } catch (const DataError& e) {
    EXPECT_NE(std::string(e.what()).find("none: cannot be opened"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace equal::store
