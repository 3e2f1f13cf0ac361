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
  /// The port of a side output. If the operator has no such output, that is a problem, and the port is added.
  std::size_t side_port(node_index from, const std::string& name, const element_type& type, call_site where);

private:
  void check_name(const graph_node& node);
  void check_side_outputs(const graph_node& node);

  job_graph graph_;
};

/// Where the records of a stream come from: what the next operator's input will be connected to.
class stream_origin {
public:
  stream_origin(std::shared_ptr<graph_builder> builder, node_index from, std::size_t port = 0);

  /// The same records, dealt in another way.
  [[nodiscard]] stream_origin dealt(partitioning how) const;
  [[nodiscard]] stream_origin keyed(std::function<std::unique_ptr<any_partitioner>()> make_partitioner) const;
  /// These records and the other stream's.
  [[nodiscard]] stream_origin united_with(const stream_origin& other, call_site where) const;
  /// A side output of the operator that this stream is the main output of.
  [[nodiscard]] stream_origin side(const std::string& name, const element_type& type, call_site where) const;

  /// Adds an operator that takes these records; returns its main output.
  stream_origin then(graph_node node) const;
  /// Adds an operator with a second input.
  stream_origin then(graph_node node, const stream_origin& second) const;

  [[nodiscard]] graph_builder& builder() const noexcept { return *builder_; }

private:
  std::shared_ptr<graph_builder> builder_;
  std::vector<graph_edge> edges_;
};

/// A node without inputs; `main` is the record type of its main output.
[[nodiscard]] graph_node make_node(std::string_view kind_name, std::string name, operator_options options,
                                   call_site where, const element_type* main);

} // namespace weir::inline v0
