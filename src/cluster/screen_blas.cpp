#include <cmath>
#include <limits>

#include "equal/linalg/gemm.hpp"

#include "screen.hpp"

namespace equal::cluster {
namespace {

class BlasScreen final : public Screen {
 public:
  explicit BlasScreen(std::size_t dim) : dim_(dim) {}
  void clear(std::size_t places) override;
  PlaceError put(std::size_t place, std::span<const float> centroid, double norm2) override;
  std::unique_ptr<ScreenWorker> make_worker() const override;
  std::string name() const override { return "f32 " + linalg::blas_description(); }
  std::size_t slot_multiple() const noexcept override { return 8; }

  std::size_t dim_;
  linalg::Matrix<float> values_;  // (groups * 16, dim); zero where a group has no centroid
  std::vector<float> norm2_;      // infinite there: never a candidate
};

class BlasWorker final : public ScreenWorker {
 public:
  explicit BlasWorker(const BlasScreen& screen) : screen_(screen) {}

  void load(const float16* rows, std::span<const std::uint32_t> which) override {
    const std::size_t dim = screen_.dim_;
    slots_ = which.size();
    if (rows_.rows() < slots_) rows_ = linalg::Matrix<float>(slots_, dim), picked_ = linalg::Matrix<float>(slots_, dim);
    errors_.length.resize(slots_);
    errors_.noise.resize(slots_);
    const auto n = static_cast<double>(dim);
    const double gamma = n * 0x1p-24 / (1 - n * 0x1p-24);
    for (std::size_t i = 0; i < slots_; ++i) {
      linalg::to_float32({rows + which[i] * dim, dim}, rows_.row(i));
      const double length = std::sqrt(exact_norm2(rows_.row(i).data(), dim));
      errors_.length[i] = 0;
      errors_.noise[i] = static_cast<float>(2 * gamma * length * (1 + 1e-6));
    }
  }

  void score_all(float* scores) override {
    const std::size_t columns = screen_.values_.rows();
    linalg::gemm_nt(-2.0F, rows_.view().slice(0, slots_), screen_.values_.view(), 0.0F, {scores, slots_, columns});
    for (std::size_t i = 0; i < slots_; ++i) {
      for (std::size_t j = 0; j < columns; ++j) scores[i * columns + j] += screen_.norm2_[j];
    }
  }

  void score_some(std::size_t group, std::span<const std::uint16_t> slots, float* scores) override {
    for (std::size_t p = 0; p < slots.size(); ++p)
      std::copy_n(rows_.row(slots[p]).begin(), screen_.dim_, picked_.row(p).begin());
    linalg::gemm_nt(-2.0F, picked_.view().slice(0, slots.size()), screen_.values_.view().slice(group * kLanes, kLanes),
                    0.0F, {scores, slots.size(), kLanes});
    const float* norm2 = screen_.norm2_.data() + group * kLanes;
    for (std::size_t p = 0; p < slots.size(); ++p) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) scores[p * kLanes + lane] += norm2[lane];
    }
  }

 private:
  const BlasScreen& screen_;
  std::size_t slots_ = 0;
  linalg::Matrix<float> rows_, picked_;
};

void BlasScreen::clear(std::size_t places) {
  values_ = linalg::Matrix<float>(places, dim_);
  norm2_.assign(places, std::numeric_limits<float>::infinity());
}

Screen::PlaceError BlasScreen::put(std::size_t place, std::span<const float> centroid, double norm2) {
  std::copy(centroid.begin(), centroid.end(), values_.row(place).begin());
  norm2_[place] = static_cast<float>(norm2);
  return {static_cast<float>(std::sqrt(norm2) * (1 + 1e-6)), 0};
}

std::unique_ptr<ScreenWorker> BlasScreen::make_worker() const { return std::make_unique<BlasWorker>(*this); }

}  // namespace

std::unique_ptr<Screen> make_blas_screen(std::size_t dim) { return std::make_unique<BlasScreen>(dim); }

}  // namespace equal::cluster
