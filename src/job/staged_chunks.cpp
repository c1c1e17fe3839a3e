#include "staged_chunks.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "equal/base/bytes.hpp"

namespace equal::job {

std::vector<ChunkKey> all_chunks(comm::Communicator& comm, const std::vector<StagedChunk>& mine) {
  ByteWriter w;
  for (const StagedChunk& c : mine) w.put(c.key);
  std::vector<ChunkKey> out;
  for (const auto& part : comm.all_gather(w.take())) {
    ByteReader r(part);
    while (!r.done()) out.push_back(r.get<ChunkKey>());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<StagedChunk> gather_chunks(comm::Communicator& comm, const std::vector<StagedChunk>& mine) {
  ByteWriter w;
  for (const StagedChunk& c : mine) {
    w.put(c.key)
        .put(c.tally.lines)
        .put(c.tally.documents)
        .put(c.tally.pieces)
        .put(c.tally.pairs)
        .put(c.tally.bytes)
        .put(c.tally.bad);
    w.put(static_cast<std::uint64_t>(c.tally.reported.size()));
    for (const auto& b : c.tally.reported)
      w.put(b.reason)
          .put_string(b.file)
          .put(b.chunk)
          .put(b.line)
          .put(b.position)
          .put_string(b.detail)
          .put_string(b.excerpt);
  }
  std::vector<StagedChunk> out;
  for (const auto& part : comm.gather(w.take(), 0)) {
    ByteReader r(part);
    while (!r.done()) {
      StagedChunk c;
      c.key = r.get<ChunkKey>();
      c.tally.lines = r.get<std::uint64_t>();
      c.tally.documents = r.get<std::uint64_t>();
      c.tally.pieces = r.get<std::uint64_t>();
      c.tally.pairs = r.get<std::uint64_t>();
      c.tally.bytes = r.get<std::uint64_t>();
      c.tally.bad = r.get<decltype(c.tally.bad)>();
      for (auto n = r.get<std::uint64_t>(); n > 0; --n) {
        store::BadLine b;
        b.reason = r.get<store::BadReason>();
        b.file = r.get_string();
        b.chunk = r.get<std::uint64_t>();
        b.line = r.get<std::uint64_t>();
        b.position = r.get<std::uint64_t>();
        b.detail = r.get_string();
        b.excerpt = r.get_string();
        c.tally.reported.push_back(std::move(b));
      }
      out.push_back(std::move(c));
    }
  }
  std::sort(out.begin(), out.end(), [](const StagedChunk& a, const StagedChunk& b) { return a.key < b.key; });
  return out;
}

}  // namespace equal::job
