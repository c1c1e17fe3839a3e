// Parquet files as input, through the Parquet module. Without it these throw UsageError. Internal to store/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "chunk_source.hpp"

namespace equal::store {

/// Uncompressed bytes of each row group. Throws DataError when the file is no Parquet file.
std::vector<std::uint64_t> parquet_row_group_bytes(const std::filesystem::path& path);

std::unique_ptr<ChunkSource> make_parquet_chunks(ChunkContext& context);

}  // namespace equal::store
