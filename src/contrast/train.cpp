#include "equal/contrast/train.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/linalg/training.hpp"

#include "batch.hpp"

namespace equal::contrast {
namespace {

/// Everything a training needs to go on, bit for bit.
struct State {
  std::uint64_t step = 0;
  std::size_t epochs = 0, epochs_without_gain = 0;
  TrainResult result;
  std::vector<std::vector<float>> best;  // values of each tensor at result.best_step
};

std::vector<std::vector<float>> values_of(const Parameters& parameters) {
  std::vector<std::vector<float>> out;
  for (const Tensor& t : parameters) out.emplace_back(t.values.values().begin(), t.values.values().end());
  return out;
}

void set_values(Parameters& parameters, const std::vector<std::vector<float>>& values) {
  for (std::size_t t = 0; t < parameters.size(); ++t) {
    if (values[t].size() != parameters[t].values.values().size())
      throw DataError("a training checkpoint of other parameters; run with --redo warmup");
    std::ranges::copy(values[t], parameters[t].values.values().begin());
  }
}

std::string to_bytes(const State& s, const Parameters& parameters, const AdamW& optimiser,
                     const std::string& identity) {
  ByteWriter w;
  w.put_string("equal training 1").put_string(identity);
  w.put(s.step).put(s.epochs).put(s.epochs_without_gain).put(s.result.best_step);
  w.put_span(std::span<const TrainPoint>(s.result.curve));
  for (const auto& v : s.best) w.put_span(std::span<const float>(v));
  for (const auto& v : values_of(parameters)) w.put_span(std::span<const float>(v));
  w.put_string(optimiser.save());
  std::string bytes = w.take();
  return bytes + sha256_hex(bytes);
}

/// False: it is no checkpoint of this training.
bool from_bytes(std::string_view bytes, const std::string& identity, State& s, Parameters& parameters,
                AdamW& optimiser) {
  constexpr std::size_t kDigest = 64;
  if (bytes.size() < kDigest ||
      sha256_hex(bytes.substr(0, bytes.size() - kDigest)) != bytes.substr(bytes.size() - kDigest))
    return false;
  ByteReader r(bytes);
  if (r.get_string() != "equal training 1" || r.get_string() != identity) return false;
  s.step = r.get<std::uint64_t>();
  s.epochs = r.get<std::size_t>();
  s.epochs_without_gain = r.get<std::size_t>();
  s.result.best_step = r.get<std::uint64_t>();
  s.result.curve = r.get_vector<TrainPoint>();
  std::vector<std::vector<float>> now;
  for (std::size_t t = 0; t < parameters.size(); ++t) s.best.push_back(r.get_vector<float>());
  for (std::size_t t = 0; t < parameters.size(); ++t) now.push_back(r.get_vector<float>());
  set_values(parameters, now);
  optimiser.restore(r.get_string());
  return true;
}

/// Collective. Rank 0's checkpoint on all ranks, where there is one.
bool go_on(comm::Communicator& comm, const TrainHooks& hooks, State& state, Parameters& parameters, AdamW& optimiser) {
  std::string bytes;
  comm::agree(comm, [&] {
    if (comm.is_root() && !hooks.checkpoint.empty() && std::filesystem::exists(hooks.checkpoint))
      bytes = read_file(hooks.checkpoint, std::uint64_t{1} << 40);
  });
  bytes = comm::broadcast_string(comm, std::move(bytes));
  bool found = false;
  comm::agree(comm, [&] { found = !bytes.empty() && from_bytes(bytes, hooks.identity, state, parameters, optimiser); });
  return found;
}

/// Indices of the examples that are trained on, in the order of this epoch.
std::vector<std::size_t> epoch_order(std::span<const Example> examples, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::pair<std::uint64_t, std::size_t>> keyed;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    if (!examples[e].held_out && !examples[e].pairs.empty())
      keyed.emplace_back(mix64(keyed_hash(seed, "batch order", examples[e].digest) + epoch), e);
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<std::size_t> out;
  out.reserve(keyed.size());
  for (const auto& [hash, e] : keyed) out.push_back(e);
  return out;
}

double rate_at(const TrainParams& p, std::uint64_t step, std::uint64_t total) {
  const double rise = std::max(1.0, p.warmup_share * static_cast<double>(total)), at = static_cast<double>(step) + 1;
  if (at <= rise) return p.learning_rate * at / rise;
  return p.learning_rate *
         std::max(0.0, (static_cast<double>(total) - at + 1) / (static_cast<double>(total) - rise + 1));
}

/// Collective. Mean over held-out documents of the mean over their pairs of 1 / rank of the pair among all pairs of
/// other documents with another text: every pair counts, since held-out documents are few.
double held_out_mrr(comm::Communicator& comm, const Trainable& model, std::span<const Example> examples,
                    const TrainParams& params, ThreadPool& pool) {
  std::vector<std::size_t> queries, candidates;
  std::vector<Candidate> names;
  for (std::size_t e = 0; e < examples.size(); ++e) {
    if (examples[e].held_out && !examples[e].pairs.empty()) queries.push_back(examples[e].document);
    for (std::size_t i = 0; i < examples[e].pairs.size(); ++i) {
      candidates.push_back(examples[e].pairs[i]);
      names.push_back({e, examples[e].pair_keys[i]});
    }
  }
  if (queries.empty()) return 0.0;
  const auto documents = embed(comm, model, queries, params.part_tokens, pool);
  const auto pairs = embed(comm, model, candidates, params.part_tokens, pool);
  linalg::Matrix<float> scores(queries.size(), candidates.size());
  linalg::training::multiply(documents.view(), linalg::training::Side::plain, pairs.view(),
                             linalg::training::Side::transposed, 0.0F, scores.view());
  double sum = 0;
  std::size_t row = 0, first = 0;  // of the document's query and pairs
  for (std::size_t e = 0; e < examples.size(); first += examples[e].pairs.size(), ++e) {
    if (!examples[e].held_out || examples[e].pairs.empty()) continue;
    double of_document = 0;
    for (std::size_t own = first; own < first + examples[e].pairs.size(); ++own) {
      std::size_t rank = 1;
      for (std::size_t j = 0; j < candidates.size(); ++j) {
        if (scores(row, j) >= scores(row, own) && names[j].document != e && names[j].text != names[own].text) ++rank;
      }
      of_document += 1.0 / static_cast<double>(rank);
    }
    sum += of_document / static_cast<double>(examples[e].pairs.size());
    ++row;
  }
  return sum / static_cast<double>(queries.size());
}

}  // namespace

linalg::Matrix<float> embed(comm::Communicator& comm, const Trainable& model, std::span<const std::size_t> texts,
                            std::size_t part_tokens, ThreadPool& pool) {
  linalg::Matrix<float> out(texts.size(), model.dim());
  const auto parts = cut_into_parts(model, texts, part_tokens, comm.size());
  comm::agree(comm, [&] {
    pool.run(parts.size(), [&](std::size_t p, std::size_t) {
      const Part& part = parts[p];
      if (part.rank == comm.rank())
        model.forward(texts.subspan(part.first, part.count), out.view().slice(part.first, part.count), nullptr);
    });
  });
  share_rows(comm, parts, out.view());
  return out;
}

double batch_gradient(comm::Communicator& comm, Trainable& model, std::span<const Example> examples,
                      std::span<const std::size_t> chosen, std::uint64_t epoch, const TrainParams& params,
                      ThreadPool& pool, GradientSum& gradient) {
  const Batch batch = make_batch(examples, chosen, epoch, params);
  const std::span<const std::size_t> texts(batch.texts);
  linalg::Matrix<float> rows(texts.size(), model.dim()), grad(texts.size(), model.dim());
  const auto parts = cut_into_parts(model, texts, params.part_tokens, comm.size());
  std::vector<std::size_t> own;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (parts[p].rank == comm.rank()) own.push_back(p);
  }
  // What a tape may take is decided in the order of the parts, before any thread runs.
  std::vector<std::unique_ptr<Tape>> tapes(parts.size());
  std::vector<bool> keep(parts.size());
  std::size_t bytes = 0;
  for (const std::size_t p : own) {
    bytes += model.tape_bytes(parts[p].tokens);
    keep[p] = bytes <= params.tape_bytes;
  }
  const auto texts_of = [&](const Part& part) { return texts.subspan(part.first, part.count); };
  comm::agree(comm, [&] {
    pool.run(own.size(), [&](std::size_t i, std::size_t) {
      const std::size_t p = own[i];
      model.forward(texts_of(parts[p]), rows.view().slice(parts[p].first, parts[p].count),
                    keep[p] ? &tapes[p] : nullptr);
    });
  });
  share_rows(comm, parts, rows.view());

