#include <set>

#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/settings/parse.hpp"

#include "support/message.hpp"
#include "support/scratch.hpp"

namespace equal::settings {
namespace {

TEST(ParameterTable, EachRowIsWholeAndItsDefaultIsAllowed) {
  std::set<std::string> names;
  for (const auto& p : parameters()) {
    EXPECT_TRUE(names.insert(p.name).second) << p.name << " is there twice";
    EXPECT_NE(p.name.find('.'), std::string::npos) << p.name;
    EXPECT_TRUE(p.help.ends_with('.')) << p.name;
    EXPECT_NE(help_of_stage(p.stage).find("--" + p.name), std::string::npos) << p.name;
  }
  const Settings s = defaults();  // throws if a default is out of range
  for (const auto& p : parameters()) {
    Settings again = s;
    set_value(p, again, value_text(p, s), "test");
    EXPECT_EQ(again, s) << p.name << " does not survive being written and read";
  }
}

TEST(Ini, RoundTrip) {
  const test::ScratchFolder folder("ini");
  Settings s = defaults();
  s.inputs = {"a.jsonl", "b.jsonl.gz"};
  s.cluster_k = 173;
  s.cluster_tolerance = 0.125;
  s.append = true;
  s.encoder_query_prefix = "query: ";  // lost its blank
  s.encoder_document_prefix = "\"quoted\"";
  write_file_atomically(folder / "a.ini", to_ini(s));
  Settings back = defaults();
  read_ini(folder / "a.ini", back);
  EXPECT_EQ(back, s);
}

TEST(Ini, AllProblemsAreReportedAtOnceWithTheirLines) {
  const test::ScratchFolder folder("ini_problems");
  const std::string file = (folder / "a.ini").string();
  write_file_atomically(file,
                        "[cluster]\nk = -1\nkk = 3\n# fine\nmax_iterations = 0\n[extract]\npolicy = best\nnonsense\n"
                        "[job]\nseed = 1\nseed = 2\nthreads = many\n");
  Settings s = defaults();
  const std::string message = test::message_of<UsageError>([&] { read_ini(file, s); });
  for (const char* expected :
       {"a.ini:2: cluster.k = -1; must be a whole number, 0 to 1048576",
        "a.ini:3: unknown setting 'cluster.kk'; did you mean 'cluster.k'?",
        "a.ini:5: cluster.max_iterations = 0; must be 1 to 10000",
        "a.ini:7: extract.policy = best; must be one of random, full", "a.ini:8: 'nonsense' is no setting",
        "a.ini:11: job.seed is set twice; the first time in line 10", "a.ini:12: job.threads = many"}) {
    EXPECT_NE(message.find(expected), std::string::npos) << "missing: " << expected << "\nin:\n" << message;
  }
}

// By edit distance alone a line of this length took minutes: it is compared with every name.
TEST(Ini, ALineOfAMegabyteIsRefusedAtOnce) {
  EXPECT_EQ(nearest_name(std::string(8 << 20, 'k')), "");
  EXPECT_EQ(nearest_name("cluster.maximum_iterations"), "cluster.max_iterations");
}

TEST(CommandLineParser, OverridesFilesAndKnowsShortNames) {
  const test::ScratchFolder folder("command_line");
  const std::string file = (folder / "a.ini").string();
  write_file_atomically(file, "[cluster]\nk = 10\n[job]\nseed = 5\n[ingest]\ninputs = one.jsonl\n");
  const auto line = parse_command_line({"--config", file, "--cluster.k=20", "--policy", "random", "--inputs", "a.jsonl",
                                        "b.jsonl", "--append", "--drain-seconds", "30", "--json"},
                                       {"json"});
  EXPECT_EQ(line.settings.cluster_k, 20U);
  EXPECT_EQ(line.settings.seed, 5U);
  EXPECT_EQ(line.settings.policy, "random");
  EXPECT_EQ(line.settings.inputs, (std::vector<std::string>{"a.jsonl", "b.jsonl"}));
  EXPECT_TRUE(line.settings.append);
  EXPECT_EQ(line.settings.drain_seconds, 30U);
  EXPECT_EQ(line.flags, std::vector<std::string>{"json"});
}

TEST(CommandLineParser, BooleansTakeNoWordThatFollows) {
  const auto line = parse_command_line({"--append", "folder", "--keep-rejects", "false"}, {});
  EXPECT_TRUE(line.settings.append);
  EXPECT_FALSE(line.settings.keep_rejects);
  EXPECT_EQ(line.positional, std::vector<std::string>{"folder"});
}

TEST(CommandLineParser, NamesTheNearestSetting) {
  EXPECT_EQ(test::message_of<UsageError>([] {
              parse_command_line({"--polcy", "random"}, {});
            }),
            "command line: unknown setting 'polcy'; did you mean 'extract.policy'?; `equal --help` lists them");
  EXPECT_NE(test::message_of<UsageError>([] {
              parse_command_line({"--cluster.k", "1", "--cluster.k", "2"}, {});
            }).find("given twice"),
            std::string::npos);
  EXPECT_NE(test::message_of<UsageError>([] {
              parse_command_line({"--append=maybe"}, {});
            }).find("ingest.append = maybe; must be true or false"),
            std::string::npos);
  EXPECT_NE(test::message_of<UsageError>([] { parse_command_line({"--seed"}, {}); }).find("command line: "),
            std::string::npos)
      << "a value is missing";
}

TEST(CommandLineParser, ListsThatAreGivenTwiceAreOne) {
  const auto line = parse_command_line({"--inputs", "a.jsonl", "--seed", "2", "--inputs=b.jsonl"}, {});
  EXPECT_EQ(line.settings.inputs, (std::vector<std::string>{"a.jsonl", "b.jsonl"}));
}

}  // namespace
}  // namespace equal::settings
