#include <algorithm>
#include <cmath>
#include <limits>

#include "equal/linalg/int8_gemm.hpp"

#include "screen.hpp"

namespace equal::cluster {
namespace {

// Rows are stored as q + 128, and 128 sum(r) is taken off each product.

/// v ~ scale q with |q| <= 127, and the measured norms of scale q and of the rounding, both rounded up.
struct Quantised {
  float scale = 0, length = 0, noise = 0;
  std::int32_t sum = 0;
};

template <class Store>
Quantised quantise(std::span<const float> values, const Store& store) {
  float most = 0;
  for (const float v : values) most = std::max(most, std::abs(v));
  const float scale = most / 127.0F;
  double length2 = 0, noise2 = 0;
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto q = most > 0 ? static_cast<std::int32_t>(std::lrint(values[i] / scale)) : 0;
    const double approximate = static_cast<double>(scale) * q, error = approximate - static_cast<double>(values[i]);
    length2 += approximate * approximate;
    noise2 += error * error;
    sum += q;
    store(i, q);
  }
  return {scale, static_cast<float>(std::sqrt(length2) * (1 + 1e-6)),
          static_cast<float>(std::sqrt(noise2) * (1 + 1e-6)), sum};
}

class OnednnScreen final : public Screen {
 public:
  explicit OnednnScreen(std::size_t dim) : dim_(dim) {}
  void clear(std::size_t places) override;
  PlaceError put(std::size_t place, std::span<const float> centroid, double norm2) override;
  std::unique_ptr<ScreenWorker> make_worker() const override;
  std::string name() const override { return "int8 oneDNN"; }
  std::size_t slot_multiple() const noexcept override { return 8; }

  std::size_t dim_;
  linalg::Matrix<std::int8_t> values_;  // (groups * 16, dim)
  std::vector<float> norm2_, scale_;    // |c|^2 (infinite where there is no centroid), 2 t
  std::vector<std::int32_t> surplus_;
};

class OnednnWorker final : public ScreenWorker {
 public:
  explicit OnednnWorker(const OnednnScreen& screen) : screen_(screen), row_(screen.dim_) {}

  void load(const float16* rows, std::span<const std::uint32_t> which) override {
    slots_ = which.size();
    if (bytes_.rows() < slots_) {
      bytes_ = linalg::Matrix<std::uint8_t>(slots_, row_.size());
      picked_ = linalg::Matrix<std::uint8_t>(slots_, row_.size());
    }
    errors_.length.resize(slots_);
    errors_.noise.resize(slots_);
    scale_.resize(slots_);
    for (std::size_t i = 0; i < slots_; ++i) {
      linalg::to_float32({rows + which[i] * row_.size(), row_.size()}, row_);
      const auto out = bytes_.row(i);
      const Quantised row =
          quantise(row_, [&](std::size_t d, std::int32_t q) { out[d] = static_cast<std::uint8_t>(q + kInt8Offset); });
      scale_[i] = row.scale;
      errors_.length[i] = 2 * (row.length + row.noise);  // at least 2 |x|
      errors_.noise[i] = 2 * row.noise;
    }
  }

  void score_all(float* scores) override {
    const std::size_t columns = screen_.values_.rows();
    products_.resize(slots_ * columns);
    linalg::gemm_nt(bytes_.view().slice(0, slots_), screen_.values_.view(), {products_.data(), slots_, columns});
    for (std::size_t i = 0; i < slots_; ++i)
      to_scores(products_.data() + i * columns, 0, columns, scale_[i], scores + i * columns);
  }

  void score_some(std::size_t group, std::span<const std::uint16_t> slots, float* scores) override {
    for (std::size_t p = 0; p < slots.size(); ++p)
      std::copy_n(bytes_.row(slots[p]).begin(), row_.size(), picked_.row(p).begin());
    products_.resize(slots.size() * kLanes);
    linalg::gemm_nt(picked_.view().slice(0, slots.size()), screen_.values_.view().slice(group * kLanes, kLanes),
                    {products_.data(), slots.size(), kLanes});
    for (std::size_t p = 0; p < slots.size(); ++p) {
      to_scores(products_.data() + p * kLanes, group * kLanes, kLanes, scale_[slots[p]], scores + p * kLanes);
    }
  }

 private:
  void to_scores(const std::int32_t* products, std::size_t first, std::size_t count, float scale, float* out) const {
    for (std::size_t j = 0; j < count; ++j) {
      out[j] = screen_.norm2_[first + j] -
               scale * screen_.scale_[first + j] * static_cast<float>(products[j] - screen_.surplus_[first + j]);
    }
  }

  const OnednnScreen& screen_;
  std::size_t slots_ = 0;
  std::vector<float> row_, scale_;
  linalg::Matrix<std::uint8_t> bytes_, picked_;
  std::vector<std::int32_t> products_;
};

void OnednnScreen::clear(std::size_t places) {
  values_ = linalg::Matrix<std::int8_t>(places, dim_);
  norm2_.assign(places, std::numeric_limits<float>::infinity());
  scale_.assign(places, 0.0F);
  surplus_.assign(places, 0);
}

Screen::PlaceError OnednnScreen::put(std::size_t place, std::span<const float> centroid, double norm2) {
  const auto out = values_.row(place);
  const Quantised c = quantise(centroid, [&](std::size_t d, std::int32_t r) { out[d] = static_cast<std::int8_t>(r); });
  norm2_[place] = static_cast<float>(norm2);
  scale_[place] = 2 * c.scale;
  surplus_[place] = kInt8Offset * c.sum;
  return {c.length, c.noise};
}

std::unique_ptr<ScreenWorker> OnednnScreen::make_worker() const { return std::make_unique<OnednnWorker>(*this); }

}  // namespace

std::unique_ptr<Screen> make_onednn_screen(std::size_t dim) {
  return dim <= kInt8MaxDim && linalg::has_int8_gemm() ? std::make_unique<OnednnScreen>(dim) : nullptr;
}

}  // namespace equal::cluster
