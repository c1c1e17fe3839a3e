#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "equal/contrast/models.hpp"
#include "equal/linalg/training.hpp"

#include "unit_rows.hpp"

namespace equal::contrast {
namespace {

using linalg::Matrix;
using linalg::MatrixView;
using linalg::training::Side;

struct StaticTape final : Tape {
  Matrix<float> sums, units;  // before and after the map and the scaling to unit length
  std::vector<float> norms;
};

class TrainableStatic final : public Trainable {
 public:
  TrainableStatic(encode::StaticTable table, const StaticTraining& params)
      : table_(std::move(table)), features_(encode::feature_source(table_)), params_(params) {
    for (std::size_t i = 0; i < table_.features.size(); ++i) row_of_feature_.emplace(table_.features[i], i);
    parameters_.push_back({"table", Matrix<float>(0, table_.dim), Updates::rows, false});
    parameters_.push_back({"projection", identity(table_.dim), Updates::dense, false});
  }
  std::size_t dim() const override { return table_.dim; }
  Parameters& parameters() override { return parameters_; }
  void add_texts(std::span<const std::string_view> texts, encode::Role role, ThreadPool& pool) override;
  std::size_t texts() const override { return start_.size() - 1; }
  std::size_t tokens(std::size_t text) const override {
    return std::max<std::size_t>(1, start_[text + 1] - start_[text]);
  }
  std::size_t tape_bytes(std::size_t tokens) const override { return tokens * sizeof(float) * dim() / 16; }
  void forward(std::span<const std::size_t> texts, MatrixView<float> out, std::unique_ptr<Tape>* tape) const override;
  void backward(std::span<const std::size_t> texts, Tape& tape, MatrixView<const float> grad,
                GradientSum& sum) const override;
  void save(const std::filesystem::path& folder) const override;

 private:
  struct Term {
    std::uint32_t row;  ///< of the parameter "table"
    float weight;
  };
  void sum_rows(std::span<const Term> terms, std::span<float> out) const {
    std::ranges::fill(out, 0.0F);
    for (const Term& t : terms) linalg::training::add_scaled(t.weight, parameters_[0].values.row(t.row), out);
  }
  std::span<const Term> terms(std::size_t text) const {
    return std::span(terms_).subspan(start_[text], start_[text + 1] - start_[text]);
  }

