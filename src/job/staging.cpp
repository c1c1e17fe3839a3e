#include "staging.hpp"

#include <array>
#include <optional>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/json.hpp"
#include "equal/base/log.hpp"
#include "equal/store/block_file.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

fs::path staged_path(const fs::path& folder, ChunkKey key) {
  return folder / format("input-{:05}.chunk-{:06}", key.input, key.chunk);
}

fs::path tally_path(const fs::path& folder, ChunkKey key) {
  fs::path out = staged_path(folder, key);
  out += ".json";
  return out;
}

fs::path digests_path(const fs::path& folder, ChunkKey key) {
  fs::path out = staged_path(folder, key);
  out += ".digests";
  return out;
}

/// Numbers the whole documents of a chunk: pieces of one share file and position, the next document has another one.
class Ordinals {
 public:
  /// True when `d` begins another whole document.
  bool next(const store::Document& d) {
    const bool begins = ordinal_ == ~std::uint64_t{0} || d.position != position_ || d.source != source_;
    if (begins) ++ordinal_, position_ = d.position, source_ = d.source;
    return begins;
  }
  std::uint64_t ordinal() const { return ordinal_; }

 private:
  std::uint64_t ordinal_ = ~std::uint64_t{0}, position_ = 0;
  std::string source_;
};

void put(ByteWriter& w, const store::Document& d) {
  w.put_string(d.id).put_string(d.text).put_string(d.metadata).put(static_cast<std::uint64_t>(d.pairs.size()));
  for (const auto& p : d.pairs) w.put_string(p.question).put_string(p.answer);
  w.put_string(d.parent).put(d.parent_offset).put_string(d.source).put(d.position);
  w.put(d.digest).put(d.text_digest).put(d.whole_digest).put(d.whole_text_digest);
}

store::Document get_document(ByteReader& r) {
  store::Document d;
  d.id = r.get_string();
  d.text = r.get_string();
  d.metadata = r.get_string();
  for (auto n = r.get<std::uint64_t>(); n > 0; --n) {
    std::string question(r.get_string());
    d.pairs.push_back({std::move(question), std::string(r.get_string())});
  }
  d.parent = r.get_string();
  d.parent_offset = r.get<std::uint64_t>();
  d.source = r.get_string();
  d.position = r.get<std::uint64_t>();
  d.digest = r.get<Digest128>();
  d.text_digest = r.get<Digest128>();
  d.whole_digest = r.get<Digest128>();
  d.whole_text_digest = r.get<Digest128>();
  return d;
}

Json to_json(const store::ChunkTally& t) {
  Json reported = Json::array();
  for (const auto& b : t.reported) {
    reported.push_back({{"reason", static_cast<int>(b.reason)},
                        {"file", b.file},
                        {"chunk", b.chunk},
                        {"line", b.line},
                        {"position", b.position},
                        {"detail", b.detail},
                        {"excerpt", b.excerpt}});
  }
  return {{"lines", t.lines}, {"blank", t.blank}, {"documents", t.documents}, {"pieces", t.pieces}, {"pairs", t.pairs},
          {"bytes", t.bytes}, {"bad", t.bad},     {"reported", reported}};
}

store::ChunkTally tally_from_json(const Json& json) {
  store::ChunkTally t;
  t.lines = json.at("lines").get<std::uint64_t>();
  t.blank = json.at("blank").get<std::uint64_t>();
  t.documents = json.at("documents").get<std::uint64_t>();
  t.pieces = json.at("pieces").get<std::uint64_t>();
  t.pairs = json.at("pairs").get<std::uint64_t>();
  t.bytes = json.at("bytes").get<std::uint64_t>();
  t.bad = json.at("bad").get<std::array<std::uint64_t, store::kBadReasons>>();
  for (const auto& b : json.at("reported")) {
    t.reported.push_back({static_cast<store::BadReason>(b.at("reason").get<int>()), b.at("file").get<std::string>(),
                          b.at("chunk").get<std::uint64_t>(), b.at("line").get<std::uint64_t>(),
                          b.at("position").get<std::uint64_t>(), b.at("detail").get<std::string>(),
                          b.at("excerpt").get<std::string>()});
  }
  return t;
}

/// All that decides a chunk's documents.
std::string source_digest(const store::CorpusParams& p, const std::string& fingerprint, ChunkKey key) {
  return sha256_hex(format("{} {} {} {} {} {} {} {} {} {} {} {}", fingerprint, key.chunk, p.partition_bytes,
                           p.max_line_bytes, p.max_words, p.id_field, p.text_field, p.pairs_field, p.question_field,
                           p.answer_field, p.keep_metadata, p.max_reported));
}

