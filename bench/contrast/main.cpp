// Contrastive training outside a job, for bench/contrast/run.
//   bench_contrast train KIND FOLDER EXAMPLES.jsonl OUT [name=value ...]   trains, writes the encoder to OUT
//   bench_contrast encode KIND FOLDER TRAINED TEXTS.jsonl PREFIX [threads=N max_tokens=N]   TRAINED: OUT of train, or -
//   bench_contrast step FOLDER EXAMPLES.jsonl OUT [name=value ...]         times whole steps on all examples as one
//   batch
// KIND: static (FOLDER with table.bin), bert, projection (of bert). Under mpirun the ranks share the work.
// Each ends with one JSON line.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/contrast/models.hpp"
#include "equal/encode/projection.hpp"
#include "equal/encode/safetensors.hpp"
#include "equal/linalg/gemm.hpp"

#include "../bert/corpus.hpp"
#include "inputs.hpp"

namespace {

using namespace equal;
namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using Options = std::map<std::string, double>;

Options options(const Words& words, std::size_t first) {
  Options out = {{"threads", 0},         {"max_tokens", 256},  {"seed", 1},       {"learning_rate", 0}, {"epochs", 0},
                 {"temperature", 0},     {"backward", 0},      {"batch", 64},     {"negatives", 15},    {"patience", 3},
                 {"weight_decay", 0.01}, {"steps", 5},         {"first_rank", 2}, {"last_rank", 200},   {"rows", 0},
                 {"projection", 1},      {"part_tokens", 1024}};
  for (std::size_t i = first; i < words.size(); ++i) {
    const auto at = words[i].find('=');
    const auto found = out.find(words[i].substr(0, at));
    if (at == std::string::npos || found == out.end()) throw UsageError("bench_contrast: what is " + words[i] + "?");
    found->second = std::stod(words[i].substr(at + 1));
  }
  return out;
}

std::size_t whole(double x) { return static_cast<std::size_t>(x); }

encode::BertParams bert_params(const Options& o) {
  encode::BertParams p;
  p.precision = encode::BertPrecision::f32;
  p.max_tokens = whole(o.at("max_tokens"));
  return p;
}

std::unique_ptr<encode::Encoder> load(const std::string& kind, const fs::path& folder, const std::string& trained,
                                      const Options& o) {
  const bool stock = trained == "-";
  if (kind == "static") return encode::make_static_table(encode::load_static_table(stock ? folder : fs::path(trained)));
  if (kind == "bert") return encode::load_bert(stock ? folder : fs::path(trained), bert_params(o));
  auto base = encode::load_bert(folder, bert_params(o));
  if (stock) return base;
  auto map = encode::load_projection(trained, base->dim());
  return encode::make_projected(std::move(base), std::move(map));
}

contrast::TrainParams train_params(const std::string& kind, const Options& o) {
  const contrast::Recipe recipe = kind == "bert"                         ? contrast::kBertRecipe
                                  : kind == "static" && o.at("rows") > 0 ? contrast::kTableRecipe
                                                                         : contrast::kMapRecipe;
  contrast::TrainParams p;
  p.seed = whole(o.at("seed"));
  p.loss.temperature = o.at("temperature") > 0 ? o.at("temperature") : recipe.temperature;
  p.loss.backward_share = o.at("backward");
  p.optimiser.weight_decay = o.at("weight_decay");
  p.learning_rate = o.at("learning_rate") > 0 ? o.at("learning_rate") : recipe.learning_rate;
  p.epochs = o.at("epochs") > 0 ? whole(o.at("epochs")) : recipe.epochs;
  p.batch = whole(o.at("batch"));
  p.hard_negatives = whole(o.at("negatives"));
  p.patience = whole(o.at("patience"));
  p.part_tokens = whole(o.at("part_tokens"));
  return p;
}

int train(comm::Communicator& comm, ThreadPool& pool, const Words& w) {
  const Options o = options(w, 5);
  std::unique_ptr<encode::Encoder> base;
  std::unique_ptr<contrast::Trainable> model;
  if (w[1] == "static") {
    model =
        contrast::make_trainable_static(encode::load_static_table(w[2]), {o.at("rows") > 0, o.at("projection") > 0});
  } else if (w[1] == "bert") {
    model = contrast::make_trainable_bert(w[2], bert_params(o));
  } else {
    base = encode::load_bert(w[2], bert_params(o));
    model = contrast::make_trainable_projection(*base);
  }
  auto examples = bench::read_examples(w[3], *model, pool);
  const auto params = train_params(w[1], o);
  contrast::HardNegativeParams negatives;
  negatives.seed = params.seed;
  negatives.count = params.hard_negatives;
  negatives.first_rank = whole(o.at("first_rank")), negatives.last_rank = whole(o.at("last_rank"));
  contrast::mine_hard_negatives(comm, *model, examples, negatives, params.part_tokens, pool);
  const double start = bench::seconds_now();
  contrast::TrainHooks hooks;
  hooks.evaluated = [&](const contrast::TrainPoint& p) {
    std::fprintf(stderr, "step %llu, loss %.4f, held-out MRR %.4f, %.1f s\n", static_cast<unsigned long long>(p.step),
                 p.loss, p.mrr, bench::seconds_now() - start);
  };
  const auto result = contrast::train(comm, *model, examples, params, pool, hooks);
  if (!comm.is_root()) return 0;
  model->save(w[4]);
  Json curve = Json::array();
  for (const auto& p : result.curve) curve.push_back({p.step, p.loss, p.mrr});
  std::printf("%s\n", dump_json({{"documents", examples.size()},
                                 {"steps", result.steps},
                                 {"best_step", result.best_step},
                                 {"seconds", bench::seconds_now() - start},
                                 {"curve", curve}})
                          .c_str());
  return 0;
}

int encode_texts(ThreadPool& pool, const Words& w) {
  const auto encoder = load(w[1], w[2], w[3], options(w, 6));
  const auto texts = bench::read_texts(w[4]);
  const double start = bench::seconds_now();
  bench::write_vectors(*encoder, texts, w[5], pool);
  std::printf("%s\n", dump_json({{"documents", texts.documents.size()},
                                 {"queries", texts.queries.size()},
                                 {"seconds", bench::seconds_now() - start}})
                          .c_str());
  return 0;
}

/// As a safetensors file with the names of the parameters; rows without a gradient are zero.
void save_gradient(const contrast::Parameters& parameters, const contrast::GradientSum& gradient,
                   const fs::path& folder) {
  std::vector<linalg::Matrix<float>> all;
  std::vector<encode::NamedTensor> tensors;
  std::vector<std::uint32_t> rows;
  std::vector<float> values;
  for (std::size_t t = 0; t < parameters.size(); ++t) {
    const std::size_t columns = parameters[t].values.columns();
    gradient.read(t, rows, values);
    all.emplace_back(parameters[t].values.rows(), columns);
    if (parameters[t].updates == contrast::Updates::dense) std::ranges::copy(values, all.back().values().begin());
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * columns), columns, all.back().row(rows[i]).begin());
  }
  for (std::size_t t = 0; t < parameters.size(); ++t)
    tensors.push_back({parameters[t].name, {all[t].rows(), all[t].columns()}, all[t].values()});
  fs::create_directories(folder);
  encode::write_safetensors(folder / "gradient.safetensors", tensors);
}

