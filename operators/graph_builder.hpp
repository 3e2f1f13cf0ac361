// Builds a job's graph while it is composed, and collects what is wrong with it.
#pragma once

#include "graph.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// The place in the user's source that a call came from, as a default argument.
[[nodiscard]] constexpr call_site caller(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return {file, line};
}

/// Whether a text may name a job, an operator or a side output: `[a-z0-9_-]+`.
[[nodiscard]] bool is_valid_name(std::string_view name) noexcept;

/// The graph of one job, shared by the job and its streams. Never throws for what a user composes; not thread-safe.
class graph_builder {
public:
  graph_builder(std::string job_name, call_site where);

  [[nodiscard]] const job_graph& graph() const noexcept { return graph_; }
  /// Adds an operator and checks its names.
  node_index add(graph_node node);
  void add_problem(std::string operator_name, call_site where, error_text text);
  void add_problems(const graph_node& node, std::vector<error_text> texts);
  /// Makes a node a source or a sink. In compiled code, so that no user's file compiles the operators' state tables.
  void set_source(graph_node& node, std::shared_ptr<const any_source> source);
  void set_sink(graph_node& node, std::shared_ptr<const any_sink> sink);
  /// Asks a source or sink spec for what the node needs; an exception becomes a problem.
  void ask_spec(const graph_node& node, const std::function<void()>& ask);
  /// What is added while the scope lives has this name and a slash before its own: the operators of a composite.
  class scope {
  public:
    scope(graph_builder& builder, const std::string& name);
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope();

  private:
    graph_builder& builder_;
    std::size_t outer_size_;
  };
  [[nodiscard]] scope enter(const std::string& name) { return {*this, name}; }

  /// A ranking of no records is a problem.
  void check_top_k(const std::string& name, std::size_t k, call_site where);
  /// A rate in records a second that is no number above 0 is a problem.
  void check_rate(const graph_node& node, double records_per_second);
  /// The port of a side output. If the operator has no such output, that is a problem, and the port is added.
  std::size_t side_port(node_index from, const std::string& name, const element_type& type, call_site where);

  /// Adds an output to an operator that lacks one, so that what follows can still be composed. Returns its port.
  std::size_t add_output(node_index of, const std::string& name, const element_type& type);

private:
  void check_poison_policy(const graph_node& node);
  void check_time_to_live(const graph_node& node);
  void check_name(const graph_node& node);
  void check_side_outputs(const graph_node& node);

  [[nodiscard]] std::string full_name(const std::string& name) const { return prefix_ + name; }

  job_graph graph_;
  std::string prefix_; ///< of the composites that are being composed: "geo/"
};

/// Where the records of a stream come from: what the next operator's input will be connected to.
class stream_origin {
public:
  stream_origin(std::shared_ptr<graph_builder> builder, node_index from, std::size_t port = 0);

  /// The same records, dealt in another way.
  [[nodiscard]] stream_origin dealt(partitioning how, in_flight_factory in_flight = nullptr) const;
  [[nodiscard]] stream_origin keyed(std::function<std::unique_ptr<any_partitioner>()> make_partitioner,
                                    in_flight_factory in_flight) const;
  /// The same records, dealt by a partitioner of the program.
  [[nodiscard]] stream_origin dealt_by(std::function<std::unique_ptr<any_partitioner>()> make_partitioner) const;
  /// These records and the other stream's.
  [[nodiscard]] stream_origin united_with(const stream_origin& other, call_site where) const;
  /// A side output of the operator that this stream is the main output of.
  [[nodiscard]] stream_origin side(const std::string& name, const element_type& type, call_site where) const;

  /// Gives a node that asks for no parallelism that of the operator before it, so that the two can be fused.
  void keep_parallelism(graph_node& node) const;
  /// The dead letters of the operator that this stream is the main output of.
  [[nodiscard]] stream_origin dead_letters(call_site where) const;

  /// Adds an operator that takes these records; returns its main output.
  stream_origin then(graph_node node) const;
  /// Adds an operator with a second input.
  stream_origin then(graph_node node, const stream_origin& second) const;

  [[nodiscard]] graph_builder& builder() const noexcept { return *builder_; }
  /// The outputs that the records come from: several for a union.
  [[nodiscard]] const std::vector<graph_edge>& edges() const noexcept { return edges_; }

private:
  std::shared_ptr<graph_builder> builder_;
  std::vector<graph_edge> edges_;
};

/// A node without inputs; `main` is the record type of its main output.
[[nodiscard]] graph_node make_node(std::string_view kind_name, std::string name, operator_options options,
                                   call_site where, const element_type* main);

} // namespace weir::inline v0
