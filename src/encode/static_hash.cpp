#include <algorithm>
#include <cmath>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/encode/static.hpp"

#include "static_kernels.hpp"
#include "static_terms.hpp"

namespace equal::encode {
namespace {

constexpr std::size_t kMaxHashDim = 4096;
constexpr std::size_t kHashTextsPerTask = 16;

class HashEncoder final : public Encoder {
 public:
  explicit HashEncoder(const StaticParams& params) : params_(params), keys_((params.dim + 63) / 64) {
    RandomStream stream(params.seed, "static-hash");
    for (auto& key : keys_) key = stream();
  }

  std::size_t dim() const override { return params_.dim; }
  std::string digest() const override {
    return Sha256()
        .update("equal static hash 1")
        .update_value(std::uint64_t{params_.dim})
        .update_value(params_.seed)
        .hex();
  }
  std::string description() const override {
    return format("static hash: {} random signs per word, seed {}", params_.dim, params_.seed);
  }

  void encode(std::span<const std::string_view> texts, Role, linalg::MatrixView<float> out, ThreadPool& pool) override {
    if (out.rows != texts.size() || out.columns != params_.dim)
      throw InternalError("static hash: output of another shape");
    struct Scratch {
      TermCounter terms;
      std::vector<std::uint64_t> bits;
      std::vector<float> sum;
    };
    std::vector<Scratch> scratch(pool.size());
    const StaticKernels& kernels = static_kernels();
    pool.run((texts.size() + kHashTextsPerTask - 1) / kHashTextsPerTask, [&](std::size_t task, std::size_t thread) {
      Scratch& s = scratch[thread];
      s.bits.resize(keys_.size());
      const std::size_t last = std::min(texts.size(), (task + 1) * kHashTextsPerTask);
      for (std::size_t i = task * kHashTextsPerTask; i < last; ++i) {
        s.sum.assign(64 * keys_.size(), 0.0F);
        for (const Term& term : s.terms.count(texts[i], 0)) {
          for (std::size_t k = 0; k < keys_.size(); ++k) s.bits[k] = mix64(term.feature ^ keys_[k]);
          const double weight = 1.0 + std::log(static_cast<double>(term.count));
          kernels.add_signs(s.sum.data(), s.bits.data(), static_cast<float>(weight), s.sum.size());
        }
        make_unit(s.sum.data(), params_.dim);
        std::copy_n(s.sum.data(), params_.dim, out.row(i).data());
      }
    });
  }

 private:
  StaticParams params_;
  std::vector<std::uint64_t> keys_;
};

}  // namespace

std::unique_ptr<Encoder> make_static_hash(const StaticParams& params) {
  if (params.dim < 1 || params.dim > kMaxHashDim) {
    throw UsageError(format("encoder.dim = {}; must be 1 to {}", params.dim, kMaxHashDim));
  }
  return std::make_unique<HashEncoder>(params);
}

}  // namespace equal::encode
