#include "equal/encode/side_by_side.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"

namespace equal::encode {
namespace {

class SideBySide final : public Encoder {
 public:
  SideBySide(Encoder& first, Encoder& second) : first_(first), second_(second) {}
  std::size_t dim() const override { return first_.dim() + second_.dim(); }
  std::string digest() const override {
    return Sha256().update("equal side by side 1").update(first_.digest()).update(second_.digest()).hex();
  }
  std::string description() const override { return first_.description() + " beside " + second_.description(); }
  void encode(std::span<const std::string_view> texts, Role role, linalg::MatrixView<float> out,
              ThreadPool& pool) override {
    if (out.rows != texts.size() || out.columns != dim()) throw InternalError("side by side: output of another shape");
    std::size_t column = 0;
    for (Encoder* encoder : {&first_, &second_}) {
      linalg::Matrix<float> vectors(texts.size(), encoder->dim());
      encoder->encode(texts, role, vectors.view(), pool);
      for (std::size_t i = 0; i < texts.size(); ++i) {
        std::ranges::transform(std::as_const(vectors).row(i), out.row(i).begin() + static_cast<std::ptrdiff_t>(column),
                               [](float x) { return x * std::sqrt(0.5F); });
      }
      column += encoder->dim();
    }
  }

 private:
  Encoder &first_, &second_;
};

}  // namespace

std::unique_ptr<Encoder> make_side_by_side(Encoder& first, Encoder& second) {
  return std::make_unique<SideBySide>(first, second);
}

}  // namespace equal::encode
