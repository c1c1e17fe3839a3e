#include "equal/base/files.hpp"

#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"

#include "support/scratch.hpp"

namespace equal {
namespace {

TEST(Files, AppearsWholeAndLeavesNoTemporary) {
  const test::ScratchFolder folder("files");
  const auto path = folder / "a.json";
  write_file_atomically(path, "one");
  write_file_atomically(path, "two");
  EXPECT_EQ(read_file(path), "two");
  EXPECT_FALSE(std::filesystem::exists(temporary_name(path)));
}

TEST(Files, ErrorsNameTheFile) {
  const test::ScratchFolder folder("files_errors");
  try {
    write_file_atomically(folder / "missing/a.json", "x");
    FAIL() << "a missing folder was accepted";
  } catch (const EnvironmentError& e) {
    EXPECT_NE(std::string(e.what()).find("missing/a.json"), std::string::npos) << e.what();
  }
  write_file_atomically(folder / "big", std::string(100, 'x'));
  EXPECT_THROW(read_file(folder / "big", 99), DataError);
  EXPECT_THROW(read_file(folder / "none"), DataError);
}

TEST(Files, FullDiskIsNamedWithTheMissingBytes) {
  std::ofstream probe("/dev/full");
  if (!probe) GTEST_SKIP() << "no /dev/full on this system";
  const FileDescriptor fd(::open("/dev/full", O_WRONLY));
  try {
    write_all(fd.get(), std::string(2048, 'x'), "/dev/full");
    FAIL() << "a full disk was accepted";
  } catch (const EnvironmentError& e) {
    EXPECT_NE(std::string(e.what()).find("2.0 KiB more"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace equal
