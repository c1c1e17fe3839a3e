#include "equal/job/plan.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <gmock/gmock.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/settings/parse.hpp"

#include "support/scratch.hpp"

namespace equal::job {
namespace {

using ::testing::HasSubstr;

/// Round numbers, so that results can be worked out by hand.
MachineProfile profile() {
  MachineProfile p;
  p.file = "by hand";
  const std::map<std::string, double> values = {{"corpus.input_bytes", 500},
                                                {"corpus.kept", 0.9},
                                                {"corpus.text_bytes", 400},
                                                {"corpus.id_bytes", 10},
                                                {"corpus.pair_bytes", 50},
                                                {"ingest.read_byte", 1e-8},
                                                {"ingest.write_byte", 1e-8},
                                                {"ingest.duplicates_document", 1e-6},
                                                {"embed.fit_document", 1e-4},
                                                {"embed.fit_word", 1e-5},
                                                {"embed.words", 100000},
                                                {"embed.words_at", 100000},
                                                {"embed.words_growth", 0.5},
                                                {"embed.encode_byte", 2e-8},
                                                {"cluster.fit_row", 1e-6},
                                                {"cluster.fit_row_k", 1e-9},
                                                {"cluster.assign_row", 1e-6},
                                                {"cluster.assign_row_k", 1e-9},
                                                {"cluster.write_row", 1e-6},
                                                {"cluster.pair", 1e-9},
                                                {"cluster.levels", 1.5},
                                                {"cluster.assign_row_leaf", 1e-8},
                                                {"warmup.document", 1e-3},
                                                {"extract.set_up", 0.2},
                                                {"extract.set_up_document", 1e-5},
                                                {"extract.round_root", 0.01},
                                                {"extract.round_row", 1e-6},
                                                {"extract.document_root", 1e-4},
                                                {"extract.document_worker", 1e-4},
                                                {"extract.pairs", 2},
                                                {"export.pair", 1e-4},
                                                {"memory.base", 5e7},
                                                {"memory.node", 16e9},
                                                {"machine.cores", 8},
                                                {"disk.write", 1e9},
                                                {"disk.read", 2e9},
                                                {"disk.sync", 0.001},
                                                {"network.reduce", 1e9}};
  for (const auto& [name, value] : values) p.set(name, value, "unit", "by hand");
  return p;
}

settings::Settings settings_of(std::vector<std::string> words) {
  words.insert(words.end(), {"--extractor", "replay"});
  if (std::find(words.begin(), words.end(), "--plan.rows") == words.end())
    words.insert(words.end(), {"--plan.rows", "1000000"});
  return settings::parse_command_line(words, {}).settings;
}

const PlannedFiles& files(const Plan& p, const std::string& what) {
  for (const PlannedFiles& f : p.files) {
    if (f.what.rfind(what, 0) == 0) return f;
  }
  throw InternalError("no such files: " + what);
}

const PlannedStage& stage(const Plan& p, const std::string& name) {
  for (const PlannedStage& s : p.stages) {
    if (s.stage == name) return s;
  }
  throw InternalError("no such stage: " + name);
}

TEST(Plan, CountsWhatTheFormatsLayDown) {
  const Plan p = make_plan(settings_of({"--partition-bytes", "50000000"}), profile());
  EXPECT_EQ(p.documents, 900000);
  EXPECT_EQ(p.partitions, 10);
  EXPECT_EQ(p.clusters, std::round(std::sqrt(900000)));
  EXPECT_EQ(files(p, "gen-0/embeddings").files, 10);
  EXPECT_NEAR(files(p, "gen-0/embeddings").bytes, 900000.0 * 512, 900000.0 * 512 * 0.001);
  EXPECT_NEAR(files(p, "corpus").bytes, 900000.0 * (400 + 10 + 50 + 128), 900000.0 * 588 * 0.001);
  EXPECT_NEAR(files(p, "gen-0/assignment").bytes, 900000.0 * 8 + 10 * 8 * 950, 900000.0 * 8 * 0.03);
  EXPECT_TRUE(p.misfits.empty());
}

TEST(Plan, RoundsOfPooledGrowLikeTheDocumentsAsked) {
  // 20 rounds of 10, then a twentieth of what was asked each time.
  EXPECT_EQ(make_plan(settings_of({"--budget.documents", "200"}), profile()).rounds, 20);
  EXPECT_EQ(make_plan(settings_of({"--budget.documents", "210"}), profile()).rounds, 21);
  // A budget of a million ends in rounds of 512.
  const double rounds =
      make_plan(settings_of({"--plan.rows", "2000000000", "--budget.documents", "1000000"}), profile()).rounds;
  EXPECT_GT(rounds, 1000000.0 / 512);
  EXPECT_LT(rounds, 1000000.0 / 512 + 110);
}

TEST(Plan, TimeIsComputeAndDiskOfTheWorkers) {
  const auto s = settings_of({"--partition-bytes", "50000000", "--plan.ranks_per_node", "3", "--threads", "1"});
  const Plan p = make_plan(s, profile());
  EXPECT_EQ(p.workers, 2);
  // 5e8 input bytes at 2e-8 s, halved; a million documents at 1e-6 s, halved.
  EXPECT_NEAR(stage(p, "ingest").compute_seconds, 5.5, 1e-9);
  // What was staged is read back, the corpus is written.
  const double disk = files(p, "staging").bytes / 2e9 + files(p, "corpus").bytes / 1e9;
  EXPECT_NEAR(stage(p, "ingest").disk_seconds, disk, 1e-9);
  EXPECT_NEAR(stage(p, "ingest").seconds - stage(p, "ingest").message_seconds, 5.5 + disk / 2, 1e-9);
  // A slow file system is what all wait for.
  settings::Settings slow = s;
  slow.plan_disk_rate = 1e7;
  const Plan waiting = make_plan(slow, profile());
  const PlannedStage& embed = stage(waiting, "embed");
  EXPECT_NEAR(embed.seconds, embed.disk_seconds + embed.message_seconds, 1e-9);
}

TEST(Plan, OfTwoLevelsARowMeetsTheFirstAndOneSetOfTheSecond) {
  const Plan p = make_plan(settings_of({"--partition-bytes", "50000000", "--plan.ranks_per_node", "3", "--threads", "1",
                                        "--cluster.k", "10000", "--cluster.top", "100"}),
                           profile());
  const double fit = 900000 * 1.5 * (2 * 1e-6 + 1e-9 * (100 + 100)) * 25;
  const double assign = 900000 * (1e-6 + 1e-9 * 100 + 1e-8 * 100 + 1e-6);
  EXPECT_NEAR(stage(p, "cluster").compute_seconds, (fit + assign) / 2 + 1e-9 * 1e8, 1e-9);
}

TEST(Plan, TheWarmupAsksTheFirstDocumentsAndMakesASecondGeneration) {
  const auto planned = [](const char* budget, const std::vector<std::string>& more) {
    std::vector<std::string> words = {"--partition-bytes",  "50000000", "--plan.ranks_per_node", "3",
                                      "--threads",          "1",        "--extractor",           "chat",
                                      "--budget.documents", budget,     "--plan.rows",           "1000000"};
    words.insert(words.end(), more.begin(), more.end());
    return make_plan(settings::parse_command_line(words, {}).settings, profile());
  };
  const Plan without = planned("10000", {}),
             with = planned("10000", {"--warmup.enabled", "--warmup.budget_share", "0.2"});
  EXPECT_EQ(with.warmup_asked, 600);  // warmup.max_documents; two of each cluster, a fifth of the budget would be more
  EXPECT_EQ(planned("1000", {"--warmup.enabled"}).warmup_asked, 50);
  EXPECT_EQ(with.asked, 10000);
  EXPECT_EQ(with.calls, without.calls);
  EXPECT_LT(with.rounds, without.rounds);
  // 40 passes over the four fifths that are trained on, by three ranks; encoding and clustering as before.
  const double training = 40 * 480 * 1e-3 / 3, encoding = 900000 * 400 * 2e-8 / 2;
  const PlannedStage& warmup = stage(with, "warmup");
  EXPECT_NEAR(warmup.compute_seconds,
              0.2 + 600 * 1e-4 / 2 + training + encoding + stage(with, "cluster").compute_seconds, 1e-9);
  EXPECT_NEAR(warmup.model_seconds + stage(with, "extract").model_seconds, stage(without, "extract").model_seconds,
              1e-9);
  double bytes = 0;
  for (const char* what :
       {"gen-0/encoder", "gen-0/embeddings", "gen-0/clusters", "gen-0/assignment", "gen-0/by_cluster"})
    bytes += files(with, what).bytes;
  EXPECT_NEAR(files(with, "gen-1/").bytes, bytes, 1);
  EXPECT_THROW(stage(without, "warmup"), InternalError);
}

TEST(Plan, CallsTokensAndMoneyEndAtTheTightestLimit) {
  const auto chat = [](std::vector<std::string> more) {
    std::vector<std::string> words = {"--plan.rows", "1000000", "--extractor", "chat", "--budget.documents", "10000"};
    words.insert(words.end(), more.begin(), more.end());
    return make_plan(settings::parse_command_line(words, {}).settings, profile());
  };
  const Plan free = chat({});
  EXPECT_EQ(free.calls, 10000);
  EXPECT_GT(free.prompt_tokens, 10000.0 * 100);  // 400 bytes of text are a hundred tokens, and the prompt adds its own
  EXPECT_EQ(chat({"--budget.calls", "2500"}).asked, 2500);
  const Plan paid = chat({"--budget.price_prompt", "1", "--budget.price_completion", "2", "--budget.money", "1"});
  EXPECT_LE(paid.money, 1.0);
  EXPECT_GT(paid.money, 0.99);
}

/// The words of a way out, "--name value (now old)".
std::vector<std::string> words_of(const std::string& way) {
  const auto blank = way.find(' '), end = way.find(" (now");
  return {way.substr(0, blank), way.substr(blank + 1, end - blank - 1)};
}

TEST(Plan, WhatCannotFitIsRefusedWithSettingsThatMendIt) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"memory", {"--plan.rows", "10000000000", "--plan.memory", "8000000000"}},
      {"disk", {"--plan.disk", "100000000"}},
      {"messages", {"--plan.rows", "1000000000", "--policy", "random", "--plan.memory", "4000000000000"}},
      {"files", {"--plan.rows", "1000000000", "--partition-bytes", "1048576", "--plan.nodes", "4096"}},
      {"time", {"--plan.rows", "1000000000", "--plan.hours", "1", "--plan.memory", "4000000000000"}}};
  for (const auto& [kind, words] : cases) {
    const Plan p = make_plan(settings_of(words), profile());
    const auto found = std::find_if(p.misfits.begin(), p.misfits.end(),
                                    [&, k = kind](const Misfit& m) { return m.problem.rfind(k, 0) == 0; });
    ASSERT_NE(found, p.misfits.end()) << kind;
    ASSERT_FALSE(found->ways_out.empty()) << found->problem;
    for (const std::string& way : found->ways_out) {
      std::vector<std::string> mended;  // settings_of() refuses a setting that is given twice
      for (std::size_t i = 0; i < words.size(); i += 2) {
        std::string name = words[i].substr(2);  // perhaps without its section, and with dashes
        std::replace(name.begin(), name.end(), '-', '_');
        if (words_of(way)[0].find(name) == std::string::npos) mended.insert(mended.end(), {words[i], words[i + 1]});
      }
      for (const auto& word : words_of(way)) mended.push_back(word);
      for (const Misfit& m : make_plan(settings_of(mended), profile()).misfits)
        EXPECT_NE(m.problem.rfind(kind, 0), 0U) << "with " << way << ": " << m.problem;
    }
  }
}

TEST(Plan, SaysWhatIsMissing) {
  auto s = settings_of({});
  s.plan_rows = 0;
  try {
    make_plan(s, profile());
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), HasSubstr("--plan.rows"));
  }
  MachineProfile lacking = profile();
  lacking.constants.erase("disk.write");
  try {
    make_plan(settings_of({}), lacking);
    FAIL();
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), HasSubstr("by hand: lacks the constant disk.write"));
  }
}

TEST(MachineProfile, IsReadAsItWasWritten) {
  const test::ScratchFolder folder("profile");
  const auto file = folder / "p.json";
  write_machine_profile(file, profile());
  const MachineProfile p = read_machine_profile(file);
  EXPECT_EQ(p.constants.size(), profile().constants.size());
  EXPECT_EQ(p["embed.encode_byte"], 2e-8);
  write_file_atomically(file, "{\"format\":\"something else\",\"version\":1}");
  EXPECT_THROW(read_machine_profile(file), DataError);
  write_file_atomically(file, "[1]");
  EXPECT_THROW(read_machine_profile(file), DataError);
}

}  // namespace
}  // namespace equal::job
