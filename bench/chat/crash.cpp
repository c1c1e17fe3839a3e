// 5,000 documents at a server that fails a fifth of all requests in every way it can, the client killed (SIGKILL) three
// times. The client is what the job's worker is: extractor, journal, sync before an answer counts. Judged by the
// server's request log.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/store/journal.hpp"

#include "bench_chat.hpp"
#include "support/fake_llm.hpp"

namespace equal::bench {
namespace {

constexpr std::int64_t kDocuments = 5000;
constexpr std::size_t kSlots = 128, kKills = 3;

struct Journalled {
  std::set<std::int64_t> answered;
  std::size_t records = 0;
};

Journalled journalled(const std::filesystem::path& folder) {
  Journalled out;
  store::read_journal(folder, [&](const store::JournalRecord& record) {
    ++out.records;
    out.answered.insert(parse_json(record.json, "journal")["document"].get<std::int64_t>());
  });
  return out;
}

test::Reply faulty(std::int64_t document, std::size_t attempt) {
  RandomStream random(static_cast<std::uint64_t>(document) * 1000 + attempt, "delays");
  return {test::random_fault(document, attempt, 0.2), 0.05 * random.uniform(), 0.02, {}};
}

pid_t start_worker(const std::string& url, const std::filesystem::path& folder) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string(), folder_text = folder.string();
  ::execl(self.c_str(), self.c_str(), "crash-worker", url.c_str(), folder_text.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

}  // namespace

int crash_worker(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) throw UsageError("crash-worker URL FOLDER");
  const std::filesystem::path folder = arguments[1];
  const Journalled before = journalled(folder);
  store::JournalWriter journal(folder, 0, store::next_generation(folder));
  extract::ChatParams params = chat_params(arguments[0], kSlots);
  params.net.request_seconds = 2.0;
  params.net.retry_seconds = 0.02;
  params.net.pool.backoff_seconds = 0.02;
  params.net.max_failures = 12;
  params.net.http.max_body_bytes = 1 << 20;
  extract::ChatExtractor extractor(params);
  std::int64_t next = 0;
  std::size_t held = 0, failed = 0;
  std::ofstream reasons(folder / "failures");  // of this life
  while (next < kDocuments || held > 0) {
    for (; next < kDocuments && held < extractor.slots(); ++next) {
      if (before.answered.count(next) != 0) continue;
      extractor.submit(request_of(next));
      ++held;
    }
    for (const extract::Extraction& extraction : extractor.poll(0.5)) {
      --held;
      if (!extraction.failure.empty()) {
        ++failed;
        reasons << dump_json({{"document", extraction.document}, {"failure", extraction.failure}}) << '\n';
        continue;
      }
      journal.append(dump_json({{"document", extraction.document}, {"pairs", extraction.pairs.size()}}));
    }
    journal.sync_if_due();
  }
  journal.sync();
  return failed == 0 ? 0 : 3;
}

int crash(const std::vector<std::string>& /*arguments*/) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / format("equal-bench-chat-{}", ::getpid());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  // What the journal held when each life of the client began: a request for one of these is paid twice.
  std::mutex mutex;
  std::set<std::int64_t> durable, paid_in_life;  // paid: the last request got, or was about to get, a usable answer
  std::size_t paid_twice = 0, requests = 0;
  test::FakeLlmParams server_params;
  server_params.log_path = (folder / "requests.log").string();
  server_params.script = [&](std::int64_t document, std::size_t attempt, const std::string&) {
    const std::lock_guard lock(mutex);
    ++requests;
    paid_twice += durable.count(document);
    const test::Reply reply = faulty(document, attempt);
    if (test::is_usable(reply.fault)) {
      paid_in_life.insert(document);
    } else {
      paid_in_life.erase(document);
    }
    return reply;
  };
  const test::FakeLlm server(server_params);
  std::size_t lost_in_flight = 0, most_lost = 0, kills = 0;
  int status = 0;
  while (true) {
    const pid_t pid = start_worker(server.url(), folder / "journal");
    if (kills < kKills) {
      const std::uint64_t until = 1500 * (kills + 1);
      while (server.completions() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ::kill(pid, SIGKILL);
    }
    ::waitpid(pid, &status, 0);
    const Journalled now = journalled(folder / "journal");
    const std::lock_guard lock(mutex);
    if (kills < kKills) {
      std::size_t lost = 0;
      for (const std::int64_t document : paid_in_life) lost += now.answered.count(document) == 0;
      lost_in_flight += lost;
      most_lost = std::max(most_lost, lost);
      ++kills;
      durable = now.answered;
      paid_in_life.clear();
      continue;
    }
    // Documents without a record after the last life must be failures that it reported.
    const std::size_t unanswered = static_cast<std::size_t>(kDocuments) - now.answered.size();
    std::istringstream reasons(read_file(folder / "journal" / "failures"));
    std::set<std::int64_t> reported;
    for (std::string line; std::getline(reasons, line);)
      reported.insert(parse_json(line, "failures")["document"].get<std::int64_t>());
    std::cout << dump_json({{"documents", kDocuments},
                            {"requests", requests},
                            {"answered", now.answered.size()},
                            {"records", now.records},
                            {"reported", reported.size()},
                            {"lost", unanswered - std::min(unanswered, reported.size())},
                            {"kills", kills},
                            {"slots", kSlots},
                            {"lost_in_flight", lost_in_flight},
                            {"most_lost_in_a_kill", most_lost},
                            {"paid_twice", paid_twice},
                            {"exit_status", WIFEXITED(status) ? WEXITSTATUS(status) : -1}})
              << std::endl;
    break;
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace equal::bench
