// fuzz_replay NAME FOLDER...: every file of the folders through a fuzz target, in an ordinary build.
#include <algorithm>
#include <iostream>
#include <vector>

#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

#include "target.hpp"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  equal::log::configure("off", 0, 1);
  const auto found = equal::fuzz::targets().find(argc > 1 ? argv[1] : "");
  if (found == equal::fuzz::targets().end()) {
    std::cerr << "usage: fuzz_replay NAME FOLDER...; names:";
    for (const auto& [name, unused] : equal::fuzz::targets()) std::cerr << ' ' << name;
    std::cerr << '\n';
    return 1;
  }
  std::vector<fs::path> files;
  for (int i = 2; i < argc; ++i) {
    for (const auto& entry : fs::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::cout << file.string() << std::endl;  // before it runs: the last line names what crashed
    found->second(equal::read_file(file));
  }
  if (files.empty()) std::cerr << "no seeds\n";
  return files.empty() ? 1 : 0;
}
