#include "equal/store/assignment.hpp"

#include <algorithm>
#include <numeric>

#include "equal/base/checked.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

#include "hdf5_file.hpp"

namespace equal::store {
namespace {

constexpr const char* kAssignmentFormat = "equal-assignment";
constexpr unsigned kAssignmentVersion = 1;

/// What is wrong, or nothing.
std::string inconsistency(const Assignment& a) {
  const std::size_t n = a.cluster.size();
  if (a.order.size() != n) return "order and cluster differ in length";
  if (a.start.empty() || a.start.front() != 0 || a.start.back() != n ||
      !std::is_sorted(a.start.begin(), a.start.end())) {
    return "start does not rise from 0 to the number of documents";
  }
  std::vector<bool> seen(n);
  for (std::size_t c = 0; c + 1 < a.start.size(); ++c) {
    for (std::uint64_t row = a.start[c]; row < a.start[c + 1]; ++row) {
      const std::uint32_t document = a.order[row];
      if (document >= n || seen[document]) return "order is no permutation of the documents";
      if (a.cluster[document] != c) return "order and cluster contradict each other";
      seen[document] = true;
    }
  }
  return {};
}

}  // namespace

Assignment make_assignment(std::vector<std::uint32_t> cluster, std::span<const std::uint64_t> draw_keys,
                           std::uint32_t k) {
  if (draw_keys.size() != cluster.size()) throw InternalError("make_assignment: one draw key a document is needed");
  const auto n = narrow<std::uint32_t>(cluster.size(), "documents of a partition");
  Assignment out;
  out.start.assign(std::size_t{k} + 1, 0);
  for (const std::uint32_t c : cluster) {
    if (c >= k) throw InternalError(format("make_assignment: cluster {} of {}", c, k));
    ++out.start[std::size_t{c} + 1];
  }
  std::partial_sum(out.start.begin(), out.start.end(), out.start.begin());
  out.order.resize(n);
  std::vector<std::uint64_t> next(out.start.begin(), out.start.end());
  for (std::uint32_t i = 0; i < n; ++i) out.order[next[cluster[i]]++] = i;
  for (std::uint32_t c = 0; c < k; ++c) {
    std::sort(out.order.begin() + static_cast<std::ptrdiff_t>(out.start[c]),
              out.order.begin() + static_cast<std::ptrdiff_t>(out.start[c + 1]), [&](std::uint32_t a, std::uint32_t b) {
                return std::pair(draw_keys[a], a) < std::pair(draw_keys[b], b);
              });
  }
  out.cluster = std::move(cluster);
  return out;
}

std::string write_assignment(const std::filesystem::path& path, const Assignment& assignment,
                             const MadeFrom& made_from) {
  if (const std::string problem = inconsistency(assignment); !problem.empty())
    throw InternalError(path.string() + ": " + problem);
  const std::uint64_t n = assignment.cluster.size();
  ArrayFileWriter file(path, kAssignmentFormat, kAssignmentVersion,
                       {{"cluster", ElementType::u32, {n}},
                        {"order", ElementType::u32, {n}},
                        {"start", ElementType::u64, {assignment.start.size()}}});
  file.append(0, std::span<const std::uint32_t>(assignment.cluster));
  file.append(1, std::span<const std::uint32_t>(assignment.order));
  file.append(2, std::span<const std::uint64_t>(assignment.start));
  return file.finish({{"count", n}, {"clusters", assignment.clusters()}}, made_from);
}

AssignmentFile read_assignment(const std::filesystem::path& path) {
  const ArrayFileReader file(path, kAssignmentFormat, kAssignmentVersion, Verify::header);
  AssignmentFile out{file.header(), {}};
  out.assignment.cluster = file.read_all<std::uint32_t>(file.find("cluster", ElementType::u32, {-1}));
  out.assignment.order = file.read_all<std::uint32_t>(file.find("order", ElementType::u32, {-1}));
  out.assignment.start = file.read_all<std::uint64_t>(file.find("start", ElementType::u64, {-1}));
  if (const std::string problem = inconsistency(out.assignment); !problem.empty()) file.fail("", problem);
  return out;
}

}  // namespace equal::store
