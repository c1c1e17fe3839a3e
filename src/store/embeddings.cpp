#include "equal/store/embeddings.hpp"

#include <algorithm>

#include "equal/base/checked.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "hdf5_file.hpp"

namespace equal::store {
namespace {

constexpr const char* kEmbeddingsFormat = "equal-embeddings";
constexpr unsigned kEmbeddingsVersion = 1;
constexpr std::array kOrderNames{"corpus", "cluster"};

}  // namespace

struct EmbeddingsWriter::Impl {
  std::filesystem::path path;
  std::uint64_t rows, dim;
  RowOrder order;
  ArrayFileWriter file;
};

EmbeddingsWriter::EmbeddingsWriter(std::filesystem::path path, std::uint64_t rows, std::uint64_t dim, RowOrder order) {
  ArrayFileWriter file(path, kEmbeddingsFormat, kEmbeddingsVersion, {{"vectors", ElementType::f16, {rows, dim}}});
  impl_.reset(new Impl{std::move(path), rows, dim, order, std::move(file)});
}
EmbeddingsWriter::~EmbeddingsWriter() = default;
EmbeddingsWriter::EmbeddingsWriter(EmbeddingsWriter&&) noexcept = default;

void EmbeddingsWriter::append(std::span<const half_bits> values) {
  if (values.empty()) return;
  if (values.size() % impl_->dim != 0) {
    throw InternalError(
        format("{}: {} values are no whole rows of {}", impl_->path.string(), values.size(), impl_->dim));
  }
  impl_->file.append(0, values);
}

std::string EmbeddingsWriter::finish(const MadeFrom& made_from) {
  const Json attributes = {
      {"count", impl_->rows}, {"dim", impl_->dim}, {"row_order", kOrderNames[static_cast<std::size_t>(impl_->order)]}};
  return impl_->file.finish(attributes, made_from);
}

struct EmbeddingsReader::Impl {
  ArrayFileReader file;
  std::size_t vectors = 0;
  std::uint64_t count = 0, dim = 0;
  RowOrder order = RowOrder::corpus;

  Impl(std::filesystem::path path, Verify verify)
      : file(std::move(path), kEmbeddingsFormat, kEmbeddingsVersion, verify) {
    vectors = file.find("vectors", ElementType::f16, {-1, -1});
    count = file.dim(vectors, 0);
    dim = file.dim(vectors, 1);
    const std::string name = file.string_attribute("row_order");
    const auto found = std::find(kOrderNames.begin(), kOrderNames.end(), name);
    if (found == kOrderNames.end()) file.fail("attribute row_order", "'" + name + "' is unknown");
    order = static_cast<RowOrder>(found - kOrderNames.begin());
  }
};

EmbeddingsReader::EmbeddingsReader(std::filesystem::path path, Verify verify)
    : impl_(std::make_unique<Impl>(std::move(path), verify)) {}
EmbeddingsReader::~EmbeddingsReader() = default;
EmbeddingsReader::EmbeddingsReader(EmbeddingsReader&&) noexcept = default;

const FileHeader& EmbeddingsReader::header() const noexcept { return impl_->file.header(); }
const std::filesystem::path& EmbeddingsReader::path() const noexcept { return impl_->file.path(); }
std::uint64_t EmbeddingsReader::count() const noexcept { return impl_->count; }
std::uint64_t EmbeddingsReader::dim() const noexcept { return impl_->dim; }
RowOrder EmbeddingsReader::order() const noexcept { return impl_->order; }

void EmbeddingsReader::read(std::uint64_t first, std::span<half_bits> out) const {
  if (out.empty()) return;
  if (out.size() % impl_->dim != 0) {
    throw InternalError(format("{}: {} values are no whole rows of {}", path().string(), out.size(), impl_->dim));
  }
  impl_->file.read(impl_->vectors, first * impl_->dim, out);
}

std::string write_cluster_ordered(const EmbeddingsReader& embeddings, const Assignment& assignment,
                                  const FileHeader& assignment_header, const std::filesystem::path& path,
                                  std::uint64_t memory_bytes) {
  const std::uint64_t n = embeddings.count(), dim = embeddings.dim();
  if (assignment.order.size() != n) {
    throw DataError(format("{}: holds {} vectors but the assignment {} documents", embeddings.path().string(), n,
                           assignment.order.size()));
  }
  EmbeddingsWriter out(path, n, dim, RowOrder::cluster);
  const std::uint64_t row_bytes = std::max<std::uint64_t>(1, dim * sizeof(half_bits));
  const std::uint64_t window = std::clamp<std::uint64_t>(memory_bytes / row_bytes, 1, std::max<std::uint64_t>(n, 1));
  const std::uint64_t block =
      std::clamp<std::uint64_t>((std::uint64_t{4} << 20) / row_bytes, 1, std::max<std::uint64_t>(n, 1));
  std::vector<std::uint64_t> target(n);  // row of the result that document i becomes
  for (std::uint64_t row = 0; row < n; ++row) target[assignment.order[row]] = row;
  std::vector<half_bits> rows(window * dim), source(block * dim);
  for (std::uint64_t begin = 0; begin < n; begin += window) {
    const std::uint64_t end = std::min(n, begin + window);
    for (std::uint64_t first = 0; first < n; first += block) {
      const std::uint64_t count = std::min(block, n - first);
      embeddings.read(first, std::span(source).first(count * dim));
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t row = target[first + i];
        if (row >= begin && row < end) std::copy_n(source.data() + i * dim, dim, rows.data() + (row - begin) * dim);
      }
    }
    out.append(std::span<const half_bits>(rows).first((end - begin) * dim));
  }
  return out.finish(
      {{"embeddings", embeddings.header().content_digest}, {"assignment", assignment_header.content_digest}});
}

}  // namespace equal::store
