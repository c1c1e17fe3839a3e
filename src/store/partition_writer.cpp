#include <array>
#include <unordered_map>

#include "equal/base/json_lines.hpp"
#include "equal/store/partition.hpp"

#include "hdf5_file.hpp"
#include "partition_layout.hpp"

namespace equal::store {
namespace layout = partition_layout;

namespace {

struct HeapBuffer {
  std::string bytes;
  std::vector<std::uint64_t> offsets{0};
  void add(std::string_view value) {
    bytes.append(value);
    offsets.push_back(bytes.size());
  }
};

void put_digest(std::string& out, const Digest128& digest) {
  for (const std::uint64_t word : {digest.high, digest.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(word >> shift));
  }
}

std::string pairs_json(const std::vector<KnownPair>& pairs) {
  if (pairs.empty()) return {};
  std::string out = "[";
  for (const KnownPair& pair : pairs) {
    if (out.size() > 1) out.push_back(',');
    out.append("{\"question\":");
    append_json_string(out, pair.question);
    out.append(",\"answer\":");
    append_json_string(out, pair.answer);
    out.push_back('}');
  }
  out.push_back(']');
  return out;
}

}  // namespace

struct PartitionWriter::Impl {
  std::filesystem::path path;
  std::array<HeapBuffer, layout::kHeaps.size()> heaps;
  std::array<std::string, layout::kDigests.size()> digests;
  std::array<std::vector<std::uint64_t>, layout::kNumbers.size()> numbers;
  std::unordered_map<std::string, std::uint64_t> source_numbers;

  std::uint64_t count() const { return numbers[0].size(); }
};

PartitionWriter::PartitionWriter(std::filesystem::path path, std::uint64_t text_bytes)
    : impl_(std::make_unique<Impl>()) {
  impl_->path = std::move(path);
  impl_->heaps[layout::text].bytes.reserve(text_bytes);
}
PartitionWriter::~PartitionWriter() = default;
PartitionWriter::PartitionWriter(PartitionWriter&&) noexcept = default;

void PartitionWriter::add(const Document& document) {
  auto& heaps = impl_->heaps;
  heaps[layout::text].add(document.text);
  heaps[layout::id].add(document.id);
  heaps[layout::metadata].add(document.metadata);
  heaps[layout::pairs].add(pairs_json(document.pairs));
  heaps[layout::parent].add(document.parent);
  put_digest(impl_->digests[layout::digest], document.digest);
  put_digest(impl_->digests[layout::text_digest], document.text_digest);
  put_digest(impl_->digests[layout::whole_digest], document.whole_digest);
  put_digest(impl_->digests[layout::whole_text_digest], document.whole_text_digest);
  const auto [source, is_new] = impl_->source_numbers.try_emplace(document.source, impl_->source_numbers.size());
  if (is_new) heaps[layout::sources].add(document.source);
  impl_->numbers[layout::parent_offset].push_back(document.parent_offset);
  impl_->numbers[layout::position].push_back(document.position);
  impl_->numbers[layout::source_index].push_back(source->second);
}

std::uint64_t PartitionWriter::count() const noexcept { return impl_->count(); }
std::uint64_t PartitionWriter::text_bytes() const noexcept { return impl_->heaps[layout::text].bytes.size(); }

std::string PartitionWriter::finish(const MadeFrom& made_from) {
  const std::uint64_t n = impl_->count();
  std::vector<ArrayShape> shapes;
  for (std::size_t i = 0; i < layout::kHeaps.size(); ++i) {
    const HeapBuffer& heap = impl_->heaps[i];
    shapes.push_back({layout::kHeaps[i], ElementType::u8, {heap.bytes.size()}});
    shapes.push_back({std::string(layout::kHeaps[i]) + "_offsets", ElementType::u64, {heap.offsets.size()}});
  }
  for (const char* name : layout::kDigests) shapes.push_back({name, ElementType::u8, {n, 16}});
  for (const char* name : layout::kNumbers) shapes.push_back({name, ElementType::u64, {n}});

  ArrayFileWriter file(impl_->path, layout::kFormat, layout::kVersion, std::move(shapes));
  std::size_t array = 0;
  for (const HeapBuffer& heap : impl_->heaps) {
    file.append_bytes(array++, heap.bytes);
    file.append(array++, std::span<const std::uint64_t>(heap.offsets));
  }
  for (const std::string& column : impl_->digests) file.append_bytes(array++, column);
  for (const auto& column : impl_->numbers) file.append(array++, std::span<const std::uint64_t>(column));
  return file.finish({{"count", n}, {"text_bytes", text_bytes()}}, made_from);
}

}  // namespace equal::store
