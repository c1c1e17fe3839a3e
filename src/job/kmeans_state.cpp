#include "kmeans_state.hpp"

#include "equal/base/bytes.hpp"
#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

namespace equal::job {
namespace {

constexpr std::string_view kMagic = "EQKMEANS2";
constexpr std::size_t kDigestBytes = 64;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 36;

void put(ByteWriter& w, const linalg::Matrix<double>& m) {
  w.put(static_cast<std::uint64_t>(m.rows())).put(static_cast<std::uint64_t>(m.columns())).put_span(m.values());
}

linalg::Matrix<double> get_matrix(ByteReader& r) {
  const auto rows = r.get<std::uint64_t>(), columns = r.get<std::uint64_t>();
  const auto values = r.get_vector<double>();
  if (values.size() != rows * columns) throw DataError("a matrix does not have its announced size");
  linalg::Matrix<double> out(rows, columns);
  std::copy(values.begin(), values.end(), out.values().begin());
  return out;
}

cluster::KMeansState parse(std::string_view body) {
  ByteReader r(body);
  cluster::KMeansState state;
  state.restart = r.get<std::uint32_t>();
  state.centroids = get_matrix(r);
  state.objective = r.get_vector<double>();
  state.moved = r.get<std::uint64_t>();
  state.best = get_matrix(r);
  state.best_objective = r.get_vector<double>();
  state.best_sizes = r.get_vector<std::uint64_t>();
  state.best_converged = r.get<std::uint8_t>() != 0;
  return state;
}

/// What stands before the digest at the end of the file, or nothing when the digest does not fit.
std::optional<std::string_view> intact(std::string_view file) {
  const std::size_t content = file.size() - std::min(file.size(), kDigestBytes);
  if (!file.starts_with(kMagic) || sha256_hex(file.substr(0, content)) != file.substr(content)) return std::nullopt;
  return file.substr(0, content);
}

}  // namespace

void check_kmeans_state(const Workspace& workspace) {
  if (!intact(read_file(workspace.kmeans_state(), kMostBytes)))
    throw DataError(workspace.kmeans_state().string() + ": damaged; it will be dropped and k-means starts afresh");
}

void write_kmeans_state(const Workspace& workspace, const std::string& source, const cluster::KMeansState& state) {
  ByteWriter w;
  w.put(state.restart);
  put(w, state.centroids);
  w.put_span(std::span<const double>(state.objective)).put(state.moved);
  put(w, state.best);
  w.put_span(std::span<const double>(state.best_objective));
  w.put_span(std::span<const std::uint64_t>(state.best_sizes)).put(static_cast<std::uint8_t>(state.best_converged));
  const std::string text = std::string(kMagic) + source + w.take();
  write_file_atomically(workspace.kmeans_state(), text + sha256_hex(text));
}

std::optional<cluster::KMeansState> read_kmeans_state(Job& job, const std::string& source) {
  std::string body;
  comm::agree(job.comm, [&] {
    const auto path = job.workspace.kmeans_state();
    if (!job.comm.is_root() || !std::filesystem::exists(path)) return;
    const std::string file = read_file(path, kMostBytes);
    const std::string expected = std::string(kMagic) + source;
    const auto content = intact(file);
    if (!content) {
      log::warn("{}: damaged; k-means starts afresh", path.string());
    } else if (!content->starts_with(expected)) {
      log::info("{}: of other settings or inputs; k-means starts afresh", path.string());
    } else {
      body = content->substr(expected.size());
    }
  });
  body = comm::broadcast_string(job.comm, body);
  if (body.empty()) return std::nullopt;
  return parse(body);
}

}  // namespace equal::job
