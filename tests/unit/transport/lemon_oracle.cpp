#include "lemon_oracle.hpp"

#include <stdexcept>

#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

std::int64_t lemon_transport(const std::vector<std::int64_t>& cost, const std::vector<std::int64_t>& supplies,
                             const std::vector<std::int64_t>& demands) {
  lemon::SmartDigraph graph;
  std::vector<lemon::SmartDigraph::Node> rows, columns;
  for (std::size_t i = 0; i < supplies.size(); ++i) rows.push_back(graph.addNode());
  for (std::size_t j = 0; j < demands.size(); ++j) columns.push_back(graph.addNode());
  lemon::SmartDigraph::NodeMap<std::int64_t> supply(graph);
  lemon::SmartDigraph::ArcMap<std::int64_t> arc_cost(graph);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    supply[rows[i]] = supplies[i];
    for (std::size_t j = 0; j < columns.size(); ++j)
      arc_cost[graph.addArc(rows[i], columns[j])] = cost[i * columns.size() + j];
  }
  for (std::size_t j = 0; j < columns.size(); ++j) supply[columns[j]] = -demands[j];
  lemon::NetworkSimplex<lemon::SmartDigraph, std::int64_t> simplex(graph);
  simplex.costMap(arc_cost).supplyMap(supply);
  if (simplex.run() != lemon::NetworkSimplex<lemon::SmartDigraph, std::int64_t>::OPTIMAL)
    throw std::runtime_error("LEMON failed");
  return simplex.totalCost<std::int64_t>();
}
