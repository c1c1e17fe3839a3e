// Two encoders at once.
#pragma once

#include <memory>

#include "equal/encode/encoder.hpp"

namespace equal::encode {

/// vector(text) = (first(text), second(text)) / sqrt 2, dim = the sum of theirs: the cosine of two texts is the mean of
/// their cosines under both. A unit vector where both give one. Both encoders must outlive it.
std::unique_ptr<Encoder> make_side_by_side(Encoder& first, Encoder& second);

}  // namespace equal::encode
