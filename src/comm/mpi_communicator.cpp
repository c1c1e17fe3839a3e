#include <algorithm>
#include <cstdlib>
#include <list>
#include <numeric>
#include <string>
#include <string_view>

#include <mpi.h>

#include "equal/base/checked.hpp"
#include "equal/base/log.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/comm/library.hpp"

#include "agreed_error.hpp"
#include "wait.hpp"

namespace equal::comm {

std::string mpi_description() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string version(text, static_cast<std::size_t>(length));
  // Open MPI: "Open MPI v4.1.4, package: ..."; MPICH: "MPICH Version:\t4.0.2\nMPICH Release date: ...".
  version.resize(std::min(version.find_first_of(",\n"), version.size()));
  constexpr std::string_view kMpich = " Version:\t";
  if (const auto at = version.find(kMpich); at != std::string::npos) version.replace(at, kMpich.size(), " ");
  return version;
}
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 28;  // one MPI call moves at most this much, far below INT_MAX

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw EnvironmentError(std::string(call) + " failed: " + std::string(text, static_cast<std::size_t>(length)));
}

template <class T>
MPI_Datatype mpi_type() {
  if constexpr (std::is_same_v<T, std::int64_t>) return MPI_INT64_T;
  if constexpr (std::is_same_v<T, std::uint64_t>) return MPI_UINT64_T;
  if constexpr (std::is_same_v<T, double>) return MPI_DOUBLE;
  if constexpr (std::is_same_v<T, float>) return MPI_FLOAT;
}

