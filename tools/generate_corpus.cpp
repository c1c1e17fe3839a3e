// Makes a corpus of any size for measurements: documents of about 400 bytes with topics, lengths, known pairs and
// duplicates in the proportions of real ones, and reference pairs of a few topics. Streamed, one shard after another;
// each document is a function of (seed, number), so the same arguments give the same bytes.
//
// usage: generate_corpus FOLDER [--documents 1000000] [--seed 1] [--shards 16] [--topics 2000] [--reference 400]
//   FOLDER/part-00000.jsonl.zst ..., FOLDER/reference.jsonl; one JSON line with the counts goes to standard output.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/base/thread_pool.hpp"
#include "equal/store/text_writer.hpp"

namespace {

namespace fs = std::filesystem;

struct Params {
  std::string folder;
  std::uint64_t documents = 1000000, seed = 1, shards = 16, topics = 2000, reference = 400;
};

// What share of documents is a copy of an earlier one: word for word, with words put before it, or under its id again.
constexpr double kExactCopies = 0.03, kNearCopies = 0.04, kRepeatedIds = 0.001;
constexpr double kWithPairs = 0.2;                   // share of documents with known pairs
constexpr double kMedianWords = 39, kSpread = 0.55;  // log-normal: mean about 45 words, 400 bytes
constexpr std::size_t kLeastWords = 12, kMostWords = 500;
constexpr std::size_t kWords = 400000, kTopicWords = 150, kTargetTopics = 3;

__extension__ using Wide = unsigned __int128;

/// A quick stream of its own: the generator draws a billion numbers.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() { return equal::mix64(state_ += 0x9e3779b97f4a7c15ULL); }
  double uniform() { return static_cast<double>((*this)() >> 11) * 0x1p-53; }
  std::uint64_t below(std::uint64_t n) { return static_cast<std::uint64_t>((static_cast<Wide>((*this)()) * n) >> 64); }

 private:
  std::uint64_t state_;
};

