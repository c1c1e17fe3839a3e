// Names of the arrays of a partition file, shared by its writer and its reader.
#pragma once

#include <array>
#include <cstddef>

namespace equal::store::partition_layout {

inline constexpr const char* kFormat = "equal-partition";
inline constexpr unsigned kVersion = 1;

/// Byte heaps: array <name> (u8) and <name>_offsets (u64, count + 1). The last is indexed by source_index, not by
/// document.
enum Heap : std::size_t { text, id, metadata, pairs, parent, sources };
inline constexpr std::array kHeaps{"text", "id", "metadata", "pairs", "parent", "sources"};

/// 16 bytes a document, u8 (n, 16): the first half of a SHA-256.
enum DigestColumn : std::size_t { digest, text_digest, whole_digest, whole_text_digest };
inline constexpr std::array kDigests{"digest", "text_digest", "whole_digest", "whole_text_digest"};

/// One u64 a document.
enum NumberColumn : std::size_t { parent_offset, position, source_index };
inline constexpr std::array kNumbers{"parent_offset", "position", "source_index"};

}  // namespace equal::store::partition_layout
