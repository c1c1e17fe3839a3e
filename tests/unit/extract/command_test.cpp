#include "equal/extract/command.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"

#include "support/fake_llm.hpp"
#include "support/scratch.hpp"

namespace equal::extract {
namespace {

using test::FakeLlm;
using test::ScratchFolder;
using ::testing::HasSubstr;

/// A program that answers a batch file: two pairs a document, from the document's own numbers. Documents divisible by
/// `skip` get no line; those divisible by 7 an error, 13 no body, 17 a refusal.
constexpr const char* kAnswerer = R"(
import json, re, sys
out = open(sys.argv[2], "w")
skip = int(sys.argv[3])
for line in open(sys.argv[1]):
    request = json.loads(line)
    assert request["method"] == "POST" and request["url"] == "/v1/chat/completions"
    text = request["body"]["messages"][-1]["content"]
    d = int(re.search(r"\[\[doc (\d+)\]\]", text).group(1))
    if d % skip == 0: continue
    if d % 7 == 0:
        print(json.dumps({"custom_id": request["custom_id"], "response": None, "error": {"message": "too hot"}}), file=out)
        continue
    if d in (13, 17):
        response = {"status_code": 200} if d == 13 else {"status_code": 429, "body": {"error": "slow down"}}
        print(json.dumps({"custom_id": request["custom_id"], "response": response}), file=out)
        continue
    content = f"<pair><question>What is the altitude of station {d}?</question><answer>Its altitude is {3 * d + 7} metres.</answer></pair>"
    body = {"choices": [{"finish_reason": "stop", "message": {"content": content}}], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}
    line = json.dumps({"custom_id": request["custom_id"], "response": {"status_code": 200, "body": body}, "error": None})
    print(line, file=out)
    print(line, file=out)  # said twice
    print("not json", file=out)
)";

CommandParams params_for(const ScratchFolder& scratch, const std::string& command) {
  CommandParams params;
  const char* source = std::getenv("EQUAL_SOURCE_DIR");
  params.prompting.prompt_file =
      std::filesystem::path(source == nullptr ? "." : source) / "configs" / "prompts" / "extract.txt";
  params.command = command;
  params.folder = scratch / "it's a folder";
  params.batch = 16;
  params.gather_seconds = 0.02;
  return params;
}

std::map<std::uint64_t, Extraction> run_command(Extractor& extractor, std::int64_t count) {
  std::map<std::uint64_t, Extraction> out;
  std::size_t held = 0;
  for (std::int64_t next = 0; next < count || held > 0;) {
    while (next < count && held < extractor.slots()) {
      extractor.submit({static_cast<std::uint64_t>(next), "", FakeLlm::document_text(next), {}});
      ++next;
      ++held;
    }
    for (Extraction& extraction : extractor.poll(1.0)) {
      --held;
      const std::uint64_t document = extraction.document;
      EXPECT_TRUE(out.emplace(document, std::move(extraction)).second);
    }
  }
  return out;
}

TEST(Command, EveryDocumentIsAnsweredOrHasItsReason) {
  const ScratchFolder scratch("command");
  write_file_atomically(scratch / "answer.py", kAnswerer);
  const auto extractor =
      make_command(params_for(scratch, "python3 " + (scratch / "answer.py").string() + " {input} {output} 11"));
  const auto got = run_command(*extractor, 70);
  ASSERT_EQ(got.size(), 70U);
  for (const auto& [document, extraction] : got) {
    if (document % 11 == 0) {
      EXPECT_EQ(extraction.failure, "no answer in the batch output");
    } else if (document % 7 == 0) {
      EXPECT_THAT(extraction.failure, HasSubstr("too hot"));
    } else if (document == 13) {
      EXPECT_THAT(extraction.failure, HasSubstr("its line has no response"));
    } else if (document == 17) {
      EXPECT_THAT(extraction.failure, HasSubstr("status 429"));
    } else {
      EXPECT_EQ(extraction.failure, "");
      EXPECT_EQ(extraction.pairs.at(0).answer, FakeLlm::answer(static_cast<std::int64_t>(document), 0));
      EXPECT_EQ(extraction.usage.calls, 1U);
      EXPECT_EQ(extraction.usage.completion_tokens, 5U);
    }
  }
}

TEST(Command, FilesGoWhenAllIsAnswered) {
  const ScratchFolder scratch("command_files");
  write_file_atomically(scratch / "answer.py", kAnswerer);
  CommandParams params = params_for(scratch, "python3 " + (scratch / "answer.py").string() + " {input} {output} 1000");
  const auto extractor = make_command(params);
  extractor->submit({1, "", FakeLlm::document_text(1), {}});
  std::vector<Extraction> got;
  while (got.empty()) got = extractor->poll(1.0);
  EXPECT_EQ(got[0].failure, "");
  EXPECT_TRUE(std::filesystem::is_empty(params.folder));
}

TEST(Command, WhatAnEarlierRunHasWrittenIsTakenUpAndItsOrphanIsEnded) {
  const ScratchFolder scratch("command_killed");
  write_file_atomically(scratch / "answer.py", kAnswerer);
  CommandParams params =
      params_for(scratch, "python3 " + (scratch / "answer.py").string() + " {input} {output} 4; sleep 99");
  params.folder = scratch / "batches" / "rank-1";
  params.earlier = scratch / "batches";
  const auto names = [&](const char* ending) {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(params.earlier)) {
      if (entry.path().string().ends_with(ending)) out.push_back(entry.path());
    }
    return out;
  };
  // A process that is killed while its command runs: three of four documents are answered by then.
  const pid_t killed = ::fork();
  if (killed == 0) {
    const auto extractor = make_command(params);
    for (std::int64_t d = 1; d <= 4; ++d)
      extractor->submit({static_cast<std::uint64_t>(d), "", FakeLlm::document_text(d), {}});
    while (true) extractor->poll(1.0);
  }
  const auto lines = [&] {
    const auto outputs =
        std::filesystem::exists(params.folder) ? names(".output.jsonl") : std::vector<std::filesystem::path>{};
    const std::string text = outputs.empty() ? "" : read_file(outputs[0]);
    return std::count(text.begin(), text.end(), '\n');
  };
  for (int i = 0; i < 200 && lines() < 9; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ::kill(killed, SIGKILL);
  siginfo_t end{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(killed), &end, WEXITED | WNOWAIT), 0);  // it stays a zombie
  ASSERT_EQ(names(".running").size(), 1U);
  std::string host;
  pid_t orphan = 0;
  std::ifstream(names(".running")[0]) >> host >> orphan;
  ASSERT_EQ(::kill(orphan, 0), 0) << "the command still runs";