/// Draws 0 .. n-1 with probability ~ (i + 1)^-exponent, by Walker's alias method.
class Zipf {
 public:
  Zipf(std::size_t n, double exponent) : keep_(n), other_(n) {
    std::vector<double> p(n);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += p[i] = std::pow(static_cast<double>(i) + 1, -exponent);
    std::vector<std::uint32_t> small, large;
    for (std::size_t i = 0; i < n; ++i) {
      p[i] *= static_cast<double>(n) / sum;
      (p[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
    }
    while (!small.empty() && !large.empty()) {
      const std::uint32_t s = small.back(), l = large.back();
      small.pop_back();
      keep_[s] = p[s], other_[s] = l;
      p[l] -= 1 - p[s];
      if (p[l] < 1) large.pop_back(), small.push_back(l);
    }
    for (const auto& rest : {small, large}) {
      for (const std::uint32_t i : rest) keep_[i] = 1, other_[i] = i;
    }
  }
  std::uint32_t operator()(Random& random) const {
    const auto i = static_cast<std::uint32_t>(random.below(keep_.size()));
    return random.uniform() < keep_[i] ? i : other_[i];
  }

 private:
  std::vector<double> keep_;
  std::vector<std::uint32_t> other_;
};

constexpr std::array kFunctionWords = {
    "the", "of",    "and",    "to",    "in",   "a",    "is",   "that",    "for",   "it",    "as",   "was",  "with",
    "be",  "by",    "on",     "not",   "he",   "i",    "this", "are",     "or",    "his",   "from", "at",   "which",
    "but", "have",  "an",     "had",   "they", "you",  "were", "their",   "one",   "all",   "we",   "can",  "her",
    "has", "there", "been",   "if",    "more", "when", "will", "would",   "who",   "so",    "no",   "she",  "other",
    "its", "may",   "these",  "what",  "them", "than", "some", "him",     "time",  "into",  "only", "do",   "such",
    "my",  "new",   "about",  "out",   "also", "two",  "any",  "up",      "first", "could", "our",  "then", "most",
    "see", "me",    "should", "after", "said", "your", "very", "between", "made",  "many",  "over", "did",  "like"};

class Language {
 public:
  Language(std::uint64_t seed, std::size_t topics)
      : function_(kFunctionWords.size(), 1.0), common_(kWords, 1.05), topical_(kTopicWords, 0.9), topic_(topics, 0.7) {
    static constexpr std::array kStarts = {"b", "br", "c", "ch", "d",  "dr", "f", "fl", "g", "gr", "h", "j", "k",
                                           "l", "m",  "n", "p",  "pr", "r",  "s", "st", "t", "tr", "v", "w", "z"};
    static constexpr std::array kVowels = {"a", "e", "i", "o", "u", "ai", "ea", "io"};
    static constexpr std::array kEnds = {"", "", "n", "r", "s", "l", "t", "m", "nd", "st"};
    Random random(equal::mix64(seed));
    for (std::size_t w = 0; w < kWords; ++w) {
      std::string word;
      const std::uint64_t syllables = 2 + random.below(w < 2000 ? 2 : 3);
      for (std::uint64_t s = 0; s < syllables; ++s) {
        word += kStarts[random.below(kStarts.size())];
        word += kVowels[random.below(kVowels.size())];
        word += kEnds[random.below(kEnds.size())];
      }
      words_.push_back(std::move(word));
    }
    for (std::size_t t = 0; t < topics * kTopicWords; ++t)
      of_topic_.push_back(static_cast<std::uint32_t>(random.below(kWords)));
  }
  std::uint32_t topic(Random& random) const { return topic_(random); }
  const std::string& topical(Random& random, std::uint32_t topic) const {
    return words_[of_topic_[std::size_t{topic} * kTopicWords + topical_(random)]];
  }
  std::string_view word(Random& random, std::uint32_t topic) const {
    const double kind = random.uniform();
    if (kind < 0.45) return kFunctionWords[function_(random)];
    if (kind < 0.65) return words_[common_(random)];
    return topical(random, topic);
  }

 private:
  Zipf function_, common_, topical_, topic_;
  std::vector<std::string> words_;
  std::vector<std::uint32_t> of_topic_;  // (topics, kTopicWords)
};

struct Document {
  std::uint64_t number = 0;
  std::string text;
  std::vector<std::pair<std::string, std::string>> pairs;
};

void capitalise(std::string& text, std::size_t at) { text[at] = static_cast<char>(text[at] - 'a' + 'A'); }

/// A question whose answer stands in the text that is added to `text`.
std::pair<std::string, std::string> add_pair(const Language& language, Random& random, std::uint32_t topic,
                                             std::string& text) {
  const std::string a = language.topical(random, topic), b = language.topical(random, topic);
  std::string answer = "The " + a + " of the " + b + " is";
  for (std::uint64_t n = 8 + random.below(12); n > 0; --n) answer.append(" ").append(language.word(random, topic));
  answer += ".";
  text += answer + " ";
  return {"What is the " + a + " of the " + b + "?", std::move(answer)};
}

/// REQUIRES: topic below the language's topics.
Document make_document(const Language& language, std::uint64_t stream, std::uint32_t topic, Random& random,
                       double with_pairs) {
  Document d;
  d.number = stream;
  const double normal = std::sqrt(-2 * std::log(1 - random.uniform())) * std::cos(6.283185307179586 * random.uniform());
  const auto words = static_cast<std::size_t>(std::clamp(
      kMedianWords * std::exp(kSpread * normal), static_cast<double>(kLeastWords), static_cast<double>(kMostWords)));
  // Some documents change their subject half-way.
  const std::uint32_t second = random.uniform() < 0.1 ? language.topic(random) : topic;
  std::size_t sentence = 0, length = 8 + random.below(14);
  for (std::size_t w = 0; w < words; ++w) {
    const std::size_t at = d.text.size();
    d.text += language.word(random, w < words / 2 ? topic : second);
    if (sentence == 0) capitalise(d.text, at);
    if (++sentence < length && w + 1 < words) {
      d.text += ' ';
      continue;
    }
    d.text += random.uniform() < 0.15 ? ".\n\n" : ". ";
    sentence = 0, length = 8 + random.below(14);
  }
  if (random.uniform() < with_pairs) {
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n)
      d.pairs.push_back(add_pair(language, random, topic, d.text));
  }
  d.text.pop_back();
  return d;
}

/// The document of a number, without regard to copies.
Document original(const Language& language, std::uint64_t seed, std::uint64_t number) {
  Random random(equal::mix64(seed ^ equal::mix64(number + 1)));
  return make_document(language, number, language.topic(random), random, kWithPairs);
}

struct Counts {
  std::uint64_t input_bytes = 0, text_bytes = 0, pairs = 0, exact = 0, near = 0, ids = 0;
};

/// The document of a number as the corpus has it: perhaps a copy of an earlier one.
Document document(const Language& language, std::uint64_t seed, std::uint64_t number, Counts& counts) {
  Random random(equal::mix64((seed + 0x5eed) ^ equal::mix64(~number)));
  const double kind = random.uniform();
  if (number == 0 || kind >= kExactCopies + kNearCopies + kRepeatedIds) return original(language, seed, number);
  const std::uint64_t of = random.below(number);
  Document d = original(language, seed, of);
  if (kind < kExactCopies) {
    ++counts.exact;
  } else if (kind < kExactCopies + kNearCopies) {
    ++counts.near;
    d.text.insert(0, "Also " + language.topical(random, language.topic(random)) + ", ");
  } else {
    ++counts.ids;
    return d;  // under the number, and so the id, of the other
  }
  d.number = number;
  return d;
}

void append_json(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

void to_line(const Document& d, std::string& line) {
  line = equal::format("{{\"id\":\"d{}\",\"text\":\"", d.number);
  append_json(line, d.text);
  line += '"';
  for (std::size_t i = 0; i < d.pairs.size(); ++i) {
    line += i == 0 ? ",\"qas\":[{\"question\":\"" : ",{\"question\":\"";
    append_json(line, d.pairs[i].first);
    line += "\",\"answer\":\"";
    append_json(line, d.pairs[i].second);
    line += "\"}";
  }
  line += d.pairs.empty() ? "}" : "]}";
}

Counts write_shard(const Params& p, const Language& language, std::uint64_t shard) {
  Counts counts;
  std::string line;
  equal::store::TextWriter out(fs::path(p.folder) / equal::format("part-{:05}.jsonl.zst", shard),
                               equal::store::Compression::zstd);
  for (std::uint64_t n = p.documents * shard / p.shards; n < p.documents * (shard + 1) / p.shards; ++n) {
    const Document d = document(language, p.seed, n, counts);
    counts.text_bytes += d.text.size();
    counts.pairs += d.pairs.size();
    to_line(d, line);
    out.line(line);
    counts.input_bytes += line.size() + 1;
  }
  out.finish();
  return counts;
}

Counts write_corpus(const Params& p, const Language& language) {
  std::vector<Counts> of_shard(p.shards);
  equal::ThreadPool pool(0);  // all cores; a shard does not depend on who writes it
  pool.run(p.shards, [&](std::size_t shard, std::size_t) { of_shard[shard] = write_shard(p, language, shard); });
  Counts counts;
  for (const Counts& c : of_shard) {
    counts.input_bytes += c.input_bytes, counts.text_bytes += c.text_bytes, counts.pairs += c.pairs;
    counts.exact += c.exact, counts.near += c.near, counts.ids += c.ids;
  }
  return counts;
}

/// Pairs of the target task: of topics that are neither the commonest nor the rarest, from documents that the corpus
/// lacks.
void write_reference(const Params& p, const Language& language) {
  equal::store::TextWriter out(fs::path(p.folder) / "reference.jsonl", equal::store::Compression::none);
  for (std::uint64_t i = 0; i < p.reference; ++i) {
    Random random(equal::mix64(p.seed ^ equal::mix64(~i)));
    const auto topic = static_cast<std::uint32_t>((p.topics / 20 + 7 * (i % kTargetTopics)) % p.topics);
    const Document d = make_document(language, i, topic, random, 1.0);
    out.line(equal::format("{{\"id\":\"r{}\",\"question\":\"{}\",\"answer\":\"{}\"}}", i, d.pairs[0].first,
                           d.pairs[0].second));
  }
  out.finish();
}

Params parse(int argc, char** argv) {
  Params p;
  const std::map<std::string_view, std::uint64_t*> numbers = {{"--documents", &p.documents},
                                                              {"--seed", &p.seed},
                                                              {"--shards", &p.shards},
                                                              {"--topics", &p.topics},
                                                              {"--reference", &p.reference}};
  for (int i = 1; i < argc; ++i) {
    const auto found = numbers.find(argv[i]);
    if (found == numbers.end() && argv[i][0] == '-')
      throw equal::UsageError(equal::format("{}: unknown option", argv[i]));
    if (found == numbers.end()) {
      p.folder = argv[i];
      continue;
    }
    if (++i == argc) throw equal::UsageError(equal::format("{} needs a number", argv[i - 1]));
    char* end = nullptr;
    *found->second = std::strtoull(argv[i], &end, 10);
    if (*end != '\0' || (*found->second == 0 && found->first != "--reference" && found->first != "--seed"))
      throw equal::UsageError(equal::format("{} {}: must be a number, at least 1", argv[i - 1], argv[i]));
  }
  if (p.folder.empty())
    throw equal::UsageError(
        "usage: generate_corpus FOLDER [--documents N] [--seed N] [--shards N] [--topics N] [--reference N]");
  return p;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Params p = parse(argc, argv);
    fs::create_directories(p.folder);
    const Language language(p.seed, p.topics);
    const Counts c = write_corpus(p, language);
    write_reference(p, language);
    std::printf(
        "{\"documents\":%llu,\"input_bytes\":%llu,\"text_bytes\":%llu,\"known_pairs\":%llu,\"exact_copies\":%llu,"
        "\"near_copies\":%llu,"
        "\"repeated_ids\":%llu}\n",
        static_cast<unsigned long long>(p.documents), static_cast<unsigned long long>(c.input_bytes),
        static_cast<unsigned long long>(c.text_bytes), static_cast<unsigned long long>(c.pairs),
        static_cast<unsigned long long>(c.exact), static_cast<unsigned long long>(c.near),
        static_cast<unsigned long long>(c.ids));
  } catch (const equal::Error& e) {
    std::fprintf(stderr, "generate_corpus: %s\n", e.what());
    return e.exit_code();
  }
  return 0;
}
