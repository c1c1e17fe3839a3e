// Screens: approximate scores |c|^2 - 2 x.c with a proven error, computed fast. What decides is computed exactly
// elsewhere.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "equal/cluster/kmeans.hpp"

#include "centroids.hpp"
#include "groups.hpp"

namespace equal::cluster {

/// All float arithmetic on scores after the inner product, also of thresholds and bounds made of them: with |x|^2,
/// |c|^2 <= 2 its roundings add up to at most 90 x 2^-24 (docs/algorithms/kmeans.md, section 2).
inline constexpr float kScoreSlack = 0x1p-17F;

/// Products of int8 are of unsigned by signed bytes: one side is stored as q + 128, and 128 times the sum of the other
/// is taken off.
inline constexpr int kInt8Offset = 128;
inline constexpr std::size_t kInt8MaxDim = 32768;  ///< 255 * 127 * dim stays below 2^31

/// For row slot i and group g:  |score - exact| <= row.noise[i] * group.length[g] + row.length[i] * group.noise[g] +
/// slack.
struct ScreenErrors {
  std::vector<float> length, noise;
};

/// One per thread. Holds the rows of a chunk in the form that the inner product wants.
class ScreenWorker {
 public:
  virtual ~ScreenWorker() = default;
  /// Row slot i = rows[which[i]] of a (.., dim) array.
  virtual void load(const float16* rows, std::span<const std::uint32_t> which) = 0;
  /// scores ((slot * groups + group) * 16 + lane) of all slots and groups.
  virtual void score_all(float* scores) = 0;
  /// scores (p * 16 + lane) of slots[p] and one group.
  virtual void score_some(std::size_t group, std::span<const std::uint16_t> slots, float* scores) = 0;
  const ScreenErrors& errors() const noexcept { return errors_; }

 protected:
  ScreenErrors errors_;  // per slot
};

class Screen {
 public:
  virtual ~Screen() = default;
  /// Takes over centroids in the order of their groups, on all threads.
  void set(const Centroids& centroids, const Groups& groups, ThreadPool& pool);
  virtual std::unique_ptr<ScreenWorker> make_worker() const = 0;
  virtual std::string name() const = 0;
  /// Slots per load that suit the inner product.
  virtual std::size_t slot_multiple() const noexcept = 0;
  const ScreenErrors& errors() const noexcept { return errors_; }

 protected:
  struct PlaceError {
    float length = 0, noise = 0;
  };
  /// Makes `places` that no centroid can win.
  virtual void clear(std::size_t places) = 0;
  /// One centroid; different places on different threads.
  virtual PlaceError put(std::size_t place, std::span<const float> centroid, double norm2) = 0;

 private:
  ScreenErrors errors_;  // per group
};

/// Products in f32 through BLAS. |x| and |c| are bounded by float sums; |fl(x.c) - x.c| <= dim u / (1 - dim u) |x||c|
/// with u = 2^-24, in any order of summation (Higham 2002, section 3.1).
std::unique_ptr<Screen> make_blas_screen(std::size_t dim);

/// Products of 8-bit integers (AVX-512 VNNI). x ~ x~ = s q and c ~ c~ = t r with |q|, |r| <= 127; the integer products
/// are exact, so  |x~.c~ - x.c| = |(x~ - x).c~ + x.(c~ - c)| <= |x~ - x||c~| + |x||c~ - c|  (Cauchy-Schwarz), where the
/// norms of the roundings are measured, not estimated. Nothing when the CPU lacks it.
std::unique_ptr<Screen> make_vnni_screen(std::size_t dim);

/// The same quantisation, products through oneDNN. Nothing when oneDNN is not built in or cannot be exact on this CPU.
std::unique_ptr<Screen> make_onednn_screen(std::size_t dim);

/// The screen that `kernel` asks for, or the best there is instead: vnni, then f32.
std::unique_ptr<Screen> make_screen(Kernel kernel, std::size_t dim);

}  // namespace equal::cluster