class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(MPI_Comm parent) {
    check(MPI_Comm_dup(parent, &comm_), "MPI_Comm_dup");
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;
  ~MpiCommunicator() override {
    for (auto& send : sends_) MPI_Wait(&send.request, MPI_STATUS_IGNORE);
    MPI_Comm_free(&comm_);
  }

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }

  void barrier() override {
    MPI_Request request{};
    check(MPI_Ibarrier(comm_, &request), "MPI_Ibarrier");
    complete(request, "MPI_Ibarrier");
  }

  void broadcast_bytes(std::span<std::byte> buffer, int root) override {
    for (std::size_t first = 0; first < buffer.size(); first += kChunkBytes) {
      const std::size_t n = std::min(kChunkBytes, buffer.size() - first);
      MPI_Request request{};
      check(MPI_Ibcast(buffer.data() + first, narrow<int>(n), MPI_BYTE, root, comm_, &request), "MPI_Ibcast");
      complete(request, "MPI_Ibcast", n);
    }
  }

  void sum(std::span<std::int64_t> v) override { reduce(v, MPI_SUM); }
  void sum(std::span<std::uint64_t> v) override { reduce(v, MPI_SUM); }
  void sum(std::span<double> v) override { reduce(v, MPI_SUM); }
  void sum(std::span<float> v) override { reduce(v, MPI_SUM); }
  void max(std::span<std::uint64_t> v) override { reduce(v, MPI_MAX); }
  void min(std::span<std::uint64_t> v) override { reduce(v, MPI_MIN); }

  std::vector<std::string> all_gather(std::string_view bytes) override {
    const auto sizes = all_sizes(bytes.size());
    std::vector<std::string> out = sized(sizes);
    const std::size_t share = chunk_per_rank();
    std::string buffer;
    for (std::size_t first = 0; first < *std::max_element(sizes.begin(), sizes.end()); first += share) {
      const Layout layout(sizes, first, share);
      buffer.resize(layout.total);
      const std::string_view mine = part(bytes, first, share);
      MPI_Request request{};
      check(MPI_Iallgatherv(mine.data(), narrow<int>(mine.size()), MPI_BYTE, buffer.data(), layout.counts.data(),
                            layout.offsets.data(), MPI_BYTE, comm_, &request),
            "MPI_Iallgatherv");
      complete(request, "MPI_Iallgatherv", layout.total);
      layout.unpack(buffer, first, out);
    }
    return out;
  }

  std::vector<std::string> gather(std::string_view bytes, int root) override {
    const auto sizes = all_sizes(bytes.size());
    std::vector<std::string> out;
    if (rank_ == root) out = sized(sizes);
    const std::size_t share = chunk_per_rank();
    std::string buffer;
    for (std::size_t first = 0; first < *std::max_element(sizes.begin(), sizes.end()); first += share) {
      const Layout layout(sizes, first, share);
      if (rank_ == root) buffer.resize(layout.total);
      const std::string_view mine = part(bytes, first, share);
      MPI_Request request{};
      check(MPI_Igatherv(mine.data(), narrow<int>(mine.size()), MPI_BYTE, buffer.data(), layout.counts.data(),
                         layout.offsets.data(), MPI_BYTE, root, comm_, &request),
            "MPI_Igatherv");
      complete(request, "MPI_Igatherv", layout.total);
      if (rank_ == root) layout.unpack(buffer, first, out);
    }
    return out;
  }

  std::vector<std::string> all_to_all(std::vector<std::string> to_each) override {
    const auto n = static_cast<std::size_t>(size_);
    if (to_each.size() != n) throw InternalError("all_to_all needs one buffer for each rank");
    std::vector<std::uint64_t> send_sizes(n), receive_sizes(n);
    std::transform(to_each.begin(), to_each.end(), send_sizes.begin(), [](const std::string& s) { return s.size(); });
    {
      MPI_Request request{};
      // NOLINTNEXTLINE(mpi-type-mismatch): it takes MPI_UINT64_T for unsigned long long
      check(MPI_Ialltoall(send_sizes.data(), 1, MPI_UINT64_T, receive_sizes.data(), 1, MPI_UINT64_T, comm_, &request),
            "MPI_Ialltoall");
      complete(request, "MPI_Ialltoall");
    }
    std::uint64_t longest = 0;
    for (std::size_t r = 0; r < n; ++r) longest = std::max({longest, send_sizes[r], receive_sizes[r]});
    max(std::span<std::uint64_t>(&longest, 1));
    std::vector<std::string> out = sized(receive_sizes);
    const std::size_t share = chunk_per_rank();
    std::string send_buffer, receive_buffer;
    for (std::size_t first = 0; first < longest; first += share) {
      const Layout sending(send_sizes, first, share), receiving(receive_sizes, first, share);
      send_buffer.clear();
      for (const auto& s : to_each) send_buffer += part(s, first, share);
      receive_buffer.resize(receiving.total);
      MPI_Request request{};
      check(MPI_Ialltoallv(send_buffer.data(), sending.counts.data(), sending.offsets.data(), MPI_BYTE,
                           receive_buffer.data(), receiving.counts.data(), receiving.offsets.data(), MPI_BYTE, comm_,
                           &request),
            "MPI_Ialltoallv");
      complete(request, "MPI_Ialltoallv", receiving.total);
      receiving.unpack(receive_buffer, first, out);
    }
    return out;
  }

  void send(int destination, int tag, std::string bytes) override {
    reap_sends();
    sends_.push_back({std::move(bytes), MPI_REQUEST_NULL});
    Send& s = sends_.back();
    check(MPI_Isend(s.bytes.data(), narrow<int>(s.bytes.size(), "the size of a message"), MPI_BYTE, destination, tag,
                    comm_, &s.request),
          "MPI_Isend");
  }

  std::optional<Message> try_receive() override {
    reap_sends();
    int found = 0;
    MPI_Message handle{};
    MPI_Status status{};
    check(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &found, &handle, &status), "MPI_Improbe");
    if (found == 0) return std::nullopt;
    int bytes = 0;
    check(MPI_Get_count(&status, MPI_BYTE, &bytes), "MPI_Get_count");
    Message message{status.MPI_SOURCE, status.MPI_TAG, std::string(static_cast<std::size_t>(bytes), '\0')};
    MPI_Request request{};
    check(MPI_Imrecv(message.bytes.data(), bytes, MPI_BYTE, &handle, &request), "MPI_Imrecv");
    complete(request, "MPI_Imrecv", message.bytes.size());
    return message;
  }

  [[noreturn]] void abort(int exit_code, const std::string& reason) noexcept override {
    log::error("{}", reason);
    MPI_Abort(comm_, exit_code);
    std::_Exit(exit_code);
  }

  std::string description() const override {
    return mpi_description() + ", " + std::to_string(size_) + (size_ == 1 ? " rank" : " ranks");
  }

 private:
  void complete(MPI_Request& request, const char* call, std::size_t bytes = 0) {
    PoliteWait wait(waits_, bytes);
    for (int done = 0;;) {
      check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), call);
      if (done != 0) return;
      wait.pause();
    }
  }

  struct Send {
    std::string bytes;
    MPI_Request request;
  };

  /// Where each rank's part [first, first + share) of its bytes lies in one buffer of an MPI call.
  struct Layout {
    std::vector<int> counts, offsets;
    std::size_t total = 0;
    Layout(const std::vector<std::uint64_t>& sizes, std::size_t first, std::size_t share) {
      for (const std::uint64_t size : sizes) {
        const std::size_t n = size > first ? std::min<std::size_t>(share, size - first) : 0;
        counts.push_back(narrow<int>(n));
        offsets.push_back(narrow<int>(total));
        total += n;
      }
    }
    void unpack(const std::string& buffer, std::size_t first, std::vector<std::string>& out) const {
      for (std::size_t r = 0; r < out.size(); ++r) {
        if (counts[r] == 0) continue;
        std::copy_n(buffer.data() + offsets[r], counts[r], out[r].data() + first);
      }
    }
  };

  static std::vector<std::string> sized(const std::vector<std::uint64_t>& sizes) {
    std::vector<std::string> out(sizes.size());
    for (std::size_t r = 0; r < sizes.size(); ++r) out[r].resize(sizes[r]);
    return out;
  }
  static std::string_view part(std::string_view bytes, std::size_t first, std::size_t share) {
    return first < bytes.size() ? bytes.substr(first, share) : std::string_view{};
  }
  std::size_t chunk_per_rank() const { return std::max<std::size_t>(1, kChunkBytes / static_cast<std::size_t>(size_)); }

  std::vector<std::uint64_t> all_sizes(std::uint64_t mine) {
    std::vector<std::uint64_t> sizes(static_cast<std::size_t>(size_));
    MPI_Request request{};
    // NOLINTNEXTLINE(mpi-type-mismatch): as above
    check(MPI_Iallgather(&mine, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, comm_, &request), "MPI_Iallgather");
    complete(request, "MPI_Iallgather");
    return sizes;
  }

  template <class T>
  void reduce(std::span<T> values, MPI_Op operation) {
    constexpr std::size_t kChunk = kChunkBytes / sizeof(T);
    for (std::size_t first = 0; first < values.size(); first += kChunk) {
      const std::size_t n = std::min(kChunk, values.size() - first);
      MPI_Request request{};
      check(MPI_Iallreduce(MPI_IN_PLACE, values.data() + first, narrow<int>(n), mpi_type<T>(), operation, comm_,
                           &request),
            "MPI_Iallreduce");
      complete(request, "MPI_Iallreduce", n * sizeof(T));
    }
  }

  void reap_sends() {
    for (auto s = sends_.begin(); s != sends_.end();) {
      int done = 0;
      check(MPI_Test(&s->request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      s = done != 0 ? sends_.erase(s) : std::next(s);
    }
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::list<Send> sends_;  // addresses must not move while a send is under way
};

bool launched_by_mpi() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr ||
         std::getenv("PMI_RANK") != nullptr;
}

/// Where an error arose, for the end of its message; a process that is alone needs no such thing.
std::string behind(const Communicator& comm) { return comm.size() == 1 ? "" : " (" + comm.where() + ")"; }

/// Runs the body; an error on this rank alone aborts the job, one that all ranks agreed on ends it in order.
int run_body(Communicator& comm, const std::function<int(Communicator&)>& body) {
  try {
    return body(comm);
  } catch (const AgreedError& e) {
    if (e.culprit()) log::error("{}{}", e.what(), behind(comm));
    return e.exit_code();
  } catch (const Error& e) {
    if (comm.size() > 1) comm.abort(e.exit_code(), format("{}{}", e.what(), behind(comm)));
    log::error("{}", e.what());
    return e.exit_code();
  } catch (const std::exception& e) {
    const auto code = static_cast<int>(Family::internal);
    if (comm.size() > 1) comm.abort(code, format("{}{}", e.what(), behind(comm)));
    log::error("{}", e.what());
    return code;
  }
}

}  // namespace

int with_mpi(int& argc, char**& argv, const std::function<int(Communicator&)>& body) {
  if (!launched_by_mpi()) {
    const auto single = make_single();
    return run_body(*single, body);
  }
  int provided = 0;
  check(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_FUNNELED) throw EnvironmentError("this MPI library offers no MPI_THREAD_FUNNELED");
  int exit_code = 0;
  {
    MpiCommunicator world(MPI_COMM_WORLD);
    exit_code = run_body(world, body);
  }
  MPI_Finalize();
  return exit_code;
}

}  // namespace equal::comm
