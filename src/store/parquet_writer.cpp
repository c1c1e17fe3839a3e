#include "equal/store/parquet_writer.hpp"

#include <cstdlib>

#include <dlfcn.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/store/libraries.hpp"

#include "parquet_module.hpp"

namespace equal::store {
namespace fs = std::filesystem;
namespace {

constexpr const char* kModuleName = "libequal_parquet.so";

/// Beside the program, in the library folder of an installation, or where EQUAL_PARQUET_MODULE says.
std::vector<fs::path> module_places() {
  std::vector<fs::path> out;
  if (const char* named = std::getenv("EQUAL_PARQUET_MODULE")) out.emplace_back(named);
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  out.push_back(folder / kModuleName);
  out.push_back(folder.parent_path() / EQUAL_LIBRARY_FOLDER / "equal" / kModuleName);
  return out;
}

struct Module {
  void* handle = nullptr;
  fs::path place;
};

Module load_module() {
  for (const fs::path& place : module_places()) {
    std::error_code error;
    if (!fs::exists(place, error)) continue;
    // Its symbols stay its own (LOCAL), and its libraries see each other's before the program's (DEEPBIND).
    if (void* module = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND)) return {module, place};
  }
  return {};
}

const Module& module() {
  static const Module loaded = load_module();
  return loaded;
}

}  // namespace

void* parquet_module_function(const char* name) {
  return module().handle == nullptr ? nullptr : ::dlsym(module().handle, name);
}

std::string parquet_module_place() { return module().place.string(); }

std::string no_parquet_module() {
  return format(
      "Parquet needs the module {}, which is not there (or its Arrow libraries are not). Build with Arrow C++ "
      "installed, or with Python's pyarrow: cmake -DEQUAL_PYARROW=<its folder> (docs/install.md)",
      kModuleName);
}

struct ParquetWriter::Impl {
  fs::path path;
  std::unique_ptr<ParquetSink> sink;
  void check(const std::string& error) const {
    if (!error.empty())
      throw EnvironmentError(format("{}: cannot be written: {}", temporary_name(path).string(), error));
  }
};

ParquetWriter::ParquetWriter(fs::path path, const std::vector<ParquetColumn>& schema)
    : impl_(std::make_unique<Impl>()) {
  impl_->path = std::move(path);
  const auto create = reinterpret_cast<CreateParquet>(parquet_module_function(kCreateParquet));
  if (create == nullptr) throw UsageError(format("{}: {}", impl_->path.string(), no_parquet_module()));
  std::string error;
  impl_->sink.reset(create(temporary_name(impl_->path).c_str(), &schema, &error));
  impl_->check(error);
}
ParquetWriter::~ParquetWriter() = default;
ParquetWriter::ParquetWriter(ParquetWriter&&) noexcept = default;
ParquetWriter& ParquetWriter::operator=(ParquetWriter&&) noexcept = default;

void ParquetWriter::append(const std::vector<ParquetColumn>& columns, std::uint64_t rows) {
  for (const ParquetColumn& c : columns) {
    using Kind = ParquetColumn::Kind;
    const std::uint64_t cells = c.kind == Kind::whole   ? c.wholes.size()
                                : c.kind == Kind::real  ? c.reals.size()
                                : c.kind == Kind::turns ? c.texts.size() / 4
                                                        : c.texts.size();
    if (cells != rows) throw InternalError(format("column {}: {} cells for {} rows", c.name, cells, rows));
  }
  impl_->check(impl_->sink->append(columns, rows));
}

void ParquetWriter::finish() {
  impl_->check(impl_->sink->finish());
  impl_->sink.reset();
  publish(impl_->path);
}

}  // namespace equal::store
