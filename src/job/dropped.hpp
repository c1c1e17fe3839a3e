// Dropped pairs for people to look at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace equal::job {

/// Writes the dropped pairs that the journal holds (extract.keep_rejects) of answers of one extractor, one JSON object
/// a line: document (the user's id), reason, question, answer. Returns how many. Local.
std::uint64_t write_dropped(const std::filesystem::path& journal, const std::string& extractor,
                            const std::filesystem::path& file);

}  // namespace equal::job
