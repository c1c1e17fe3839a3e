#include <algorithm>

#include <fcntl.h>
#include <glob.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/store/corpus_reader.hpp"

#include "byte_source.hpp"
#include "parquet_chunks.hpp"
#include "weighted_chunks.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kSamplesPerFile = 16, kSampleBytes = 64 << 10, kSampledFiles = 64;
constexpr const char* kKinds =
    ".jsonl, .ndjson, .json, .txt, .md, .markdown, .warc or .wet, each also with .gz or .zst; .parquet";

std::optional<InputKind> kind_of(const fs::path& path) {
  std::string extension = path.extension().string();
  if (extension == ".gz" || extension == ".zst" || extension == ".zstd") extension = path.stem().extension().string();
  if (extension == ".jsonl" || extension == ".ndjson" || extension == ".json") return InputKind::json_lines;
  if (extension == ".txt" || extension == ".md" || extension == ".markdown") return InputKind::text_files;
  if (path.extension() == ".parquet") return InputKind::parquet_rows;
  if (extension == ".warc" || extension == ".wet") return InputKind::warc_records;
  return std::nullopt;
}

void add_file(Input& input, const fs::path& path) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  if (error) throw DataError(path.string() + ": cannot be read: " + error.message());
  input.files.push_back(path);
  input.sizes.push_back(size);
  input.bytes += size;
}

Input make_input(const std::string& name, InputKind kind, const fs::path& path) {
  Input input;
  input.name = name;
  input.kind = kind;
  add_file(input, path);
  if (kind == InputKind::parquet_rows) {
    input.row_group_bytes = parquet_row_group_bytes(path);
  } else {
    input.compressed = detect_compression(path) != Compression::none;
  }
  return input;
}

bool is_hidden(const fs::path& path) { return path.filename().string().rfind('.', 0) == 0; }

/// Files below a folder by their path, hidden ones left out.
std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> out;
  try {
    fs::recursive_directory_iterator it(folder, fs::directory_options::follow_directory_symlink), end;
    for (; it != end; ++it) {
      if (is_hidden(it->path())) {
        if (it->is_directory()) it.disable_recursion_pending();
      } else if (it->is_regular_file()) {
        out.push_back(it->path());
      }
    }
  } catch (const fs::filesystem_error& e) {
    throw DataError(folder.string() + ": cannot be listed: " + e.code().message());
  }
  std::sort(out.begin(), out.end(),
            [](const fs::path& a, const fs::path& b) { return a.generic_string() < b.generic_string(); });
  return out;
}

void add_folder(std::vector<Input>& out, const std::string& name) {
  Input texts;
  texts.name = name;
  texts.kind = InputKind::text_files;
  const std::size_t before = out.size();
  for (const fs::path& path : files_below(name)) {
    const auto kind = kind_of(path);
    if (!kind) continue;
    if (*kind != InputKind::text_files) {
      out.push_back(make_input(path.generic_string(), *kind, path));
    } else {
      add_file(texts, path);
    }
  }
  if (!texts.files.empty()) out.push_back(std::move(texts));
  if (out.size() == before)
    throw UsageError(format("input {}: the folder holds no file of a known kind ({})", name, kKinds));
}

std::vector<std::string> expand(const std::string& name) {
  if (fs::exists(name)) return {name};
  if (name.find_first_of("*?[") == std::string::npos)
    throw UsageError(
        format("input {}: no such file or folder (names are taken from {}; give a file, a folder or a pattern)", name,
               fs::current_path().string()));
  glob_t found{};
  const int status = ::glob(name.c_str(), 0, nullptr, &found);
  std::vector<std::string> out(found.gl_pathv, found.gl_pathv + (status == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  if (out.empty())
    throw UsageError(format("input {}: no file matches (seen from {})", name, fs::current_path().string()));
  std::sort(out.begin(), out.end());
  return out;
}

void digest_samples(Sha256& sha, const fs::path& path, std::uint64_t size) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw DataError(path.string() + ": cannot be opened: " + errno_text(errno));
  std::vector<std::byte> buffer(kSampleBytes);
  const std::uint64_t last = size > kSampleBytes ? size - kSampleBytes : 0;
  std::uint64_t end = 0;
  for (std::size_t i = 0; i < kSamplesPerFile; ++i) {
    const std::uint64_t begin =
        last / (kSamplesPerFile - 1) * i + last % (kSamplesPerFile - 1) * i / (kSamplesPerFile - 1);
    if (i > 0 && begin < end && end >= size) break;  // a small file is read once
    const std::size_t got = read_at(fd.get(), buffer, begin, path.string());
    sha.update(std::span<const std::byte>(buffer).first(got));
    end = begin + got;
  }
}

}  // namespace

std::vector<Input> list_inputs(const std::vector<std::string>& names) {
  std::vector<Input> out;
  for (const std::string& name : names) {
    for (const std::string& path : expand(name)) {
      if (fs::is_directory(path)) {
        add_folder(out, path);
      } else if (const auto kind = kind_of(path)) {
        out.push_back(make_input(path, *kind, path));
      } else {
        throw UsageError(format("input {}: unknown kind of file; use {}", path, kKinds));
      }
    }
  }
  return out;
}

std::optional<std::uint64_t> Input::chunks(const CorpusParams& params) const {
  if (kind == InputKind::text_files) return weighted_chunks(sizes, params.partition_bytes).size();
  if (kind == InputKind::parquet_rows) return weighted_chunks(row_group_bytes, params.partition_bytes).size();
  if (!splittable()) return std::nullopt;
  return bytes / params.partition_bytes + (bytes % params.partition_bytes != 0);
}

std::string fingerprint(const Input& input) {
  Sha256 sha;
  sha.update("equal-input 1\n").update_value(static_cast<std::uint32_t>(input.kind));
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    const bool single = input.files.size() == 1;
    const fs::path name = single ? input.files[i].filename() : input.files[i].lexically_relative(input.name);
    sha.update(name.generic_string()).update(std::string_view("\0", 1)).update_value(input.sizes[i]);
  }
  const std::size_t step = (input.files.size() + kSampledFiles - 1) / kSampledFiles;
  for (std::size_t i = 0; i < input.files.size(); i += step) digest_samples(sha, input.files[i], input.sizes[i]);
  return sha.hex();
}

}  // namespace equal::store
