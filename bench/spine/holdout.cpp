// How far a data set is from the target task: the exact transport distance (Euclidean, uniform weights) between its
// pairs and the holdout, in the vectors of the run's own encoder. Smaller is nearer; 0 is equal.
//   bench_holdout WORKSPACE/gen-0/encoder HOLDOUT.jsonl TRAIN.jsonl...
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/base/thread_pool.hpp"
#include "equal/encode/static_table.hpp"
#include "equal/transport/rewards.hpp"

namespace {

/// A pair as DESIGN's encoders see it. Rows are {"question", "answer"} or {"messages": [..., user, assistant]}.
std::string pair_text(const equal::Json& row, const std::string& where) {
  std::string question, answer;
  if (row.contains("messages")) {
    for (const auto& message : row.at("messages"))
      (message.at("role") == "assistant" ? answer : question) = message.at("content").get<std::string>();
  } else if (row.contains("question") && row.contains("answer")) {
    question = row.at("question").get<std::string>();
    answer = row.at("answer").get<std::string>();
  } else {
    throw equal::DataError(where + ": neither messages nor question and answer");
  }
  return "<|user|>\n" + question + "\n\n<|assistant|>\n" + answer;
}

equal::linalg::Matrix<float> vectors_of(const std::string& path, equal::encode::Encoder& encoder,
                                        equal::ThreadPool& pool) {
  std::ifstream in(path);
  if (!in) throw equal::DataError(path + ": cannot be read");
  std::vector<std::string> texts;
  for (std::string line; std::getline(in, line);) {
    const std::string where = equal::format("{}:{}", path, texts.size() + 1);
    texts.push_back(pair_text(equal::parse_json(line, where), where));
  }
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  equal::linalg::Matrix<float> out(views.size(), encoder.dim());
  encoder.encode(views, equal::encode::Role::query, out.view(), pool);
  return out;
}

void run(const std::vector<std::string>& words) {
  const auto encoder = equal::encode::make_static_table(equal::encode::load_static_table(words[0]));
  equal::ThreadPool pool(1);
  const auto holdout = vectors_of(words[1], *encoder, pool);
  const equal::transport::TransportReward target(holdout.view(), {});
  for (std::size_t i = 2; i < words.size(); ++i) {
    const auto pairs = vectors_of(words[i], *encoder, pool);
    std::printf("%.6f %zu %s\n", target.distance(pairs.view()), pairs.rows(), words[i].c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: bench_holdout ENCODER_FOLDER HOLDOUT.jsonl TRAIN.jsonl...\n");
    return 1;
  }
  try {
    run({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_holdout: %s\n", error.what());
    return 1;
  }
}
