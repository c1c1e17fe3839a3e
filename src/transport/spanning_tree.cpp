#include "spanning_tree.hpp"

#include <algorithm>
#include <limits>

namespace equal::transport {

SpanningTree::SpanningTree(std::size_t n, std::size_t m)
    : rows_(static_cast<Node>(n)),
      root_(static_cast<Node>(n + m)),
      parent_(n + m + 1),
      next_(n + m + 1),
      previous_(n + m + 1),
      last_(n + m + 1),
      size_(n + m + 1),
      flow_(n + m + 1, 0),
      potential_(n + m + 1, 0.0) {}

void SpanningTree::build(std::span<const Arc> arcs, std::span<const double> p, linalg::MatrixView<const double> cost) {
  const std::size_t nodes = index(root_);
  // Neighbours of each node in the forest, as one list per node (counting sort).
  std::vector<std::size_t> first(nodes + 2, 0);
  for (const Arc& arc : arcs) ++first[index(arc.row) + 1], ++first[index(arc.column) + 1];
  for (std::size_t x = 0; x < nodes; ++x) first[x + 1] += first[x];
  std::vector<std::pair<Node, std::int64_t>> neighbour(2 * arcs.size());
  std::vector<std::size_t> fill(first.begin(), first.end() - 1);
  for (const Arc& arc : arcs) {
    neighbour[fill[index(arc.row)]++] = {arc.column, arc.flow};
    neighbour[fill[index(arc.column)]++] = {arc.row, arc.flow};
  }
  // Depth first: preorder is the order of arrival.
  std::fill(parent_.begin(), parent_.end(), Node{-1});
  std::vector<Node> order{root_}, stack;
  order.reserve(nodes + 1);
  for (Node head = 0; head < root_; ++head) {
    if (parent_[index(head)] >= 0) continue;
    parent_[index(head)] = root_;
    flow_[index(head)] = 0;
    potential_[index(head)] = p[index(head)];
    stack.push_back(head);
    while (!stack.empty()) {
      const Node x = stack.back();
      stack.pop_back();
      order.push_back(x);
      for (std::size_t k = first[index(x)]; k < first[index(x) + 1]; ++k) {
        const auto [y, units] = neighbour[k];
        if (y == parent_[index(x)]) continue;
        parent_[index(y)] = x;
        flow_[index(y)] = units;
        stack.push_back(y);
      }
    }
  }
  std::fill(size_.begin(), size_.end(), Node{1});
  for (std::size_t k = 0; k < order.size(); ++k) {
    const Node x = order[k], y = order[(k + 1) % order.size()];
    next_[index(x)] = y;
    previous_[index(y)] = x;
    last_[index(x)] = x;
  }
  for (std::size_t k = order.size() - 1; k > 0; --k) {
    const std::size_t x = index(order[k]), up = index(parent_[x]);
    size_[up] += size_[x];
    if (last_[up] == static_cast<Node>(up)) last_[up] = last_[x];  // the last child comes first in this direction
  }
  potential_[index(root_)] = 0.0;
  refresh(cost);
}

void SpanningTree::refresh(linalg::MatrixView<const double> cost) {
  for (Node x = next_[index(root_)]; x != root_; x = next_[index(x)]) {
    const Node up = parent_[index(x)];
    if (up == root_) continue;
    if (x < rows_) {
      potential_[index(x)] = cost(index(x), index(up - rows_)) + potential_[index(up)];
    } else {
      potential_[index(x)] = potential_[index(up)] - cost(index(up), index(x - rows_));
    }
  }
}

void SpanningTree::pivot(Node row, Node column, double reduced_cost) {
  // The apex: the smaller of two subtrees cannot contain the other's head.
  Node a = row, b = column;
  while (a != b) {
    if (size_[index(a)] < size_[index(b)]) {
      a = parent_[index(a)];
    } else {
      b = parent_[index(b)];
    }
  }
  const Node apex = a;
  // Flow goes row -> column -> up to the apex -> down to the row. Along that way the arcs that lose flow are those
  // leading up below the row's side and those leading down on the column's side. `<` then `<=`: the last of equal
  // blockers.
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  Node out = -1;
  bool on_row_side = true;
  for (Node x = row; x != apex; x = parent_[index(x)]) {
    if (leads_up(x) && flow_[index(x)] < least) least = flow_[index(x)], out = x;
  }
  for (Node x = column; x != apex; x = parent_[index(x)]) {
    if (!leads_up(x) && flow_[index(x)] <= least) least = flow_[index(x)], out = x, on_row_side = false;
  }
  if (least > 0) {
    for (Node x = row; x != apex; x = parent_[index(x)]) flow_[index(x)] += leads_up(x) ? -least : least;
    for (Node x = column; x != apex; x = parent_[index(x)]) flow_[index(x)] += leads_up(x) ? least : -least;
  }
  const Node in = on_row_side ? row : column;
  rehang(in, out, on_row_side ? column : row, apex, least);
  shift(in, on_row_side ? reduced_cost : -reduced_cost);
}

/// Cuts the subtree of `out` off, makes `in` its head and hangs it under `onto`, as first child, by an arc with `flow`.
void SpanningTree::rehang(Node in, Node out, Node onto, Node apex, std::int64_t flow) {
  const Node count = size_[index(out)], old_parent = parent_[index(out)];
  // Off: ancestors lose the nodes, and perhaps their last one.
  {
    const Node before = previous_[index(out)], end = last_[index(out)], after = next_[index(end)];
    next_[index(before)] = after;
    previous_[index(after)] = before;
    for (Node x = old_parent; x >= 0 && last_[index(x)] == end; x = parent_[index(x)]) last_[index(x)] = before;
    for (Node x = old_parent; x != apex; x = parent_[index(x)]) size_[index(x)] -= count;
  }
  // Turn the stem in .. out over. A stem node keeps its run of the list less the run of the stem node below it: a part
  // before that run (at least itself) and perhaps one after it. `below_*` are the old values of the node below.
  Node below = in, below_previous = previous_[index(in)], below_last = last_[index(in)];
  Node below_next = next_[index(below_last)], below_size = size_[index(in)], up = parent_[index(in)];
  std::int64_t below_flow = flow_[index(in)];
  Node tail = below_last;  // end of the new list so far
  while (below != out) {
    const Node x = up, x_previous = previous_[index(x)], x_last = last_[index(x)], x_size = size_[index(x)];
    const Node x_next = x_last == below_last ? below_next : next_[index(x_last)];
    const std::int64_t x_flow = flow_[index(x)];
    up = parent_[index(x)];
    next_[index(tail)] = x;
    previous_[index(x)] = tail;
    if (x_last == below_last) {
      tail = below_previous;
    } else {
      next_[index(below_previous)] = below_next;
      previous_[index(below_next)] = below_previous;
      tail = x_last;
    }
    parent_[index(x)] = below;
    size_[index(x)] = count - below_size;
    flow_[index(x)] = below_flow;
    below = x, below_previous = x_previous, below_last = x_last, below_next = x_next;
    below_size = x_size, below_flow = x_flow;
  }
  for (Node x = out; x != in; x = parent_[index(x)]) last_[index(x)] = tail;
  last_[index(in)] = tail;
  size_[index(in)] = count;
  parent_[index(in)] = onto;
  flow_[index(in)] = flow;
  // On.
  const Node after = next_[index(onto)];
  next_[index(onto)] = in;
  previous_[index(in)] = onto;
  next_[index(tail)] = after;
  previous_[index(after)] = tail;
  for (Node x = onto; x >= 0 && last_[index(x)] == onto; x = parent_[index(x)]) last_[index(x)] = tail;
  for (Node x = onto; x != apex; x = parent_[index(x)]) size_[index(x)] += count;
}

/// Adds `by` to the potentials of a subtree; where that is more than half of the tree, takes it from all others
/// instead: only differences matter.
void SpanningTree::shift(Node head, double by) {
  const Node after = next_[index(last_[index(head)])];
  if (2 * static_cast<std::int64_t>(size_[index(head)]) <= static_cast<std::int64_t>(root_)) {
    for (Node x = head; x != after; x = next_[index(x)]) potential_[index(x)] += by;
  } else {
    for (Node x = after; x != head; x = next_[index(x)]) potential_[index(x)] -= by;
  }
}

}  // namespace equal::transport