  encode::StaticTable table_;
  encode::FeatureSource features_;
  StaticTraining params_;
  std::unordered_map<std::uint32_t, std::size_t> row_of_feature_;
  std::unordered_map<std::size_t, std::uint32_t> trained_;  // row of the table -> row of the parameter
  Parameters parameters_;
  std::vector<std::size_t> start_{0};
  std::vector<Term> terms_;
  float scale_ = 0;  ///< parameter = scale x table: sums of about unit length, whatever the table's own scale
};

void TrainableStatic::add_texts(std::span<const std::string_view> texts, encode::Role, ThreadPool&) {
  std::vector<std::size_t> new_rows;
  std::vector<std::uint64_t> features;
  for (const std::string_view text : texts) {
    features.clear();
    features_(text, features);
    std::sort(features.begin(), features.end());
    for (std::size_t i = 0, next = 0; i < features.size(); i = next) {
      while (next < features.size() && features[next] == features[i]) ++next;
      const auto row = row_of_feature_.find(static_cast<std::uint32_t>(features[i]));
      if (row == row_of_feature_.end()) continue;
      const auto [place, is_new] = trained_.emplace(row->second, static_cast<std::uint32_t>(trained_.size()));
      if (is_new) new_rows.push_back(row->second);
      const double count = static_cast<double>(next - i);
      terms_.push_back({place->second, static_cast<float>(encode::frequency_weight(table_.frequency, count))});
    }
    start_.push_back(terms_.size());
  }
  Matrix<float>& values = parameters_[0].values;
  Matrix<float> grown(trained_.size(), dim());
  std::ranges::copy(std::as_const(values).values(), grown.values().begin());
  for (std::size_t i = 0; i < new_rows.size(); ++i) {
    const auto from = std::span<const linalg::float16>(table_.values).subspan(new_rows[i] * dim(), dim());
    linalg::to_float32(from, grown.row(values.rows() + i));
    if (scale_ > 0) {
      for (float& v : grown.row(values.rows() + i)) v *= scale_;
    }
  }
  values = std::move(grown);
  if (scale_ > 0 || texts.empty()) return;
  double length = 0;
  std::vector<float> sum(dim());
  for (std::size_t i = 0; i < this->texts(); ++i) {
    sum_rows(terms(i), sum);
    length += std::sqrt(linalg::dot_fixed_order(sum, sum)) / static_cast<double>(this->texts());
  }
  scale_ = length > 0 ? static_cast<float>(1 / length) : 1.0F;
  for (float& v : values.values()) v *= scale_;
}

void TrainableStatic::forward(std::span<const std::size_t> texts, MatrixView<float> out,
                              std::unique_ptr<Tape>* tape) const {
  auto kept = std::make_unique<StaticTape>();
  kept->sums = Matrix<float>(texts.size(), dim());
  kept->norms.resize(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) sum_rows(terms(texts[i]), kept->sums.row(i));
  linalg::training::multiply(std::as_const(kept->sums).view(), Side::plain, parameters_[1].values.view(),
                             Side::transposed, 0.0F, out);
  unit_rows(out, kept->norms);
  if (tape == nullptr) return;
  kept->units = Matrix<float>(texts.size(), dim());
  for (std::size_t i = 0; i < texts.size(); ++i) std::ranges::copy(out.row(i), kept->units.row(i).begin());
  *tape = std::move(kept);
}

void TrainableStatic::backward(std::span<const std::size_t> texts, Tape& tape, MatrixView<const float> grad,
                               GradientSum& sum) const {
  auto& t = dynamic_cast<StaticTape&>(tape);
  Matrix<float> g(texts.size(), dim());
  unit_rows_backward(std::as_const(t.units).view(), t.norms, grad, g.view());
  if (params_.projection) {
    Matrix<float> weight_grad(dim(), dim());
    linalg::training::multiply(std::as_const(g).view(), Side::transposed, std::as_const(t.sums).view(), Side::plain,
                               0.0F, weight_grad.view());
    sum.add(1, weight_grad.values());
  }
  if (!params_.rows) return;
  Matrix<float> sum_grad(texts.size(), dim());
  linalg::training::multiply(std::as_const(g).view(), Side::plain, parameters_[1].values.view(), Side::plain, 0.0F,
                             sum_grad.view());
  std::unordered_map<std::uint32_t, std::size_t> place;
  std::vector<std::uint32_t> rows;
  for (const std::size_t text : texts) {
    for (const Term& term : terms(text)) {
      if (place.emplace(term.row, rows.size()).second) rows.push_back(term.row);
    }
  }
  Matrix<float> row_grad(rows.size(), dim());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (const Term& term : terms(texts[i]))
      linalg::training::add_scaled(term.weight, std::as_const(sum_grad).row(i), row_grad.row(place.at(term.row)));
  }
  sum.add_rows(0, rows, std::as_const(row_grad).view());
}

void TrainableStatic::save(const std::filesystem::path& folder) const {
  encode::StaticTable out = table_;
  constexpr std::size_t kTogether = 4096;
  for (std::size_t first = 0; first < out.features.size(); first += kTogether) {
    const std::size_t n = std::min(kTogether, out.features.size() - first);
    Matrix<float> before(n, dim()), after(n, dim());
    for (std::size_t i = 0; i < n; ++i) {
      const auto found = trained_.find(first + i);
      if (found != trained_.end()) {
        std::ranges::transform(parameters_[0].values.row(found->second), before.row(i).begin(),
                               [&](float v) { return v / scale_; });
      } else {
        linalg::to_float32(std::span<const linalg::float16>(table_.values).subspan((first + i) * dim(), dim()),
                           before.row(i));
      }
    }
    linalg::training::multiply(std::as_const(before).view(), Side::plain, parameters_[1].values.view(),
                               Side::transposed, 0.0F, after.view());
    linalg::to_float16(after.values(), std::span(out.values).subspan(first * dim(), n * dim()));
  }
  out.origin += ", trained";
  encode::save_static_table(out, folder);
}

}  // namespace

std::unique_ptr<Trainable> make_trainable_static(encode::StaticTable table, const StaticTraining& params) {
  return std::make_unique<TrainableStatic>(std::move(table), params);
}

}  // namespace equal::contrast
