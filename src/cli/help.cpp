#include "help.hpp"

#include <algorithm>

#include "equal/base/log.hpp"
#include "equal/settings/parameters.hpp"

namespace equal::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> list = {
      {"run",
       "all stages, from the corpus to the data set",
       "Runs ingest, embed, cluster, with --warmup.enabled warmup, extract, export and report. A stage that is "
       "complete is passed over; the same command "
       "line\n"
       "again goes on where the last one stopped.",
       {"job", "ingest", "reference", "embed", "cluster", "warmup", "extract", "chat", "export"}},
      {"ingest",
       "corpus -> partitions",
       "Reads the corpus, drops bad lines and duplicates, cuts long documents, writes corpus/part-*.h5.",
       {"job", "ingest"}},
      {"embed",
       "documents -> vectors",
       "Fits or loads the encoder and writes one unit vector for each document, gen-0/embeddings/.",
       {"job", "embed"}},
      {"cluster",
       "vectors -> arms",
       "k-means over all vectors; writes gen-0/clusters.h5 and the cluster of each document.",
       {"job", "cluster"}},
      {"warmup",
       "the encoder learns what documents yield",
       "Asks a few documents of each cluster (answers are kept: nothing is asked twice), trains the encoder until "
       "documents\n"
       "lie where their pairs lie, embeds and clusters again: gen-1/. extract then works on those arms. What does not "
       "help\n"
       "on held-out documents is dropped, and the stock encoder stays.",
       {"job", "reference", "embed", "cluster", "warmup", "extract", "chat"}},
      {"extract",
       "arms -> pairs, under a budget",
       "The bandit: each round a policy picks documents, the extractor reads them, a reward judges their pairs against "
       "the\n"
       "guide. Answers go to journal/ before they count, decisions to rounds.jsonl.\n"
       "--dry-run shows the first prompts and the expected tokens, and sends nothing.",
       {"job", "reference", "extract", "chat"}},
      {"export",
       "pairs -> data set",
       "Writes the pairs of the run so far with their provenance, near-duplicates and benchmark items left out:\n"
       "out/train.jsonl (or .gz, .zst, .parquet), out/rejects.jsonl, out/README.md. With --export.folder it only reads "
       "the\n"
       "workspace, so it may run beside a run that goes on.",
       {"job", "export"}},
      {"report",
       "a page to look at",
       "Writes report.html (one file that loads nothing from elsewhere) and report.json: cost, rewards over the "
       "rounds, map\n"
       "of the clusters, arms with examples, coverage of the reference, what was left out, time. At any time after "
       "cluster.",
       {"job", "reference", "embed"}},
      {"status",
       "how a run stands",
       "equal status DIR: what is complete in a workspace and, for an extraction, what was asked and kept. --watch "
       "shows "
       "it\n"
       "until the job ends, --json is for programs, --prometheus for a node exporter's text file.",
       {"job"}},
      {"compare",
       "two runs side by side",
       "equal compare DIR DIR: documents, pairs, cost, reward, time, what both asked and found, and the distance of "
       "their "
       "pairs\n"
       "to the holdout in the vectors of the first run.",
       {}},
      {"inspect",
       "what is in a workspace",
       "equal inspect --workspace DIR [rounds | arms | round N | arm N | partition N | document N | "
       "pair DOCUMENT N]\n"
       "What is known of it; of a document also why it was chosen, of a pair what became of it.",
       {"job"}},
      {"verify",
       "read everything and check it",
       "equal verify DIR: checks every byte of a workspace against its digests and checksums; names each damaged file "
       "and "
       "ends\nwith exit code 2 when there is one. Not for a workspace in use.",
       {"job"}},
      {"plan",
       "what a run will need",
       "equal plan --profile FILE --rows N [--nodes N ...] and the settings of the run: files, memory, messages, time, "
       "calls "
       "and\nmoney, each constant with its origin. Ends with exit code 1 when the run cannot fit, and says which "
       "setting makes "
       "it\nfit. --slurm prints a job script with the plan's resources instead, --json the figures.",
       {"plan", "job", "ingest", "reference", "embed", "cluster", "extract", "chat", "export"}},
      {"bench",
       "measure this machine for plan",
       "mpirun -n 3 equal bench --write-machine-profile FILE --inputs ... --reference.files ... and the settings of "
       "the\nrun: runs all stages on plan.sample documents, in a folder beside FILE that it removes, and writes what "
       "each unit "
       "of\nwork took. FILE belongs on the file system that the run will use.",
       {"plan", "job", "ingest", "reference", "embed", "cluster", "extract"}},
      {"validate",
       "check settings without running",
       "equal validate FILE.ini [--ranks N]: reports every problem of a configuration at once.\n"
       "equal validate COMMAND --setting value ...: the same for a command line.",
       {}},
      {"completion",
       "completion for a shell",
       "equal completion bash > ~/.local/share/bash-completion/completions/equal, or zsh: commands, settings, choices.",
       {}},
  };
  return list;
}

const Command* find_command(std::string_view name) {
  const auto found =
      std::find_if(commands().begin(), commands().end(), [&](const Command& c) { return c.name == name; });
  return found == commands().end() ? nullptr : &*found;
}

std::string nearest_command(std::string_view name) {
  std::string best;
  std::size_t most = 1;
  for (const Command& c : commands()) {
    const auto [end, unused] = std::mismatch(name.begin(), name.end(), c.name.begin(), c.name.end());
    const auto common = static_cast<std::size_t>(end - name.begin());
    if (common > most) most = common, best = c.name;
  }
  return best;
}

std::string general_help() {
  std::string out =
      "equal - turns a huge text corpus and a few reference question-answer pairs into an instruction data set,\n"
      "        with as few LLM calls as it can (EQUAL, arXiv 2505.12250).\n\n"
      "  corpus -> ingest -> embed -> cluster -+\n"
      "  reference pairs of the target task ---+-> extract: rounds of { policy picks documents of promising clusters,\n"
      "                                        |             extractor reads them, reward judges the pairs } -> "
      "export\n\n"
      "usage:  equal COMMAND [--config FILE.ini] [--setting value ...]\n"
      "        mpirun -n 3 equal run --workspace w --inputs docs.jsonl.gz --reference.files ref.jsonl --extractor "
      "pattern\n"
      "        srun --mpi=pmix equal run --config run.ini          (rank 0 coordinates, the others "
      "work)\n\ncommands:\n";
  for (const Command& c : commands()) out += format("  {:<10} {}\n", c.name, c.summary);
  out +=
      "\nequal COMMAND --help lists the settings of a command; equal --version --verbose says what this build can do.\n"
      "The same command line again resumes. Exit codes: 0 done, 1 usage or settings, 2 input data, 3 done but more was "
      "lost\n"
      "than --max-loss, 69 environment (disk, network, MPI), 70 internal, 75 stopped on request: run it again to go "
      "on.\n";
  return out;
}

std::string command_help(const Command& command) {
  std::string out = format("equal {} - {}\n\n{}\n", command.name, command.summary, command.text);
  if (!command.stages.empty())
    out += "\nSettings (also as `key = value` below `[section]` in a file given by --config):\n";
  for (const auto stage : command.stages) out += format("\n[{}]\n{}", stage, settings::help_of_stage(stage));
  return out;
}

}  // namespace equal::cli
