#include "equal/store/corpus_reader.hpp"

#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "equal/base/error.hpp"
#include "equal/base/json.hpp"
#include "equal/base/json_lines.hpp"

#include "sample.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

using equal::test::ScratchFolder;
using test::overwrite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  ::deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(::deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}

struct Read {
  std::vector<Document> documents;
  std::vector<std::vector<std::string>> ids;  // by chunk
  std::vector<ChunkTally> tallies;
};

void read_chunk(CorpusReader& reader, Read& out) {
  std::vector<Document> block;
  auto& ids = out.ids.emplace_back();
  while (reader.next(block)) {
    for (Document& d : block) {
      ids.push_back(d.id);
      out.documents.push_back(std::move(d));
    }
  }
  out.tallies.push_back(reader.tally());
}

Read read_all(const CorpusParams& params, const Input& input, ThreadPool* pool = nullptr) {
  Read out;
  CorpusReader reader(params, input, 0, pool);
  while (reader.next_chunk()) {
    EXPECT_EQ(reader.chunk(), out.ids.size());
    read_chunk(reader, out);
  }
  return out;
}

Read read_file_of(const ScratchFolder& folder, const std::string& bytes, const CorpusParams& params = {}) {
  overwrite(folder / "in.jsonl", bytes);
  return read_all(params, list_inputs({folder / "in.jsonl"}).at(0));
}

std::string json_line(const std::string& id, const std::string& text) {
  return dump_json({{"id", id}, {"text", text}}) + "\n";
}

TEST(CorpusReader, TakesIdTextPairsAndMetadata) {
  const ScratchFolder folder("corpus_fields");
  const Read read = read_file_of(
      folder,
      R"({"id":"a","text":"A \"text\"\nü","domain":"x","n":[1,{"k":null}],"qas":[{"question":"q","answer":"a","extra":1}]})"
      "\n"
      R"({"text":"without id"})"
      "\n"
      R"({"id":17,"text":"a number","qas":null,"f":1.5})");
  ASSERT_EQ(read.documents.size(), 3u);
  const Document& a = read.documents[0];
  EXPECT_EQ(a.id, "a");
  EXPECT_EQ(a.text, "A \"text\"\nü");
  EXPECT_EQ(a.metadata, R"({"domain":"x","n":[1,{"k":null}]})");
  EXPECT_THAT(a.pairs, ElementsAre(KnownPair{"q", "a"}));
  EXPECT_EQ(a.source, folder / "in.jsonl");
  EXPECT_EQ(a.digest, digest128("a"));
  EXPECT_EQ(a.text_digest, digest128(a.text));
  EXPECT_EQ(a.whole_digest, a.digest);
  EXPECT_EQ(a.whole_text_digest, a.text_digest);
  EXPECT_TRUE(a.parent.empty());
  const Document& b = read.documents[1];
  EXPECT_EQ(b.id, "in.jsonl@" + std::to_string(b.position));
  EXPECT_EQ(b.digest, digest128(b.text)) << "an id that we made up does not identify a document";
  EXPECT_EQ(read.documents[2].id, "17");
  EXPECT_EQ(read.documents[2].metadata, R"({"f":1.5})");
  EXPECT_EQ(read.tallies[0].pairs, 1u);
  EXPECT_EQ(read.tallies[0].lines, 3u);
}

TEST(CorpusReader, FieldNamesAreSettings) {
  const ScratchFolder folder("corpus_names");
  CorpusParams params;
  params.id_field = "key";
  params.text_field = "content";
  params.pairs_field = "faq";
  params.question_field = "Q";
  params.answer_field = "A";
  params.keep_metadata = false;
  const Read read = read_file_of(
      folder, R"({"key":"k","content":"c","faq":[{"Q":"1","A":"2"},{"Q":" ","A":"2"}],"text":"t"})", params);
  ASSERT_EQ(read.documents.size(), 1u);
  EXPECT_EQ(read.documents[0].id, "k");
  EXPECT_EQ(read.documents[0].text, "c");
  EXPECT_THAT(read.documents[0].pairs, ElementsAre(KnownPair{"1", "2"})) << "blank pairs are left out";
  EXPECT_TRUE(read.documents[0].metadata.empty());
}