  params.folder = scratch / "batches" / "rank-2";
  params.command = "python3 " + (scratch / "answer.py").string() +
                   " {input} {output} 1000; grep -c custom_id {input} >>" + (scratch / "asked").string();
  const auto extractor = make_command(params);
  const auto got = run_command(*extractor, 5);  // documents 0 to 4
  for (const auto& [document, extraction] : got)
    EXPECT_EQ(extraction.failure.empty(), document != 0) << document << ": " << extraction.failure;  // 0 is its 7 x 0
  EXPECT_EQ(got.at(3).usage.completion_tokens, 5U);
  EXPECT_EQ(read_file(scratch / "asked"), "2\n") << "0 and 4 were asked, nothing else";
  for (int i = 0; i < 100 && ::kill(orphan, 0) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_NE(::kill(orphan, 0), 0) << "the command of the killed run goes on";
  ::waitpid(killed, nullptr, 0);
}

TEST(Command, OneThatFailsTwiceEndsTheRunWithItsLog) {
  const ScratchFolder scratch("command_fails");
  const auto extractor = make_command(params_for(scratch, "echo no such model >&2; exit 3 # {input} {output}"));
  try {
    run_command(*extractor, 64);
    ADD_FAILURE() << "no error";
  } catch (const EnvironmentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("exited with status 3"));
    EXPECT_THAT(error.what(), HasSubstr("no such model"));
  }
}

TEST(Command, OneThatHangsIsEnded) {
  const ScratchFolder scratch("command_hangs");
  CommandParams params = params_for(scratch, "sleep 100 # {input} {output}");
  params.timeout_seconds = 0.1;
  const auto extractor = make_command(params);
  const auto got = run_command(*extractor, 1);
  EXPECT_THAT(got.at(0).failure, HasSubstr("was ended"));
}

TEST(Command, BadParametersAreUsageErrors) {
  const ScratchFolder scratch("command_bad");
  EXPECT_THROW(make_command(params_for(scratch, "true {input}")), UsageError);
  CommandParams probed = params_for(scratch, "true {input} {output}");
  probed.prompting.format = AnswerFormat::json_probed;
  EXPECT_THROW(make_command(probed), UsageError);
}

}  // namespace
}  // namespace equal::extract
