// A document as ingest makes it and a partition keeps it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "equal/base/digest.hpp"

namespace equal::store {

/// A question-answer pair that came with the document (field `qas` of the input).
struct KnownPair {
  std::string question, answer;
  bool operator==(const KnownPair&) const = default;
};

/// A document, or a piece of a long one. Text is well-formed UTF-8 and not blank.
struct Document {
  std::string id;  ///< the user's id, "<file name>@<position>" without one; "#<n>" appended for piece n (0-based)
  std::string text;
  std::string metadata;  ///< the other fields of the input as one JSON object, or empty
  std::vector<KnownPair> pairs;

  std::string parent;               ///< id of the whole document; empty when this is the whole document
  std::uint64_t parent_offset = 0;  ///< where the piece starts in the whole text, in bytes

  std::string source;  ///< the input file
  std::uint64_t position =
      0;  ///< byte offset of its line or record in the decompressed file; its row (0-based) in Parquet; 0 for text

  Digest128 digest;             ///< of id: draws hash this one
  Digest128 text_digest;        ///< of text
  Digest128 whole_digest;       ///< of the whole document's id   (= digest when not split)
  Digest128 whole_text_digest;  ///< of the whole document's text (= text_digest when not split)
  // A later document whose whole_digest or whole_text_digest has been seen is a duplicate: all its pieces go.
};

}  // namespace equal::store
