#include "equal/comm/communicator.hpp"

#include "commands.hpp"

int main(int argc, char** argv) {
  return equal::comm::with_mpi(argc, argv, [&](equal::comm::Communicator& world) {
    return equal::cli::run_command(world, {argv + 1, argv + argc});
  });
}
