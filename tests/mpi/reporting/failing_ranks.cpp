// Fails on every rank on purpose: CTest looks for what is reported of it (CMakeLists.txt beside this file).
#include <gtest/gtest.h>

#include "support/world.hpp"

TEST(Reporting, NamesTestAndRankOfAFailure) { EXPECT_EQ(equal::test::world().rank(), -1) << "on purpose"; }
