#include "plan_limits.hpp"

#include <cmath>
#include <functional>

#include "equal/base/log.hpp"
#include "equal/settings/parameters.hpp"

namespace equal::job {
namespace {

using settings::Settings;

constexpr double kMemoryShare = 0.9;                      // of a node: the system and its page cache need some
constexpr double kLargestMessage = 1024.0 * 1024 * 1024;  // docs/mpi.md
constexpr double kDocumentsAPartition = 4294967296.0;     // assignment and pool number them with 32 bits
constexpr double kMostPartitions = 100000;                // part-00000.h5
constexpr double kDocumentsACluster = 8.6e9;              // exact sums

/// A limit: what is wrong with a plan, or nothing.
using Check = std::function<std::string(const Settings&, const Plan&)>;

std::string bytes(double x) { return human_bytes(x); }

const std::vector<Check>& checks() {
  static const std::vector<Check> all = {
      [](const Settings&, const Plan& p) {
        if (p.node_memory <= kMemoryShare * p.memory_limit) return std::string();
        return format("memory: the ranks of a node need {}, and a node has {} (of which {:.0f} % are counted on)",
                      bytes(p.node_memory), bytes(p.memory_limit), 100 * kMemoryShare);
      },
      [](const Settings& s, const Plan& p) {
        if (s.plan_disk == 0 || p.disk_peak <= static_cast<double>(s.plan_disk)) return std::string();
        return format("disk: the workspace needs {}, and there are {}", bytes(p.disk_peak),
                      bytes(static_cast<double>(s.plan_disk)));
      },
      [](const Settings&, const Plan& p) {
        if (p.largest_message <= kLargestMessage) return std::string();
        return format("messages: one answer of a worker would have up to {}, and messages stay below {}",
                      bytes(p.largest_message), bytes(kLargestMessage));
      },
      [](const Settings&, const Plan& p) {
        const double part = p.documents / p.partitions, rank = p.documents / p.workers;
        if (std::max(part, rank) < kDocumentsAPartition) return std::string();
        return format("numbers: {} documents of a {}, and {} can be numbered", human_count(std::max(part, rank)),
                      part > rank ? "partition" : "rank", human_count(kDocumentsAPartition));
      },
      [](const Settings&, const Plan& p) {
        if (p.partitions <= kMostPartitions) return std::string();
        return format("files: {} partitions, and names have room for {}", human_count(p.partitions),
                      human_count(kMostPartitions));
      },
      [](const Settings&, const Plan& p) {
        if (p.documents / p.clusters <= kDocumentsACluster) return std::string();
        return format("numbers: {} documents a cluster, and sums are exact up to {}",
                      human_count(p.documents / p.clusters), human_count(kDocumentsACluster));
      },
      [](const Settings& s, const Plan& p) {
        if (s.plan_hours <= 0 || p.seconds() <= 3600 * s.plan_hours) return std::string();
        return format("time: the run takes {}, and the limit is {}", human_seconds(p.seconds()),
                      human_seconds(3600 * s.plan_hours));
      }};
  return all;
}

/// A setting that may mend something, and its next value to try; false when there is none.
struct WayOut {
  const char* name;
  std::function<bool(Settings&)> step;
};

bool grow(std::uint64_t& value, std::uint64_t most) {
  if (value >= most) return false;
  value *= 2;
  return true;
}
bool shrink(std::uint64_t& value, std::uint64_t least) {
  if (value <= least) return false;
  value = std::max(least, value / 2);
  return true;
}

std::vector<WayOut> ways_out(const Plan& p) {
  const auto asked = static_cast<std::uint64_t>(p.asked), clusters = static_cast<std::uint64_t>(p.clusters);
  return {
      {"plan.nodes", [](Settings& s) { return grow(s.plan_nodes, 65536); }},
      {"plan.ranks_per_node", [](Settings& s) { return shrink(s.plan_ranks_per_node, 1); }},
      {"ingest.partition_bytes", [](Settings& s) { return shrink(s.partition_bytes, std::uint64_t{1} << 24); }},
      {"ingest.partition_bytes", [](Settings& s) { return grow(s.partition_bytes, std::uint64_t{1} << 40); }},
      {"cluster.k",
       [clusters](Settings& s) {
         if (s.cluster_k == 0) s.cluster_k = clusters;
         return shrink(s.cluster_k, 64);
       }},
      {"cluster.fit_sample",
       [](Settings& s) {
         return s.cluster_fit_sample == 0 ? (s.cluster_fit_sample = 256, true) : shrink(s.cluster_fit_sample, 32);
       }},
      {"encoder.dim", [](Settings& s) { return shrink(s.encoder_dim, 64); }},
      {"extract.round_documents",
       [asked](Settings& s) {
         if (s.round_documents == 0) s.round_documents = asked;
         return shrink(s.round_documents, 512);
       }},
      {"budget.documents",
       [asked](Settings& s) {
         std::uint64_t n =
             s.budget_documents.back() == '%' ? asked : static_cast<std::uint64_t>(std::stod(s.budget_documents));
         if (!shrink(n, 1000)) return false;
         s.budget_documents = std::to_string(n);
         return true;
       }},
      {"plan.memory", [](Settings& s) { return s.plan_memory > 0 && grow(s.plan_memory, std::uint64_t{1} << 43); }},
      {"plan.disk", [](Settings& s) { return s.plan_disk > 0 && grow(s.plan_disk, std::uint64_t{1} << 60); }},
      {"plan.hours", [](Settings& s) { return s.plan_hours > 0 && s.plan_hours < 1e4 && (s.plan_hours *= 2, true); }}};
}

}  // namespace

void find_misfits(const Settings& s, const MachineProfile& c, Plan& plan) {
  for (const Check& check : checks()) {
    const std::string problem = check(s, plan);
    if (problem.empty()) continue;
    Misfit misfit{problem, {}};
    for (const WayOut& way : ways_out(plan)) {
      Settings tried = s;
      while (way.step(tried)) {
        if (!check(tried, multiply_out(tried, c)).empty()) continue;
        const settings::Parameter* p = settings::find_parameter(way.name);
        misfit.ways_out.push_back(
            format("--{} {} (now {})", way.name, settings::value_text(*p, tried), settings::value_text(*p, s)));
        break;
      }
    }
    plan.misfits.push_back(std::move(misfit));
  }
}

}  // namespace equal::job
