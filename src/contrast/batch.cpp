#include "batch.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "equal/base/error.hpp"
#include "equal/base/random.hpp"

namespace equal::contrast {

std::vector<Part> cut_into_parts(const Trainable& model, std::span<const std::size_t> texts, std::size_t part_tokens,
                                 int ranks) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::size_t tokens = model.tokens(texts[i]);
    if (parts.empty() || parts.back().tokens + tokens > part_tokens) parts.push_back({i, 0, 0, 0});
    ++parts.back().count;
    parts.back().tokens += tokens;
  }
  std::vector<std::size_t> order(parts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return parts[a].tokens > parts[b].tokens; });
  std::vector<std::size_t> load(static_cast<std::size_t>(ranks), 0);
  for (const std::size_t p : order) {
    const auto least = std::min_element(load.begin(), load.end());
    parts[p].rank = static_cast<int>(least - load.begin());
    *least += parts[p].tokens;
  }
  return parts;
}

void share_rows(comm::Communicator& comm, std::span<const Part> parts, linalg::MatrixView<float> rows) {
  if (comm.size() == 1) return;
  std::string mine;
  for (const Part& p : parts) {
    if (p.rank != comm.rank()) continue;
    mine.append(reinterpret_cast<const char*>(rows.row(p.first).data()), p.count * rows.columns * sizeof(float));
  }
  const auto all = comm.all_gather(mine);
  std::vector<std::size_t> at(all.size(), 0);
  for (const Part& p : parts) {
    const auto rank = static_cast<std::size_t>(p.rank);
    const std::size_t bytes = p.count * rows.columns * sizeof(float);
    if (at[rank] + bytes > all[rank].size()) throw InternalError("a rank sent fewer vectors than its parts have");
    std::copy_n(all[rank].data() + at[rank], bytes, reinterpret_cast<char*>(rows.row(p.first).data()));
    at[rank] += bytes;
  }
}

Batch make_batch(std::span<const Example> examples, std::span<const std::size_t> chosen, std::uint64_t epoch,
                 const TrainParams& params) {
  Batch out;
  out.documents = chosen.size();
  std::unordered_map<std::size_t, Candidate> names;  // of every pair, for hard negatives
  for (std::size_t e = 0; e < examples.size(); ++e) {
    for (std::size_t i = 0; i < examples[e].pairs.size(); ++i) {
      names[examples[e].pairs[i]] = {e, examples[e].pair_keys[i]};
    }
  }
  for (const std::size_t e : chosen) out.texts.push_back(examples[e].document);
  std::unordered_set<std::size_t> taken;
  const auto add = [&](std::size_t pair) {
    out.texts.push_back(pair);
    out.names.push_back(names.at(pair));
    taken.insert(pair);
  };
  // Pairs of a document take turns; where they begin is drawn.
  for (const std::size_t e : chosen) {
    const Example& x = examples[e];
    add(x.pairs[(keyed_hash(params.seed, "pair", x.digest) + epoch) % x.pairs.size()]);
  }
  for (const std::size_t e : chosen) {
    const Example& x = examples[e];
    const std::size_t n = std::min(params.hard_negatives, x.hard_negatives.size());
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t pair = x.hard_negatives[(epoch * n + i) % x.hard_negatives.size()];
      if (!taken.contains(pair)) add(pair);
    }
  }
  return out;
}

}  // namespace equal::contrast