TEST(CorpusReader, BadLinesAreCountedAndNamed) {
  const ScratchFolder folder("corpus_bad");
  CorpusParams params;
  params.max_line_bytes = 200;
  const std::vector<std::pair<std::string, BadReason>> bad{
      {R"({"id":"1","text":"x")", BadReason::broken_json},
      {R"({"id":"1","text":"x"} trailing)", BadReason::broken_json},
      {"{\"text\":\"\xff\xfe\"}", BadReason::not_utf8},
      {R"(["text"])", BadReason::not_an_object},
      {R"("text")", BadReason::not_an_object},
      {R"({"id":"1"})", BadReason::no_text},
      {R"({"text":" \n\t "})", BadReason::blank_text},
      {R"({"text":""})", BadReason::blank_text},
      {R"({"text":["x"]})", BadReason::wrong_type},
      {R"({"text":null})", BadReason::wrong_type},
      {R"({"text":"x","id":{}})", BadReason::wrong_type},
      {R"({"text":"x","qas":{"question":"q","answer":"a"}})", BadReason::wrong_type},
      {R"({"text":"x","qas":[{"question":"q"}]})", BadReason::wrong_type},
      {R"({"text":"x","qas":[{"question":"q","answer":3}]})", BadReason::wrong_type},
      {R"({"text":"x","deep":)" + std::string(150, '['), BadReason::broken_json},
      {R"({"text":"\ud800"})", BadReason::broken_json},
      {R"({"text":")" + std::string(300, 'x') + "\"}", BadReason::too_long},
  };
  std::string bytes = json_line("first", "good");
  std::array<std::uint64_t, kBadReasons> expected{};
  for (const auto& [line, reason] : bad) {
    bytes += line + "\n" + json_line("after " + std::to_string(bytes.size()), "good " + std::to_string(bytes.size()));
    ++expected[static_cast<std::size_t>(reason)];
  }
  const Read read = read_file_of(folder, bytes, params);
  EXPECT_EQ(read.documents.size(), bad.size() + 1);
  EXPECT_EQ(read.tallies[0].bad, expected);
  EXPECT_EQ(read.tallies[0].bad_lines(), bad.size());
  ASSERT_EQ(read.tallies[0].reported.size(), bad.size());
  for (std::size_t i = 0; i < bad.size(); ++i) {
    const BadLine& b = read.tallies[0].reported[i];
    EXPECT_EQ(b.reason, bad[i].second) << bad[i].first;
    EXPECT_EQ(b.line, 2 + 2 * i);
    EXPECT_EQ(bytes.compare(b.position, std::min<std::size_t>(bad[i].first.size(), 50), bad[i].first, 0, 50), 0);
    EXPECT_THAT(describe(b, 100), HasSubstr("in.jsonl:" + std::to_string(102 + 2 * i) + ": " + name_of(b.reason)));
  }
  params.max_reported = 3;
  EXPECT_EQ(read_file_of(folder, bytes, params).tallies[0].reported.size(), 3u);
}

TEST(CorpusReader, LineEndsBlankLinesAndByteOrderMark) {
  const ScratchFolder folder("corpus_ends");
  const Read read =
      read_file_of(folder, "\xef\xbb\xbf{\"text\":\"one\"}\r\n\r\n  \n{\"text\":\"two\"}\r\n\n{\"text\":\"three\"}");
  ASSERT_EQ(read.documents.size(), 3u);
  EXPECT_EQ(read.documents[2].text, "three");
  EXPECT_EQ(read.tallies[0].blank, 3u);
  EXPECT_EQ(read.tallies[0].lines, 6u);
  EXPECT_EQ(read.tallies[0].bad_lines(), 0u);
}

