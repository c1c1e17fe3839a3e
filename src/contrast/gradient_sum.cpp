#include <algorithm>
#include <cmath>
#include <map>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/contrast/parameters.hpp"
#include "equal/linalg/training.hpp"

namespace equal::contrast {

namespace training = linalg::training;

// Dense: `sums` has the tensor's shape. Rows: `sums` has one row for each of `rows`, in the order of their first use
// until reduce() sorts them.
struct GradientSum::Part {
  std::mutex mutex;
  std::vector<std::int64_t> sums;
  std::vector<std::uint32_t> rows;
  std::map<std::uint32_t, std::size_t> place;  // of a row in `rows`

  std::span<std::int64_t> row(std::uint32_t r, std::size_t columns) {
    const auto [found, is_new] = place.emplace(r, rows.size());
    if (is_new) {
      rows.push_back(r);
      sums.resize(sums.size() + columns, 0);
    }
    return std::span(sums).subspan(found->second * columns, columns);
  }
};

GradientSum::GradientSum(const Parameters& parameters) : parameters_(parameters) {
  for (const Tensor& t : parameters_) {
    parts_.push_back(std::make_unique<Part>());
    if (t.updates == Updates::dense) parts_.back()->sums.assign(t.values.values().size(), 0);
  }
}

GradientSum::~GradientSum() = default;

namespace {
[[noreturn]] void refuse(const Tensor& t) {
  throw DataError(
      format("warm-up: the gradient of {} is not finite or above {:.0f}; use a smaller warmup.learning_rate", t.name,
             training::kFixedLimit));
}
}  // namespace

void GradientSum::add(std::size_t tensor, std::span<const float> values) {
  Part& part = *parts_[tensor];
  const std::lock_guard lock(part.mutex);
  if (!training::add_fixed(values, part.sums)) refuse(parameters_[tensor]);
}

void GradientSum::add_rows(std::size_t tensor, std::span<const std::uint32_t> rows,
                           linalg::MatrixView<const float> values) {
  Part& part = *parts_[tensor];
  const std::lock_guard lock(part.mutex);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!training::add_fixed(values.row(i), part.row(rows[i], values.columns))) refuse(parameters_[tensor]);
  }
}

void GradientSum::reduce(comm::Communicator& comm) {
  for (std::size_t t = 0; t < parts_.size(); ++t) {
    Part& part = *parts_[t];
    const std::size_t columns = parameters_[t].values.columns();
    if (parameters_[t].updates == Updates::rows) {
      std::vector<std::uint32_t> all;
      for (const std::string& bytes :
           comm.all_gather(ByteWriter().put_span(std::span<const std::uint32_t>(part.rows)).take())) {
        const auto theirs = ByteReader(bytes).get_vector<std::uint32_t>();
        all.insert(all.end(), theirs.begin(), theirs.end());
      }
      std::sort(all.begin(), all.end());
      all.erase(std::unique(all.begin(), all.end()), all.end());
      std::vector<std::int64_t> sums(all.size() * columns, 0);
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto found = part.place.find(all[i]);
        if (found == part.place.end()) continue;
        std::copy_n(part.sums.begin() + static_cast<std::ptrdiff_t>(found->second * columns), columns,
                    sums.begin() + static_cast<std::ptrdiff_t>(i * columns));
      }
      part.sums = std::move(sums);
      part.rows = std::move(all);
      part.place.clear();
    }
    if (!part.sums.empty()) comm.sum(std::span<std::int64_t>(part.sums));
  }
}

void GradientSum::read(std::size_t tensor, std::vector<std::uint32_t>& rows, std::vector<float>& values) const {
  const Part& part = *parts_[tensor];
  rows = part.rows;
  values.resize(part.sums.size());
  std::ranges::transform(part.sums, values.begin(), [](std::int64_t s) {
    return static_cast<float>(static_cast<double>(s) * training::kFixedUnit);
  });
}

double GradientSum::norm() const {
  double square = 0;
  for (const auto& part : parts_) {
    double s[4] = {};  // running sums, so that the additions need not wait for each other
    for (std::size_t i = 0; i < part->sums.size(); ++i) {
      const double g = static_cast<double>(part->sums[i]) * training::kFixedUnit;
      s[i % 4] += g * g;
    }
    square += (s[0] + s[1]) + (s[2] + s[3]);
  }
  return std::sqrt(square);
}

void GradientSum::clear() {
  for (std::size_t t = 0; t < parts_.size(); ++t) {
    Part& part = *parts_[t];
    if (parameters_[t].updates == Updates::dense) {
      std::ranges::fill(part.sums, 0);
    } else {
      part.sums.clear();
      part.rows.clear();
      part.place.clear();
    }
  }
}

}  // namespace equal::contrast
