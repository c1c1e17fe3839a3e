#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/contrast/models.hpp"
#include "equal/job/progress.hpp"
#include "equal/job/stop.hpp"

#include "encoders.hpp"
#include "warmup.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

enum class Trained { map, table, transformer, projection };

/// What warmup.train means for the encoder.
Trained what_is_trained(const settings::Settings& s) {
  const bool has_table = s.encoder == "static" && s.encoder_table != "hash";
  const bool has_weights = has_table || s.encoder == "bert";
  if (s.warmup_train == "weights" && !has_weights)
    throw UsageError(format("warmup.train = weights: encoder.kind = {} has none that could be trained; use projection",
                            s.encoder == "static" ? "static with encoder.table = hash" : s.encoder));
  if (s.warmup_train == "projection" || !has_weights) return Trained::projection;
  if (has_table) return s.warmup_train == "weights" ? Trained::table : Trained::map;
  return Trained::transformer;
}

std::unique_ptr<contrast::Trainable> make_trainable(const Job& job, encode::Encoder& stock, Trained what) {
  switch (what) {
    case Trained::map:
    case Trained::table:
      return contrast::make_trainable_static(encode::load_static_table(job.workspace.encoder()),
                                             {.rows = what == Trained::table});
    case Trained::transformer:
      return contrast::make_trainable_bert(job.settings.encoder_model, bert_params(job.settings));
    case Trained::projection:
      break;
  }
  return contrast::make_trainable_projection(stock);
}

contrast::Recipe recipe_of(Trained what) {
  return what == Trained::table         ? contrast::kTableRecipe
         : what == Trained::transformer ? contrast::kBertRecipe
                                        : contrast::kMapRecipe;
}

contrast::TrainParams train_params(const settings::Settings& s, Trained what) {
  const contrast::Recipe r = recipe_of(what);
  contrast::TrainParams p;
  p.seed = s.seed;
  p.loss.temperature = s.warmup_temperature > 0 ? s.warmup_temperature : r.temperature;
  p.loss.backward_share = s.warmup_backward_share;
  p.learning_rate = s.warmup_learning_rate > 0 ? s.warmup_learning_rate : r.learning_rate;
  p.epochs = passes_at_most(s);
  p.batch = s.warmup_batch;
  p.hard_negatives = s.warmup_hard_negatives;
  p.patience = s.warmup_patience;
  return p;
}

/// Whole documents whose pieces are measured on: the first warmup.held_out of them by hash.
std::unordered_set<Digest128, Digest128Hash> held_out(const std::vector<WarmupDocument>& documents,
                                                      const settings::Settings& s) {
  std::vector<std::pair<std::uint64_t, Digest128>> keyed;
  keyed.reserve(documents.size());
  for (const WarmupDocument& d : documents) keyed.emplace_back(keyed_hash(s.seed, "held out", d.whole), d.whole);
  std::sort(keyed.begin(), keyed.end());
  keyed.erase(std::unique(keyed.begin(), keyed.end()), keyed.end());
  keyed.resize(static_cast<std::size_t>(std::llround(s.warmup_held_out * static_cast<double>(keyed.size()))));
  std::unordered_set<Digest128, Digest128Hash> out;
  for (const auto& [hash, whole] : keyed) out.insert(whole);
  return out;
}

std::vector<contrast::Example> add_examples(contrast::Trainable& model, const std::vector<WarmupDocument>& documents,
                                            const settings::Settings& s, ThreadPool& pool) {
  const auto measured = held_out(documents, s);
  std::vector<std::string> pairs;
  std::vector<std::string_view> texts;
  std::vector<contrast::Example> out;
  for (const WarmupDocument& d : documents) {
    contrast::Example e;
    e.digest = d.digest;
    e.document = texts.size();
    e.held_out = measured.contains(d.whole);
    for (const extract::Pair& p : d.pairs) {
      e.pairs.push_back(documents.size() + pairs.size());
      e.pair_keys.push_back(duplicate_digest(p).low);
      pairs.push_back(pair_text(p));
    }
    texts.push_back(d.text);
    out.push_back(std::move(e));
  }
  model.add_texts(texts, encode::Role::document, pool);
  const std::vector<std::string_view> views(pairs.begin(), pairs.end());
  model.add_texts(views, encode::Role::query, pool);
  return out;
}