/// Random lines, some bad, some empty, some far longer than a chunk.
std::string random_corpus(unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes;
  for (int i = 0; i < 400; ++i) {
    const auto kind = random() % 20;
    const std::size_t size = kind == 0 ? 3000 : kind == 1 ? 0 : 1 + random() % 120;
    if (kind == 2) {
      bytes += "\n";
    } else if (kind == 3) {
      bytes += "broken\n";
    } else {
      bytes += json_line("id" + std::to_string(i), std::string(size, 'x') + " " + std::to_string(i));
    }
  }
  if (seed % 2 == 0) bytes.pop_back();
  return bytes;
}

TEST(CorpusReader, ChunksAreTheSameReadInAnyWay) {
  const ScratchFolder folder("corpus_chunks");
  ThreadPool pool(3);
  for (unsigned seed = 0; seed < 12; ++seed) {
    const std::string bytes = random_corpus(seed);
    CorpusParams params;
    params.partition_bytes = 100 + 371 * (seed % 5);
    params.max_line_bytes = seed % 3 == 0 ? 2000 : 1 << 20;
    params.max_words = 0;
    overwrite(folder / "in.jsonl", bytes);
    overwrite(folder / "in2.jsonl.gz", gzip(bytes.substr(0, 1000)) + gzip(bytes.substr(1000)) + std::string(7, '\0'));
    overwrite(folder / "in3.jsonl.zst", zstd(bytes.substr(0, 5000)) + zstd(bytes.substr(5000)));
    const Input plain = list_inputs({folder / "in.jsonl"}).at(0);
    const Read whole = read_all(params, plain);

    // The definition, said plainly: a line belongs to the chunk in which it starts.
    std::vector<std::vector<std::string>> expected((bytes.size() + params.partition_bytes - 1) /
                                                   params.partition_bytes);
    for (std::size_t begin = 0; begin < bytes.size();) {
      const std::size_t end = std::min(bytes.find('\n', begin), bytes.size());
      const std::string line = bytes.substr(begin, end - begin);
      if (line.size() > 10 && line.size() <= params.max_line_bytes) {
        expected[begin / params.partition_bytes].push_back(Json::parse(line)["id"]);
      }
      begin = end + 1;
    }
    ASSERT_EQ(whole.ids, expected) << "seed " << seed;
    ASSERT_EQ(plain.chunks(params), expected.size());

    std::uint64_t lines = 0;
    for (std::uint64_t chunk = expected.size(); chunk-- > 0;) {  // each chunk by itself, last first
      CorpusReader reader(params, plain, chunk);
      ASSERT_TRUE(reader.next_chunk());
      EXPECT_EQ(reader.chunk(), chunk);
      Read alone;
      read_chunk(reader, alone);
      EXPECT_EQ(alone.ids[0], expected[chunk]) << "seed " << seed << " chunk " << chunk;
      EXPECT_EQ(alone.tallies[0].bad, whole.tallies[chunk].bad);
      lines += alone.tallies[0].lines;
    }
    EXPECT_EQ(lines, static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n')) + (bytes.back() != '\n'));
    for (const char* name : {"in2.jsonl.gz", "in3.jsonl.zst"}) {
      if (!EQUAL_HAS_ZSTD && std::string_view(name).ends_with(".zst")) continue;
      const Input packed = list_inputs({folder / name}).at(0);
      EXPECT_FALSE(packed.splittable());
      EXPECT_EQ(read_all(params, packed).ids, expected) << name;
      EXPECT_EQ(read_all(params, packed, &pool).ids, expected) << name << " with threads";
      CorpusReader late(params, packed, 2);
      if (expected.size() > 2) {
        ASSERT_TRUE(late.next_chunk());
        EXPECT_EQ(late.chunk(), 2u);
        Read alone;
        read_chunk(late, alone);
        EXPECT_EQ(alone.ids[0], expected[2]) << name;
      }
    }
  }
}

TEST(CorpusReader, UnfinishedChunksArePassedOver) {
  const ScratchFolder folder("corpus_skip");
  const std::string bytes = random_corpus(1);
  CorpusParams params;
  params.partition_bytes = 5000;
  overwrite(folder / "in.jsonl.gz", gzip(bytes));
  CorpusReader reader(params, list_inputs({folder / "in.jsonl.gz"}).at(0));
  std::uint64_t chunks = 0;
  while (reader.next_chunk()) ++chunks;
  EXPECT_EQ(chunks, (bytes.size() + 4999) / 5000);
}

TEST(CorpusReader, EmptyInputs) {
  const ScratchFolder folder("corpus_empty");
  EXPECT_TRUE(read_file_of(folder, "").ids.empty());
  overwrite(folder / "e.jsonl.gz", gzip(""));
  EXPECT_TRUE(read_all({}, list_inputs({folder / "e.jsonl.gz"}).at(0)).ids.empty());
  EXPECT_EQ(read_file_of(folder, "\n").ids.size(), 1u);
}

#if !EQUAL_HAS_ZSTD
TEST(CorpusReader, ABuildWithoutZstdSaysSo) {
  const ScratchFolder folder("corpus_zstd");
  overwrite(folder / "in.jsonl.zst", zstd("{\"text\":\"a\"}"));
  EXPECT_THROW(read_all({}, list_inputs({folder / "in.jsonl.zst"}).at(0)), UsageError);
}
#endif

TEST(CorpusReader, BrokenCompressionIsNamed) {
  const ScratchFolder folder("corpus_broken");
  const std::string bytes = random_corpus(3);
  for (const auto& [name, packed] :
       std::map<std::string, std::string>{{"a.jsonl.gz", gzip(bytes)}, {"a.jsonl.zst", zstd(bytes)}}) {
    if (!EQUAL_HAS_ZSTD && name.ends_with(".zst")) continue;
    std::mt19937 random(1);
    int refused = 0;
    for (int round = 0; round < 60; ++round) {
      std::string damaged = packed;
      if (round % 2 == 0) {
        damaged.resize(5 + random() % (packed.size() - 5));
      } else {
        damaged[5 + random() % (packed.size() - 5)] ^= 0x10;
      }
      overwrite(folder / name, damaged);
      try {
        read_all({}, list_inputs({folder / name}).at(0));
      } catch (const DataError& e) {
        EXPECT_THAT(e.what(), HasSubstr(name));
        ++refused;
      }
    }
    EXPECT_GE(refused, 30) << name << ": every cut must be noticed";
  }
}

TEST(CorpusReader, ManyBlocksInOrderForAnyThreads) {
  const ScratchFolder folder("corpus_threads");
  std::string bytes;
  for (int i = 0; i < 40000; ++i)
    bytes += json_line("d" + std::to_string(i), std::string(static_cast<std::size_t>(i % 700), 'y') + " end");
  overwrite(folder / "big.jsonl", bytes);
  const Input input = list_inputs({folder / "big.jsonl"}).at(0);
  CorpusParams params;
  params.partition_bytes = 3 << 20;
  const Read one = read_all(params, input);
  ASSERT_EQ(one.documents.size(), 40000u);
  for (std::size_t i = 0; i < one.documents.size(); i += 97) EXPECT_EQ(one.documents[i].id, "d" + std::to_string(i));
  ThreadPool pool(4);
  const Read four = read_all(params, input, &pool);
  EXPECT_EQ(one.ids, four.ids);
}

TEST(CorpusReader, LongDocumentsBecomePieces) {
  const ScratchFolder folder("corpus_pieces");
  std::string text;
  for (int p = 0; p < 10; ++p) {
    for (int w = 0; w < 30; ++w) text += "p" + std::to_string(p) + "w" + std::to_string(w) + (w == 29 ? ".\n\n" : " ");
  }
  CorpusParams params;
  params.max_words = 100;
  const std::string line =
      dump_json({{"id", "doc"},
                 {"text", text},
                 {"qas", {{{"question", "p7w3"}, {"answer", "in"}}, {{"question", "nowhere"}, {"answer", "x"}}}}});
  const Read read = read_file_of(folder, line, params);
  ASSERT_EQ(read.documents.size(), 4u);
  EXPECT_EQ(read.tallies[0].documents, 1u);
  EXPECT_EQ(read.tallies[0].pieces, 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    const Document& piece = read.documents[i];
    EXPECT_EQ(piece.id, "doc#" + std::to_string(i));
    EXPECT_EQ(piece.parent, "doc");
    EXPECT_EQ(text.compare(piece.parent_offset, piece.text.size(), piece.text), 0);
    EXPECT_EQ(piece.text.back(), '.') << "cut at the end of a paragraph";
    EXPECT_EQ(piece.text_digest, digest128(piece.text));
    EXPECT_EQ(piece.whole_digest, digest128("doc"));
    EXPECT_EQ(piece.whole_text_digest, digest128(text));
    EXPECT_NE(piece.digest, piece.whole_digest);
    for (const KnownPair& pair : piece.pairs) {
      const bool at_home = pair.question == "nowhere" ? i == 0 : piece.text.find(pair.question) != std::string::npos;
      EXPECT_TRUE(at_home) << pair.question << " went to piece " << i;
    }
  }
}

std::string warc_record(const std::string& type, const std::string& id, const std::string& body,
                        const std::string& more = "") {
  return "WARC/1.0\r\nWARC-Type: " + type + "\r\nwarc-record-id: <" + id + ">\r\nWARC-Target-URI: http://a.example/" +
         id + "\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body + "\r\n\r\n";
}

TEST(Warc, TextRecordsBecomeDocuments) {
  const ScratchFolder folder("warc");
  std::string bytes = warc_record("warcinfo", "info", "Software-Info: x\r\n");
  std::vector<std::size_t> starts;
  for (int i = 0; i < 200; ++i) {
    starts.push_back(bytes.size());
    bytes += warc_record(
        "conversion", "page" + std::to_string(i),
        "Text of page " + std::to_string(i) + std::string(i == 7 ? 5000u : static_cast<unsigned>(i) % 50u, '.'));
    bytes += warc_record("response", "html" + std::to_string(i), "<html>WARC/1.0\r\n\r\n</html>");
  }
  bytes += warc_record("conversion", "broken", "\xff\xff");
  bytes += warc_record("resource", "plain", "plain", "Content-Type: text/plain; charset=utf-8\r\n");
  CorpusParams params;
  params.partition_bytes = 3000;
  params.max_line_bytes = 4000;
  overwrite(folder / "a.warc", bytes);
  overwrite(folder / "a.warc.wet.gz", gzip(bytes.substr(0, 700)) + gzip(bytes.substr(700)));
  for (const char* name : {"a.warc", "a.warc.wet.gz"}) {
    const Input input = list_inputs({folder / name}).at(0);
    EXPECT_FALSE(input.splittable());
    const Read read = read_all(params, input);
    ASSERT_EQ(read.documents.size(), 200u) << name;
    EXPECT_EQ(read.documents[3].id, "<page3>");
    EXPECT_EQ(read.documents[3].text, "Text of page 3...");
    EXPECT_EQ(read.documents[3].metadata, R"({"uri":"http://a.example/page3"})");
    EXPECT_EQ(read.documents[3].position, starts[3]);
    EXPECT_EQ(read.documents[199].text, "plain");
    std::uint64_t too_long = 0, not_utf8 = 0;
    for (const ChunkTally& tally : read.tallies) {
      too_long += tally.bad[static_cast<std::size_t>(BadReason::too_long)];
      not_utf8 += tally.bad[static_cast<std::size_t>(BadReason::not_utf8)];
    }
    EXPECT_EQ(too_long, 1u);
    EXPECT_EQ(not_utf8, 1u);
    for (std::size_t chunk = 0; chunk < read.ids.size(); ++chunk) {
      for (const std::string& id : read.ids[chunk]) {
        const auto found =
            std::find_if(read.documents.begin(), read.documents.end(), [&](const Document& d) { return d.id == id; });
        EXPECT_EQ(found->position / params.partition_bytes, chunk) << id;
      }
    }
    CorpusReader late(params, input, 4);
    ASSERT_TRUE(late.next_chunk());
    Read alone;
    read_chunk(late, alone);
    EXPECT_EQ(alone.ids[0], read.ids[4]);
  }
  for (const std::size_t size : {bytes.size() - 10, std::size_t{20}, bytes.size() / 2}) {
    overwrite(folder / "cut.warc", bytes.substr(0, size));
    EXPECT_THROW(read_all(params, list_inputs({folder / "cut.warc"}).at(0)), DataError) << size;
  }
}

TEST(Inputs, FoldersGlobsAndTextFiles) {
  const ScratchFolder folder("inputs");
  std::filesystem::create_directories(folder / "docs/sub/.hidden");
  overwrite(folder / "docs/b.md", "# B\n");
  overwrite(folder / "docs/a.txt.gz", gzip("text a"));
  overwrite(folder / "docs/sub/c.txt", "\xef\xbb\xbftext c");
  overwrite(folder / "docs/sub/z.txt", " \n");
  overwrite(folder / "docs/sub/.hidden/d.txt", "no");
  overwrite(folder / "docs/.e.txt", "no");
  overwrite(folder / "docs/image.png", "no");
  overwrite(folder / "docs/x.jsonl", json_line("x", "text x"));
  const auto inputs = list_inputs({folder / "docs", folder / "docs/*.md"});
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[0].kind, InputKind::json_lines);
  EXPECT_EQ(inputs[1].files.size(), 4u);
  CorpusParams params;
  params.partition_bytes = 20;
  const Read read = read_all(params, inputs[1]);
  EXPECT_EQ(read.ids.size(), *inputs[1].chunks(params));
  ASSERT_EQ(read.documents.size(), 3u);
  EXPECT_EQ(read.documents[0].id, "a.txt.gz");
  EXPECT_EQ(read.documents[0].text, "text a");
  EXPECT_EQ(read.documents[2].id, "sub/c.txt");
  EXPECT_EQ(read.documents[2].text, "text c");
  EXPECT_EQ(read.documents[2].source, folder / "docs/sub/c.txt");
  EXPECT_EQ(read_all(params, inputs[2]).documents[0].id, "b.md");
  std::vector<std::string> bad;
  for (const auto& tally : read.tallies) {
    for (const BadLine& b : tally.reported) bad.push_back(describe(b, 5));
  }
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_THAT(bad[0], HasSubstr("sub/z.txt: text without words"));

  for (const std::string wrong : {"none.jsonl", "*.none", "docs/image.png", "docs/sub/.hidden/x*"}) {
    try {
      list_inputs({folder / wrong});
      ADD_FAILURE() << wrong << " was accepted";
    } catch (const UsageError& e) {
      EXPECT_THAT(e.what(), HasSubstr(wrong));
    }
  }
}

TEST(Inputs, FingerprintTellsOtherContent) {
  const ScratchFolder folder("fingerprint");
  const auto of = [&](const std::string& bytes) {
    overwrite(folder / "a.jsonl", bytes);
    return fingerprint(list_inputs({folder / "a.jsonl"}).at(0));
  };
  const std::string bytes = random_corpus(5);
  const std::string first = of(bytes);
  EXPECT_EQ(of(bytes), first);
  EXPECT_NE(of(bytes + " "), first);
  std::string other = bytes;
  other[other.size() / 2] ^= 1;
  EXPECT_NE(of(other), first);
  std::filesystem::create_directories(folder / "moved");
  overwrite(folder / "moved/a.jsonl", bytes);
  EXPECT_EQ(fingerprint(list_inputs({folder / "moved/a.jsonl"}).at(0)), first) << "the place does not matter";
}

}  // namespace
}  // namespace equal::store
