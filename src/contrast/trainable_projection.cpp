#include <algorithm>
#include <utility>

#include "equal/contrast/models.hpp"
#include "equal/encode/projection.hpp"
#include "equal/linalg/training.hpp"

#include "unit_rows.hpp"

namespace equal::contrast {
namespace {

using linalg::Matrix;
using linalg::MatrixView;
using linalg::training::Side;

struct ProjectionTape final : Tape {
  Matrix<float> inputs, units;
  std::vector<float> norms;
};

class TrainableProjection final : public Trainable {
 public:
  explicit TrainableProjection(encode::Encoder& base) : base_(base) {
    parameters_.push_back({"linear.weight", identity(base.dim()), Updates::dense, false});
  }
  std::size_t dim() const override { return base_.dim(); }
  Parameters& parameters() override { return parameters_; }
  void add_texts(std::span<const std::string_view> texts, encode::Role role, ThreadPool& pool) override {
    constexpr std::size_t kTogether = 512;
    for (std::size_t first = 0; first < texts.size(); first += kTogether) {
      const std::size_t n = std::min(kTogether, texts.size() - first);
      Matrix<float> block(n, dim());
      base_.encode(texts.subspan(first, n), role, block.view(), pool);
      vectors_.insert(vectors_.end(), block.values().begin(), block.values().end());
    }
  }
  std::size_t texts() const override { return vectors_.size() / dim(); }
  std::size_t tokens(std::size_t) const override { return 8; }  // a product with a matrix of some hundred rows
  std::size_t tape_bytes(std::size_t tokens) const override { return tokens / 8 * 2 * dim() * sizeof(float); }

  void forward(std::span<const std::size_t> texts, MatrixView<float> out, std::unique_ptr<Tape>* tape) const override {
    auto kept = std::make_unique<ProjectionTape>();
    kept->inputs = Matrix<float>(texts.size(), dim());
    kept->norms.resize(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i)
      std::copy_n(vectors_.data() + texts[i] * dim(), dim(), kept->inputs.row(i).begin());
    linalg::training::multiply(std::as_const(kept->inputs).view(), Side::plain, weight(), Side::transposed, 0.0F, out);
    unit_rows(out, kept->norms);
    if (tape == nullptr) return;
    kept->units = Matrix<float>(texts.size(), dim());
    for (std::size_t i = 0; i < texts.size(); ++i) std::ranges::copy(out.row(i), kept->units.row(i).begin());
    *tape = std::move(kept);
  }
  void backward(std::span<const std::size_t> texts, Tape& tape, MatrixView<const float> grad,
                GradientSum& sum) const override {
    auto& t = dynamic_cast<ProjectionTape&>(tape);
    Matrix<float> g(texts.size(), dim()), weight_grad(dim(), dim());
    unit_rows_backward(std::as_const(t.units).view(), t.norms, grad, g.view());
    linalg::training::multiply(std::as_const(g).view(), Side::transposed, std::as_const(t.inputs).view(), Side::plain,
                               0.0F, weight_grad.view());
    sum.add(0, weight_grad.values());
  }
  void save(const std::filesystem::path& folder) const override {
    encode::save_projection(parameters_[0].values, folder);
  }

 private:
  MatrixView<const float> weight() const { return parameters_[0].values.view(); }
  encode::Encoder& base_;
  Parameters parameters_;
  std::vector<float> vectors_;  // (texts, dim)
};

}  // namespace

std::unique_ptr<Trainable> make_trainable_projection(encode::Encoder& base) {
  return std::make_unique<TrainableProjection>(base);
}

}  // namespace equal::contrast
