// Graphs made by hand, for tests of the plan.
#pragma once

#include <weir/operators/graph.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace graph_samples {

/// An operator that does nothing: plans never run one.
class idle_operator final : public weir::any_operator {
public:
  std::size_t process(std::size_t, weir::any_batch&, std::size_t, std::size_t to, weir::operator_outputs&) override {
    return to;
  }
};

/// Composes a graph of operators whose records are ints, unless said otherwise.
class builder {
public:
  explicit builder(std::string job = "sample") { graph.job_name = std::move(job); }

  weir::graph_node& add(std::string name, weir::operator_kind kind, weir::operator_options options = {}) {
    weir::graph_node& node = graph.nodes.emplace_back();
    node.kind_name = kind == weir::operator_kind::source ? "generator"
                     : kind == weir::operator_kind::sink ? "print"
                                                         : "map";
    node.name = std::move(name);
    node.kind = kind;
    node.where = {"sample.cpp", static_cast<int>(graph.nodes.size())};
    node.options = std::move(options);
    node.input_count = kind == weir::operator_kind::source ? 0 : 1;
    if (kind != weir::operator_kind::sink)
      node.outputs.push_back({"", &weir::element_type_of<int>()});
    node.make = [] { return std::make_unique<idle_operator>(); };
    return node;
  }
  builder& source(std::string name, weir::operator_options options = {}) {
    add(std::move(name), weir::operator_kind::source, std::move(options));
    return *this;
  }
  builder& map(std::string name, weir::operator_options options = {}) {
    return behind_last(std::move(name), weir::operator_kind::transform, std::move(options));
  }
  builder& sink(std::string name, weir::operator_options options = {}) {
    return behind_last(std::move(name), weir::operator_kind::sink, std::move(options));
  }
  /// A keyed operator behind a hash edge.
  builder& keyed(std::string name, weir::operator_options options = {}) {
    map(std::move(name), std::move(options));
    weir::graph_node& node = graph.nodes.back();
    node.keyed = node.stateful = true;
    node.inputs.front().how = weir::partitioning::hash;
    node.inputs.front().make_partitioner = [] { return weir::make_partitioner(weir::partitioning::rebalance, 0); };
    return *this;
  }
  builder& connect(weir::node_index from, weir::node_index to, std::size_t input = 0,
                   weir::partitioning how = weir::partitioning::forward, std::size_t port = 0) {
    weir::graph_edge edge;
    edge.from = from;
    edge.from_port = port;
    edge.input = input;
    edge.how = how;
    graph.nodes[to].inputs.push_back(std::move(edge));
    return *this;
  }
  weir::graph_node& last() { return graph.nodes.back(); }

  weir::job_graph graph;

private:
  builder& behind_last(std::string name, weir::operator_kind kind, weir::operator_options options) {
    add(std::move(name), kind, std::move(options));
    if (graph.nodes.size() > 1)
      connect(graph.nodes.size() - 2, graph.nodes.size() - 1);
    return *this;
  }
};

/// lines -> words -> (hash) counts -> table
inline builder word_count() {
  builder b{"word-count"};
  b.source("lines").map("words").keyed("counts").sink("table");
  return b;
}

} // namespace graph_samples
