// Cleaning measured on real pairs. Each mode prints one JSON line.
//
// usage: bench_clean near DIR            recall and precision of the bands against comparing everything with everything
//        bench_clean speed DIR PAIRS THREADS
//        bench_clean benchmarks DIR      planted benchmark items that are found, real pairs that are taken for one
// DIR holds mixed-train.jsonl.gz (documents with pairs in `qas`) and test-*.jsonl.gz.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/clean/decontamination.hpp"
#include "equal/clean/near_duplicates.hpp"
#include "equal/store/corpus_reader.hpp"

namespace {
using namespace equal;

struct Pair {
  std::string question, answer;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double peak_mb() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024.0;
}

template <class Visit>
void read(const std::string& file, const std::string& text_field, Visit visit) {
  store::CorpusParams params;
  params.text_field = text_field;
  params.max_words = 0;
  for (const auto& input : store::list_inputs({file})) {
    store::CorpusReader reader(params, input);
    std::vector<store::Document> block;
    while (reader.next_chunk()) {
      while (reader.next(block)) {
        for (const auto& d : block) visit(d);
      }
    }
  }
}

std::vector<Pair> real_pairs(const std::string& folder, std::vector<std::string>* texts = nullptr) {
  std::vector<Pair> out;
  read(folder + "/mixed-train.jsonl.gz", "text", [&](const store::Document& d) {
    for (const auto& p : d.pairs) out.push_back({p.question, p.answer});
    if (texts != nullptr && texts->size() < 2000) texts->push_back(d.text);
  });
  return out;
}

/// One word of the text exchanged, left out or doubled.
std::string reworded(const std::string& text, RandomStream& random, bool exchange_only = false) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string w; in >> w;) words.push_back(w);
  if (words.empty()) return text;
  const std::size_t at = random.below(words.size());
  const std::uint64_t how = exchange_only ? 0 : random.below(3);
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i == at && how == 0) {
      out += "otherwise ";
      continue;
    }
    if (i == at && how == 1 && words.size() > 1) continue;
    out += words[i] + " ";
    if (i == at && how == 2) out += words[i] + " ";
  }
  out.pop_back();
  return out;
}

void near(const std::string& folder) {
  std::vector<Pair> pairs = real_pairs(folder);
  const std::size_t real = pairs.size();
  RandomStream random(7, "bench near");
  for (std::size_t i = 0; i < real; i += 4) {  // copies of every fourth with one to three edits of the answer
    Pair copy = pairs[i];
    for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) copy.answer = reworded(copy.answer, random);
    pairs.push_back(std::move(copy));
  }
  const clean::NearDuplicateParams params;
  std::vector<clean::PairSketch> sketches;
  for (const Pair& p : pairs) sketches.push_back(clean::sketch(params, p.question, p.answer));

  const auto start_brute = std::chrono::steady_clock::now();
  std::vector<std::size_t> kept;
  std::set<std::uint64_t> truth;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    bool duplicate = false;
    for (std::size_t k = 0; k < kept.size() && !duplicate; ++k) {
      const auto& a = sketches[kept[k]].shingles;
      const auto& b = sketches[i].shingles;
      // Sets of sizes m <= n agree to at most m / n: the rest of the comparisons could not count.
      const auto [m, n] = std::minmax(a.size(), b.size());
      if (static_cast<double>(m) < params.threshold * static_cast<double>(n)) continue;
      duplicate = clean::similarity(params, sketches[kept[k]], sketches[i]) >= params.threshold;
    }
    if (duplicate) {
      truth.insert(i);
    } else {
      kept.push_back(i);
    }
  }
  const double brute_seconds = seconds_since(start_brute);

  const auto start = std::chrono::steady_clock::now();
  clean::NearDuplicates finder(params);
  for (const Pair& p : pairs) finder.add(p.question, p.answer);
  const auto comm = comm::make_single();
  ThreadPool pool(1);
  const auto found = finder.find(*comm, pool);
  const double seconds = seconds_since(start);
  std::size_t both = 0, right = 0;
  for (const auto& d : found) {
    both += truth.contains(d.item) ? 1U : 0U;
    right += clean::similarity(params, sketches[d.item], sketches[d.of]) >= params.threshold ? 1U : 0U;
  }
  std::printf("%s\n", dump_json(Json{{"pairs", pairs.size()},
                                     {"real_pairs", real},
                                     {"near_duplicates", truth.size()},
                                     {"found", found.size()},
                                     {"recall", static_cast<double>(both) / static_cast<double>(truth.size())},
                                     {"precision", static_cast<double>(right) / static_cast<double>(found.size())},
                                     {"seconds", seconds},
                                     {"brute_force_seconds", brute_seconds}})
                          .c_str());
}

