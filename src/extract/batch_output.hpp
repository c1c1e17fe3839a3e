// What a batch command wrote: one JSON object a line, as the OpenAI batch API does.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "equal/extract/prompting.hpp"

namespace equal::extract {

/// A line of a batch's output.
struct BatchAnswer {
  std::string id;  ///< custom_id
  ModelAnswer answer;
  std::string failure;  ///< empty: a usable answer
};

/// Calls visit for each line with a custom_id, in order; lines that cannot be read or are longer than max_bytes are
/// passed over, as is a file that is missing. The last line needs no line break.
void read_batch_output(const std::filesystem::path& file, std::size_t max_bytes,
                       const std::function<void(BatchAnswer&&)>& visit);

}  // namespace equal::extract
