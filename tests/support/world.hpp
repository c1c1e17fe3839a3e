// The communicator of a test that runs on several ranks. Do not ASSERT on one rank alone before a collective.
#pragma once

#include "equal/comm/communicator.hpp"

namespace equal::test {

comm::Communicator& world();

}  // namespace equal::test