  const std::size_t n = batch.documents;
  const auto view = std::as_const(rows).view();
  const double loss = info_nce(view.slice(0, n), view.slice(n, texts.size() - n), batch.names, params.loss,
                               grad.view().slice(0, n), grad.view().slice(n, texts.size() - n));
  comm::agree(comm, [&] {
    pool.run(own.size(), [&](std::size_t i, std::size_t) {
      const std::size_t p = own[i];
      if (!tapes[p]) {
        linalg::Matrix<float> again(parts[p].count, model.dim());
        model.forward(texts_of(parts[p]), again.view(), &tapes[p]);
      }
      model.backward(texts_of(parts[p]), *tapes[p], std::as_const(grad).view().slice(parts[p].first, parts[p].count),
                     gradient);
      tapes[p].reset();
    });
  });
  gradient.reduce(comm);
  return loss;
}

TrainResult train(comm::Communicator& comm, Trainable& model, std::span<const Example> examples,
                  const TrainParams& params, ThreadPool& pool, const TrainHooks& hooks) {
  Parameters& parameters = model.parameters();
  AdamW optimiser(parameters, params.optimiser);
  GradientSum gradient(parameters);
  State state;
  const std::uint64_t documents = epoch_order(examples, params.seed, 0).size();
  const std::uint64_t steps_an_epoch = (documents + params.batch - 1) / std::max<std::uint64_t>(params.batch, 1);
  const std::uint64_t total = steps_an_epoch * params.epochs;

  const auto evaluate = [&](double loss) {
    const TrainPoint point{state.step, loss, held_out_mrr(comm, model, examples, params, pool)};
    const auto& curve = state.result.curve;
    const bool better = curve.empty() || point.mrr > std::max_element(curve.begin(), curve.end(), [](auto& a, auto& b) {
                                                       return a.mrr < b.mrr;
                                                     })->mrr;
    state.result.curve.push_back(point);
    state.epochs_without_gain = better ? 0 : state.epochs_without_gain + 1;
    if (better) {
      state.best = values_of(parameters);
      state.result.best_step = state.step;
    }
    if (comm.is_root() && hooks.evaluated) hooks.evaluated(point);
  };
  const auto checkpoint = [&] {
    comm::agree(comm, [&] {
      if (comm.is_root() && !hooks.checkpoint.empty())
        write_file_atomically(hooks.checkpoint, to_bytes(state, parameters, optimiser, hooks.identity));
    });
  };

  if (!go_on(comm, hooks, state, parameters, optimiser)) evaluate(0.0);
  const bool nothing = documents < 2;  // no negatives, nothing to learn
  while (!nothing && state.step < total && (params.patience == 0 || state.epochs_without_gain < params.patience)) {
    const std::uint64_t epoch = state.step / steps_an_epoch;
    const auto order = epoch_order(examples, params.seed, epoch);
    double loss = 0;
    for (std::uint64_t b = 0; b < steps_an_epoch; ++b) {
      if (comm::broadcast(comm, comm.is_root() && hooks.stop && hooks.stop())) {
        state.result.complete = false;  // the checkpoint is that of the last whole epoch
        return state.result;
      }
      const auto first = static_cast<std::size_t>(b * documents / steps_an_epoch);
      const auto last = static_cast<std::size_t>((b + 1) * documents / steps_an_epoch);
      gradient.clear();
      loss += batch_gradient(comm, model, examples, std::span(order).subspan(first, last - first), epoch, params, pool,
                             gradient);
      optimiser.step(parameters, gradient, rate_at(params, state.step, total));
      ++state.step;
    }
    evaluate(loss / static_cast<double>(steps_an_epoch));
    checkpoint();
  }
  set_values(parameters, state.best);
  state.result.steps = state.step;
  return state.result;
}

}  // namespace equal::contrast
