#include "screen.hpp"

#include <algorithm>

namespace equal::cluster {

void Screen::set(const Centroids& centroids, const Groups& groups, ThreadPool& pool) {
  clear(groups.member.size());
  errors_.length.assign(groups.count(), 0.0F);
  errors_.noise.assign(groups.count(), 0.0F);
  pool.run(groups.count(), [&](std::size_t group, std::size_t) {
    for (std::size_t place = group * kLanes; place < (group + 1) * kLanes; ++place) {
      const std::uint32_t j = groups.member[place];
      if (j == kNoCluster) continue;
      const PlaceError error = put(place, centroids.values.row(j), centroids.norm2[j]);
      errors_.length[group] = std::max(errors_.length[group], error.length);
      errors_.noise[group] = std::max(errors_.noise[group], error.noise);
    }
  });
}

std::unique_ptr<Screen> make_screen(Kernel kernel, std::size_t dim) {
  std::unique_ptr<Screen> screen;
  if (kernel == Kernel::onednn) screen = make_onednn_screen(dim);
  if (!screen && kernel != Kernel::blas) screen = make_vnni_screen(dim);
  if (!screen) screen = make_blas_screen(dim);
  return screen;
}

}  // namespace equal::cluster
