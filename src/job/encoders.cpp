#include "encoders.hpp"

#include "equal/base/error.hpp"
#include "equal/encode/static.hpp"

namespace equal::job {

std::unique_ptr<encode::Encoder> make_encoder(Job& job, const Catalog&) {
  const auto& s = job.settings;
  if (s.encoder == "static" && s.encoder_table == "hash") {
    encode::StaticParams params;
    params.dim = s.encoder_dim;
    params.seed = s.seed;
    return encode::make_static_hash(params);
  }
  throw UsageError("encoder.kind = " + s.encoder + ", encoder.table = " + s.encoder_table + ": not available");
}

}  // namespace equal::job
