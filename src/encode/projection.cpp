#include "equal/encode/projection.hpp"

#include <utility>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/encode/safetensors.hpp"
#include "equal/linalg/gemm.hpp"

#include "static_kernels.hpp"

namespace equal::encode {
namespace {

std::filesystem::path file_in(const std::filesystem::path& folder) { return folder / "projection.safetensors"; }

class ProjectedEncoder final : public Encoder {
 public:
  ProjectedEncoder(std::unique_ptr<Encoder> base, linalg::Matrix<float> projection)
      : base_(std::move(base)), projection_(std::move(projection)) {
    Sha256 sha;
    sha.update("equal projection 1").update(base_->digest());
    sha.update(std::as_bytes(std::as_const(projection_).values()));
    digest_ = sha.hex();
  }
  std::size_t dim() const override { return projection_.rows(); }
  std::string digest() const override { return digest_; }
  std::string description() const override { return base_->description() + ", projected"; }
  void encode(std::span<const std::string_view> texts, Role role, linalg::MatrixView<float> out,
              ThreadPool& pool) override {
    if (out.rows != texts.size() || out.columns != dim()) throw InternalError("projection: output of another shape");
    linalg::Matrix<float> vectors(texts.size(), base_->dim());
    base_->encode(texts, role, vectors.view(), pool);
    // Row by row, in double and in a fixed order: the bits depend on the text alone.
    pool.run(texts.size(), [&](std::size_t i, std::size_t) {
      for (std::size_t j = 0; j < out.columns; ++j) {
        out(i, j) = static_cast<float>(
            linalg::dot_fixed_order(std::as_const(vectors).row(i), std::as_const(projection_).row(j)));
      }
      make_unit(out.row(i).data(), out.columns);
    });
  }

 private:
  std::unique_ptr<Encoder> base_;
  linalg::Matrix<float> projection_;
  std::string digest_;
};

}  // namespace

std::unique_ptr<Encoder> make_projected(std::unique_ptr<Encoder> base, linalg::Matrix<float> projection) {
  if (projection.columns() != base->dim()) throw InternalError("projection: made for vectors of another length");
  return std::make_unique<ProjectedEncoder>(std::move(base), std::move(projection));
}

void save_projection(const linalg::Matrix<float>& projection, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const NamedTensor tensor{"linear.weight", {projection.rows(), projection.columns()}, projection.values()};
  write_safetensors(file_in(folder), std::span(&tensor, 1));
}

bool has_projection(const std::filesystem::path& folder) { return std::filesystem::exists(file_in(folder)); }

linalg::Matrix<float> load_projection(const std::filesystem::path& folder, std::size_t base_dim) {
  return SafeTensors(file_in(folder)).matrix("linear.weight", base_dim, base_dim);
}

}  // namespace equal::encode
