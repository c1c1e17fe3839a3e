// What bench/contrast/run hands to the program: examples and texts as JSON lines.
#pragma once

#include <string>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/contrast/train.hpp"
#include "equal/contrast/trainable.hpp"
#include "equal/encode/encoder.hpp"

namespace equal::bench {

/// {"id", "document", "pairs": [text, ...], "held_out": false, "negatives": [[line, pair], ...]} a line; the last two
/// may be missing. Texts are added to the model.
std::vector<contrast::Example> read_examples(const std::string& path, contrast::Trainable& model, ThreadPool& pool);

struct Texts {
  std::vector<std::string> documents, queries;
};
/// {"text", "role": "document" or "query"} a line.
Texts read_texts(const std::string& path);

/// `prefix`.documents.npy and `prefix`.queries.npy.
void write_vectors(encode::Encoder& encoder, const Texts& texts, const std::string& prefix, ThreadPool& pool);

}  // namespace equal::bench