void speed(const std::string& folder, std::size_t wanted, std::size_t threads) {
  const std::vector<Pair> real = real_pairs(folder);
  RandomStream random(7, "bench speed");
  std::vector<Pair> pairs;
  while (pairs.size() < wanted) {  // real pairs over again, a third of their words made another's: mostly no duplicates
    const std::string mark = std::to_string(pairs.size() / real.size());
    Pair p = real[pairs.size() % real.size()];
    if (pairs.size() >= real.size()) {
      for (std::string* text : {&p.question, &p.answer}) {
        std::string changed;
        for (const char c : *text) {
          if (c == ' ' && random.below(3) == 0) changed += "x" + mark;
          changed += c;
        }
        *text = std::move(changed);
      }
    }
    pairs.push_back(std::move(p));
  }
  const double before = peak_mb();
  const auto start = std::chrono::steady_clock::now();
  clean::NearDuplicates finder(clean::NearDuplicateParams{});
  for (const Pair& p : pairs) finder.add(p.question, p.answer);
  const double adding = seconds_since(start);
  const auto comm = comm::make_single();
  ThreadPool pool(threads);
  const auto found = finder.find(*comm, pool);
  const double seconds = seconds_since(start);
  std::printf("%s\n", dump_json(Json{{"pairs", pairs.size()},
                                     {"found", found.size()},
                                     {"threads", threads},
                                     {"seconds", seconds},
                                     {"seconds_adding", adding},
                                     {"pairs_per_s", static_cast<double>(pairs.size()) / seconds},
                                     {"memory_mb", peak_mb() - before}})
                          .c_str());
}

void benchmarks(const std::string& folder) {
  std::vector<std::string> texts;
  const std::vector<Pair> real = real_pairs(folder, &texts);
  std::vector<clean::BenchmarkItem> items;
  for (const char* name : {"gsm8k", "mbpp", "humaneval", "medquad"}) {
    std::uint64_t number = 0;
    read(format("{}/test-{}.jsonl.gz", folder, name), "question", [&](const store::Document& d) {
      items.push_back({name, number++, d.text, parse_json(d.metadata, name).at("answer").get<std::string>()});
    });
  }
  const clean::Decontaminator finder(items);
  RandomStream random(7, "bench plants");
  Json by_set = Json::object();
  const auto count = [&](const std::string& set, const std::string& plant, bool found) {
    Json& cell = by_set[set][plant];
    if (cell.is_null()) cell = {{"planted", 0}, {"found", 0}};
    cell["planted"] = cell["planted"].get<int>() + 1;
    cell["found"] = cell["found"].get<int>() + (found ? 1 : 0);
  };
  std::size_t planted = 0, hits = 0, planted_questions = 0, question_hits = 0;
  for (const auto& item : items) {
    const std::string& host = texts[random.below(texts.size())];
    const std::size_t middle = host.find(' ', host.size() / 2);
    const auto embed = [&](const std::string& text) {
      return host.substr(0, middle) + "\n" + text + "\n" + (middle == std::string::npos ? "" : host.substr(middle));
    };
    const std::map<std::string, Pair> plants = {
        {"exact", {item.question, item.answer}},
        {"reworded", {reworded(item.question, random), reworded(item.answer, random)}},
        {"embedded", {embed(item.question), embed(item.answer)}}};
    for (const auto& [plant, pair] : plants) {
      const bool found = finder.find(pair.question, pair.answer).has_value();
      count(item.source, plant, found);
      ++planted, hits += found ? 1U : 0U;
      // Somebody else's answer to the benchmark's question.
      const bool by_question = finder.find(pair.question, "I do not know.").has_value();
      count(item.source, plant + ", question only", by_question);
      ++planted_questions, question_hits += by_question ? 1U : 0U;
    }
  }
  std::size_t alarms = 0;
  Json alarms_by = Json::object(), examples = Json::array();
  const auto start = std::chrono::steady_clock::now();
  for (const Pair& p : real) {
    const auto hit = finder.find(p.question, p.answer);
    if (!hit) continue;
    ++alarms;
    Json& n = alarms_by[items[hit->item].source + ", " + clean::name_of(hit->rule)];
    n = n.is_null() ? 1 : n.get<int>() + 1;
    if (examples.size() < 20)
      examples.push_back({{"rule", clean::name_of(hit->rule)},
                          {"item", items[hit->item].question.substr(0, 200)},
                          {"pair", p.question.substr(0, 200)}});
  }
  std::printf("%s\n", dump_json(Json{{"items", items.size()},
                                     {"planted", planted},
                                     {"planted_found", static_cast<double>(hits) / static_cast<double>(planted)},
                                     {"planted_found_by_question",
                                      static_cast<double>(question_hits) / static_cast<double>(planted_questions)},
                                     {"by_set", by_set},
                                     {"real_pairs", real.size()},
                                     {"false_alarms", alarms},
                                     {"false_alarms_by", alarms_by},
                                     {"examples", examples},
                                     {"pairs_per_s", static_cast<double>(real.size()) / seconds_since(start)}})
                          .c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string mode = argc > 2 ? argv[1] : "";
    if (mode == "near") {
      near(argv[2]);
    } else if (mode == "speed" && argc > 4) {
      speed(argv[2], static_cast<std::size_t>(std::atol(argv[3])), static_cast<std::size_t>(std::atol(argv[4])));
    } else if (mode == "benchmarks") {
      benchmarks(argv[2]);
    } else {
      std::fprintf(stderr, "usage: %s near|benchmarks DIR, or speed DIR PAIRS THREADS\n", argv[0]);
      return 1;
    }
    return 0;
  } catch (const equal::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return e.exit_code();
  }
}
