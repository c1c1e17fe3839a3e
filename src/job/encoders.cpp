#include "encoders.hpp"

#include <algorithm>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/registered.hpp"
#include "equal/encode/projection.hpp"

namespace equal::job {

#define EQUAL_DECLARE(name)                                                                 \
  std::unique_ptr<encode::Encoder> make_##name##_encoder(Job& job, const Catalog& catalog); \
  void check_##name##_encoder(const settings::Settings& settings);
EQUAL_ENCODERS(EQUAL_DECLARE)
#undef EQUAL_DECLARE

namespace {

constexpr std::string_view kEncoderNames[] = {EQUAL_ENCODERS(EQUAL_QUOTED)};

#define EQUAL_MAKE(name) make_##name##_encoder,
constexpr std::unique_ptr<encode::Encoder> (*kEncoderMakers[])(Job&, const Catalog&) = {EQUAL_ENCODERS(EQUAL_MAKE)};
#undef EQUAL_MAKE

#define EQUAL_CHECK(name) check_##name##_encoder,
constexpr void (*kEncoderChecks[])(const settings::Settings&) = {EQUAL_ENCODERS(EQUAL_CHECK)};
#undef EQUAL_CHECK

std::size_t registered(const settings::Settings& s) {
  const auto found = std::find(std::begin(kEncoderNames), std::end(kEncoderNames), s.encoder);
  if (found == std::end(kEncoderNames)) throw InternalError("encoder.kind = " + s.encoder + " is not registered");
  return static_cast<std::size_t>(found - std::begin(kEncoderNames));
}

}  // namespace

void check_encoder(const settings::Settings& s) { kEncoderChecks[registered(s)](s); }

std::unique_ptr<encode::Encoder> make_encoder(Job& job, const Catalog& catalog) {
  auto base = kEncoderMakers[registered(job.settings)](job, catalog);
  comm::agree(job.comm, [&] {
    const auto folder = job.workspace.encoder();
    if (job.workspace.generation_number() == 0 || !encode::has_projection(folder)) return;
    auto map = encode::load_projection(folder, base->dim());
    base = encode::make_projected(std::move(base), std::move(map));
  });
  return base;
}

void require_model(const settings::Settings& s, std::string_view what) {
  if (!s.encoder_model.empty()) return;
  throw UsageError(
      format("{} needs --encoder.model: the folder with config.json, model.safetensors and vocab.txt or tokenizer.json",
             what));
}

}  // namespace equal::job
