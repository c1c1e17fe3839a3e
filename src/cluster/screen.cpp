#include "screen.hpp"

namespace equal::cluster {

std::unique_ptr<Screen> make_screen(Kernel kernel, std::size_t dim) {
  std::unique_ptr<Screen> screen;
  if (kernel == Kernel::onednn) screen = make_onednn_screen(dim);
  if (!screen && kernel != Kernel::blas) screen = make_vnni_screen(dim);
  if (!screen) screen = make_blas_screen(dim);
  return screen;
}

}  // namespace equal::cluster