void write_trained_encoder(const contrast::Trainable& model, const Workspace& aligned, const std::string& identity) {
  fs::remove_all(aligned.encoder());
  model.save(aligned.encoder());
  Json files = Json::object();
  for (const auto& entry : fs::recursive_directory_iterator(aligned.encoder())) {
    if (entry.is_regular_file())
      files[fs::relative(entry.path(), aligned.encoder()).string()] = sha256_file(entry.path().string());
  }
  write_file_atomically(aligned.encoder() / "encoder.json", seal_json({{"training", identity}, {"files", files}}, 2));
}

}  // namespace

std::uint64_t passes_at_most(const settings::Settings& s) {
  return s.warmup_epochs > 0 ? s.warmup_epochs : recipe_of(what_is_trained(s)).epochs;
}

void check_trained_encoder(const Workspace& aligned) {
  const fs::path path = aligned.encoder() / "encoder.json";
  const Json files = unseal_json(read_file(path), path.string()).value("files", Json::object());
  for (const auto& [name, digest] : files.items()) {
    const fs::path file = aligned.encoder() / name;
    if (sha256_file(file.string()) != digest)
      throw DataError(file.string() + ": is not what the warm-up wrote; run with --redo warmup");
  }
}

WarmupTrained train_warmup(Job& job, const Workspace& aligned, encode::Encoder& stock,
                           const std::vector<WarmupDocument>& documents, const std::string& identity) {
  const settings::Settings& s = job.settings;
  Trained what{};
  std::unique_ptr<contrast::Trainable> model;
  std::vector<contrast::Example> examples;
  comm::agree(job.comm, [&] {
    what = what_is_trained(s);
    model = make_trainable(job, stock, what);
    examples = add_examples(*model, documents, s, job.pool);
  });
  const contrast::TrainParams params = train_params(s, what);
  contrast::HardNegativeParams negatives;
  negatives.seed = s.seed;
  negatives.count = s.warmup_hard_negatives;
  contrast::mine_hard_negatives(job.comm, *model, examples, negatives, params.part_tokens, job.pool);

  WarmupTrained out;
  out.held_out = static_cast<std::size_t>(std::ranges::count_if(examples, [](const auto& e) { return e.held_out; }));
  if (job.comm.is_root())
    log::info("warmup: training the {} on {} documents, {} held out",
              std::array{"map of the table", "table", "transformer", "projection"}[static_cast<std::size_t>(what)],
              documents.size() - out.held_out, out.held_out);
  const std::size_t epoch_steps =
      std::max<std::size_t>(1, (documents.size() - out.held_out + params.batch - 1) / params.batch);
  ProgressLine line(job.workspace, "warmup", "steps", params.epochs * epoch_steps);
  contrast::TrainHooks hooks;
  hooks.checkpoint = aligned.training_state();
  hooks.identity = identity;
  hooks.evaluated = [&](const contrast::TrainPoint& p) {
    log::info("warmup: step {} of {}, loss {:.4f}, held-out MRR {:.4f}", p.step, params.epochs * epoch_steps, p.loss,
              p.mrr);
    line.write_status(p.step, {{"held_out_mrr", p.mrr}});
  };
  hooks.stop = &stop_requested;
  out.result = contrast::train(job.comm, *model, examples, params, job.pool, hooks);
  if (!out.result.complete) {
    throw Error(Family::checkpointed,
                "warmup: stopped on request in training; the same command line goes on after the last epoch");
  }
  const auto& curve = out.result.curve;
  if (!curve.empty()) {
    out.before = curve.front().mrr;
    out.after = std::ranges::max_element(curve, {}, &contrast::TrainPoint::mrr)->mrr;
  }
  comm::agree(job.comm, [&] {
    if (job.comm.is_root() && out.result.best_step > 0) write_trained_encoder(*model, aligned, identity);
  });
  return out;
}

}  // namespace equal::job