/// The first step is saved and not timed; the next ones go on from it.
int step(comm::Communicator& comm, ThreadPool& pool, const Words& w) {
  const Options o = options(w, 4);
  const auto model = contrast::make_trainable_bert(w[1], bert_params(o));
  const auto examples = bench::read_examples(w[2], *model, pool);
  const auto params = train_params("bert", o);
  std::vector<std::size_t> batch;  // the others lend their pairs as hard negatives
  for (std::size_t e = 0; e < examples.size(); ++e) {
    if (!examples[e].held_out) batch.push_back(e);
  }
  contrast::GradientSum gradient(model->parameters());
  contrast::AdamW optimiser(model->parameters(), params.optimiser);
  std::vector<double> seconds, losses;
  for (std::size_t i = 0; i <= whole(o.at("steps")); ++i) {
    comm.barrier();
    const double start = bench::seconds_now();
    gradient.clear();
    losses.push_back(contrast::batch_gradient(comm, *model, examples, batch, 0, params, pool, gradient));
    if (i == 0 && comm.is_root()) save_gradient(model->parameters(), gradient, w[3]);
    optimiser.step(model->parameters(), gradient, params.learning_rate);
    if (i > 0) seconds.push_back(bench::seconds_now() - start);
    if (i == 0 && comm.is_root()) model->save(w[3]);
  }
  std::size_t tokens = 0;
  for (std::size_t t = 0; t < model->texts(); ++t) tokens += model->tokens(t);
  Sha256 sha;
  for (const auto& t : model->parameters()) sha.update(std::as_bytes(t.values.values()));
  if (comm.is_root())
    std::printf("%s\n", dump_json({{"losses", losses},
                                   {"seconds", seconds},
                                   {"texts", model->texts()},
                                   {"tokens", tokens},
                                   {"ranks", comm.size()},
                                   {"threads", pool.size()},
                                   {"digest", sha.hex()}})
                            .c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Words words(argv + 1, argv + argc);
  try {
    return comm::with_mpi(argc, argv, [&](comm::Communicator& comm) {
      const std::size_t least = words.empty() ? 1 : words[0] == "step" ? 4 : words[0] == "train" ? 5 : 6;
      if (words.size() < least || (words[0] != "train" && words[0] != "encode" && words[0] != "step"))
        throw UsageError("bench_contrast: train, encode or step, see the head of bench/contrast/main.cpp");
      linalg::use_one_blas_thread();
      log::configure("warn", comm.rank(), comm.size());
      const double threads = options(words, least).at("threads");
      ThreadPool pool(whole(threads));
      if (words[0] == "train") return train(comm, pool, words);
      if (words[0] == "encode") return encode_texts(pool, words);
      return step(comm, pool, words);
    });
  } catch (const Error& e) {
    std::fprintf(stderr, "bench_contrast: %s\n", e.what());
    return static_cast<int>(e.family());
  }
}
