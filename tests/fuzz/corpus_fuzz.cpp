// Inputs of ingest: JSON lines, text and WARC records, plain or compressed. What is read does not depend on the size of
// chunks.
#include <optional>
#include <vector>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/store/corpus_reader.hpp"

#include "target.hpp"

namespace equal::fuzz {
namespace {

using store::Document;

/// Nothing when the file is refused.
std::optional<std::vector<Document>> read(const std::filesystem::path& file, std::uint64_t chunk_bytes) {
  store::CorpusParams params;
  params.partition_bytes = chunk_bytes;
  params.max_line_bytes = 2000;
  params.max_words = 16;
  std::vector<Document> all, some;
  try {
    for (const store::Input& input : store::list_inputs({file.string()})) {
      store::CorpusReader reader(params, input);
      while (reader.next_chunk()) {
        while (reader.next(some)) all.insert(all.end(), some.begin(), some.end());
      }
    }
  } catch (const DataError&) {
    return std::nullopt;
  } catch (const UsageError&) {  // a build without zstd
    return std::nullopt;
  }
  return all;
}

void fuzz_file(const char* name, std::string_view bytes) {
  const auto file = file_of(name, bytes);
  const auto whole = read(file, 1 << 20), pieces = read(file, 64);
  check(whole.has_value() == pieces.has_value(), "refused in chunks of any size or in none");
  if (!whole) return;
  check(whole->size() == pieces->size(), "as many documents in small chunks");
  for (std::size_t i = 0; i < whole->size(); ++i) {
    const Document &a = (*whole)[i], &b = (*pieces)[i];
    check(a.id == b.id && a.text == b.text && a.metadata == b.metadata && a.pairs == b.pairs && a.parent == b.parent &&
              a.parent_offset == b.parent_offset && a.position == b.position && a.digest == b.digest &&
              a.text_digest == b.text_digest && a.whole_text_digest == b.whole_text_digest,
          "the same documents in small chunks");
    static_cast<void>(Json(a.text).dump());  // throws where the text is not well-formed UTF-8
    check(a.text.find_first_not_of(" \t\r\n") != std::string::npos, "no blank documents");
  }
}

void fuzz_jsonl(std::string_view bytes) { fuzz_file("in.jsonl", bytes); }
void fuzz_text(std::string_view bytes) { fuzz_file("in.txt", bytes); }
void fuzz_warc(std::string_view bytes) { fuzz_file("in.warc", bytes); }

const Registered kJsonl("jsonl", fuzz_jsonl), kText("text", fuzz_text), kWarc("warc", fuzz_warc);

}  // namespace
}  // namespace equal::fuzz
