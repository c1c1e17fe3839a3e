// The basis of the network simplex: a rooted spanning tree over rows, columns and one artificial root, in flat arrays.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equal/linalg/matrix.hpp"

namespace equal::transport {

using Node = std::int32_t;  ///< rows are 0 .. n-1, columns n .. n+m-1, the root n+m

/// Every arc of the tree joins a node to its parent and is known by that node. Real arcs lead from a row to a column;
/// the artificial arcs lead from a node to the root, which demands nothing: they can carry nothing, and serve to hang
/// the parts of a degenerate basis together. `next` lists the nodes in preorder (cyclic), so a subtree is the run of
/// the list from its head to `last`. Invariant (Cunningham 1976, strongly feasible): an arc that carries nothing leads
/// towards the root.
///
/// Potentials: p_i of rows and p_j of columns with reduced cost c_ij - p_i + p_j = 0 on the tree; in terms of the duals
/// f_i = p_i, g_j = -p_j.
class SpanningTree {
 public:
  /// Storage only: build() follows. REQUIRES: n + m below 2^31 - 1.
  SpanningTree(std::size_t n, std::size_t m);

  Node rows() const noexcept { return rows_; }
  Node root() const noexcept { return root_; }
  Node parent(Node x) const noexcept { return parent_[index(x)]; }
  std::int64_t flow(Node x) const noexcept { return flow_[index(x)]; }
  const double* potentials() const noexcept { return potential_.data(); }  ///< by node
  double potential(Node x) const noexcept { return potential_[index(x)]; }

  /// Builds the tree from arcs that carry something and form a forest. `p` gives the potential of the head of each
  /// part; the rest follow from the costs.
  struct Arc {
    Node row, column;
    std::int64_t flow;
  };
  void build(std::span<const Arc> arcs, std::span<const double> p, linalg::MatrixView<const double> cost);

  /// Brings the arc row -> column with reduced cost r < 0 into the tree and moves as much flow round its cycle as the
  /// other arcs allow; the arc that leaves is the last that blocks, seen from the cycle's apex along its direction:
  /// this keeps the invariant, and with it no sequence of pivots without gain can repeat itself. O(depth + size of the
  /// smaller part).
  void pivot(Node row, Node column, double reduced_cost);

  /// Computes all potentials afresh from those of the root's children, which stay: removes what rounding has piled up.
  void refresh(linalg::MatrixView<const double> cost);

 private:
  static std::size_t index(Node x) noexcept { return static_cast<std::size_t>(x); }
  bool leads_up(Node x) const noexcept { return x < rows_ || parent_[index(x)] == root_; }
  void rehang(Node in, Node out, Node onto, Node apex, std::int64_t flow);
  void shift(Node head, double by);

  Node rows_, root_;
  std::vector<Node> parent_, next_, previous_, last_, size_;
  std::vector<std::int64_t> flow_;
  std::vector<double> potential_;
};

}  // namespace equal::transport