/// The tally of a chunk that is there, made from `source` and undamaged; the tally is published last, so its presence
/// means complete.
std::optional<store::ChunkTally> finished_chunk(const fs::path& folder, ChunkKey key, const std::string& source) {
  const fs::path path = tally_path(folder, key);
  if (!fs::exists(path)) return std::nullopt;
  try {
    const Json json = unseal_json(read_file(path), path.string());
    if (json.at("source").get<std::string>() != source) return std::nullopt;
    const auto ignore = [](std::uint64_t, std::string_view) {};
    if (store::read_blocks(staged_path(folder, key), source, ignore) != json.at("blocks").get<std::uint64_t>() ||
        store::read_blocks(digests_path(folder, key), source, ignore) != 1) {
      log::warn("{}: damaged; its chunk is read again", staged_path(folder, key).string());
      return std::nullopt;
    }
    return tally_from_json(json);
  } catch (const std::exception& e) {
    log::warn("{}: {}; its chunk is read again", path.string(), e.what());
    return std::nullopt;
  }
}

}  // namespace

std::vector<StagedChunk> stage_input(const fs::path& folder, const store::CorpusParams& params,
                                     const store::Input& input, const std::string& fingerprint,
                                     std::uint32_t input_index, std::uint32_t first_chunk, bool only_first,
                                     ThreadPool& pool, const std::function<void(std::uint64_t)>& report) {
  std::vector<StagedChunk> out;
  if (only_first) {
    const ChunkKey key{input_index, first_chunk};
    if (auto tally = finished_chunk(folder, key, source_digest(params, fingerprint, key))) {
      report(tally->pieces);
      return {{key, std::move(*tally)}};
    }
  }
  store::CorpusReader reader(params, input, first_chunk, &pool);
  while (reader.next_chunk()) {
    const ChunkKey key{input_index, static_cast<std::uint32_t>(reader.chunk())};
    const std::string source = source_digest(params, fingerprint, key);
    if (auto tally = finished_chunk(folder, key, source)) {
      report(tally->pieces);
      out.push_back({key, std::move(*tally)});
    } else {
      fs::remove(tally_path(folder, key));
      fs::remove(staged_path(folder, key));
      fs::remove(digests_path(folder, key));
      using Sync = store::BlockFile::Sync;
      store::BlockFile blocks(staged_path(folder, key), source, Sync::scratch);
      std::vector<store::Document> documents;
      ByteWriter digests;
      Ordinals ordinals;
      while (reader.next(documents)) {
        ByteWriter w;
        for (const auto& d : documents) {
          put(w, d);
          if (ordinals.next(d)) digests.put(WholeDocument{d.whole_digest, d.whole_text_digest});
        }
        blocks.append(w.take());
        report(documents.size());
      }
      store::BlockFile(digests_path(folder, key), source, Sync::scratch).append(digests.take());
      Json json = to_json(reader.tally());
      json["source"] = source;
      json["blocks"] = blocks.next_block();
      write_file_atomically(tally_path(folder, key), seal_json(std::move(json), -1));
      out.push_back({key, reader.tally()});
    }
    if (only_first) break;
  }
  return out;
}

namespace {

/// Throws DataError when `path` does not hold the `blocks` that the tally tells of.
void read_checked(const fs::path& path, const std::string& source, std::uint64_t blocks,
                  const std::function<void(std::uint64_t, std::string_view)>& visit) {
  if (store::read_blocks(path, source, visit) != blocks)
    throw DataError(path.string() + ": damaged; run the same command again, it reads this chunk again");
}

}  // namespace

void read_staged(const fs::path& folder, ChunkKey key,
                 const std::function<void(std::uint64_t, store::Document&&)>& visit) {
  const Json json = unseal_json(read_file(tally_path(folder, key)), tally_path(folder, key).string());
  Ordinals ordinals;
  read_checked(staged_path(folder, key), json.at("source").get<std::string>(), json.at("blocks").get<std::uint64_t>(),
               [&](std::uint64_t, std::string_view payload) {
                 ByteReader r(payload);
                 while (!r.done()) {
                   store::Document d = get_document(r);
                   ordinals.next(d);
                   visit(ordinals.ordinal(), std::move(d));
                 }
               });
}

std::vector<WholeDocument> read_whole_documents(const fs::path& folder, ChunkKey key) {
  const Json json = unseal_json(read_file(tally_path(folder, key)), tally_path(folder, key).string());
  std::vector<WholeDocument> out;
  read_checked(digests_path(folder, key), json.at("source").get<std::string>(), 1,
               [&](std::uint64_t, std::string_view payload) {
                 ByteReader r(payload);
                 while (!r.done()) out.push_back(r.get<WholeDocument>());
               });
  return out;
}

}  // namespace equal::job
