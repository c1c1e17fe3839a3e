// A shell command that runs beside us.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace equal::extract {

/// In a process group of its own, its output in a log file. Ended with its group by the destructor if it still runs.
class Child {
 public:
  /// `mark`: a file that names host, process and parent while the command runs, for end_orphan(). Throws
  /// EnvironmentError.
  Child(const std::string& command, const std::filesystem::path& log, std::filesystem::path mark);
  ~Child() { stop(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// How it ended ("" for success), or nothing while it runs.
  std::optional<std::string> ended();
  void stop();

 private:
  int pid_ = -1;
  std::filesystem::path mark_;
};

/// Ends the command that a process which is gone left running: the mark is of this host, its parent lives no more, and
/// the words of the process that it names hold `argument`. True when there was one to end.
bool end_orphan(const std::filesystem::path& mark, const std::string& argument);

}  // namespace equal::extract
