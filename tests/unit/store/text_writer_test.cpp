#include "equal/store/text_writer.hpp"

#include <gtest/gtest.h>

#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/store/corpus_reader.hpp"

#include "support/scratch.hpp"

namespace equal::store {
namespace {

const char* extension_of(Compression compression) {
  return compression == Compression::gzip ? ".gz" : compression == Compression::zstd ? ".zst" : "";
}

TEST(TextWriter, WhatWasWrittenIsReadInEveryCompression) {
  const equal::test::ScratchFolder folder("text_writer");
  for (const Compression c : {Compression::none, Compression::gzip, Compression::zstd}) {
    if (c == Compression::zstd && !EQUAL_HAS_ZSTD) continue;
    const auto path = folder.path() / (std::string("lines.jsonl") + extension_of(c));
    constexpr int kLines = 60000;  // several buffers
    {
      TextWriter out(path, c);
      for (int i = 0; i < kLines; ++i)
        out.line(format("{{\"id\": \"{}\", \"text\": \"line {} of many\"}}", i, i * 7919));
      EXPECT_FALSE(std::filesystem::exists(path)) << "half a file must not carry the name";
      EXPECT_GT(out.bytes(), 2000000U);
      out.finish();
    }
    EXPECT_FALSE(std::filesystem::exists(temporary_name(path)));
    CorpusReader reader({}, list_inputs({path.string()}).at(0));
    std::vector<Document> block;
    int next = 0;
    while (reader.next_chunk()) {
      while (reader.next(block)) {
        for (const Document& d : block) {
          EXPECT_EQ(d.id, std::to_string(next));
          EXPECT_EQ(d.text, format("line {} of many", next * 7919));
          ++next;
        }
      }
    }
    EXPECT_EQ(next, kLines);
  }
}

TEST(TextWriter, EmptyFiles) {
  const equal::test::ScratchFolder folder("text_writer_names");
  for (const Compression c : {Compression::none, Compression::gzip, Compression::zstd}) {
    if (c == Compression::zstd && !EQUAL_HAS_ZSTD) continue;
    const auto path = folder.path() / (std::string("empty.jsonl") + extension_of(c));
    TextWriter(path, c).finish();
    EXPECT_EQ(std::filesystem::file_size(path) == 0, c == Compression::none) << "an empty archive has a header";
    CorpusReader reader({}, list_inputs({path.string()}).at(0));
    std::vector<Document> block;
    while (reader.next_chunk()) EXPECT_FALSE(reader.next(block));
  }
}

}  // namespace
}  // namespace equal::store
