// A job: a named graph of operators, composed by calls on its streams.
#pragma once

#include "graph_builder.hpp"
#include "source.hpp"
#include "stream.hpp"

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace weir::inline v0 {

/// A description of a source that `job::source` takes: `value_type`, `kind_name`, `source()`, optionally `problems()`.
template <class S>
concept source_spec = requires(const S& spec) {
  typename S::value_type;
  { S::kind_name } -> std::convertible_to<std::string_view>;
  { spec.source() } -> std::convertible_to<std::shared_ptr<const any_source>>;
};

/// The graph that a program composes. Composing never throws and opens nothing: what is wrong is collected in
/// `graph().problems`, each with its operator, its place in the source and its remedy, and said when the job is run.
/// Not thread-safe. Streams stay valid when the job is moved or destroyed.
///
///     weir::job job{"word-count"};
///     job.source("lines", weir::text_lines{"book.txt"})
///        .flat_map("words", split_into_words)
///        .key_by(std::identity{})
///        .count("counts")
///        .sink("out", weir::print{});
class job {
public:
  explicit job(std::string name, call_site where = caller());
  job(job&&) noexcept;
  job& operator=(job&&) noexcept;
  ~job();

  /// Begins a stream.
  template <class S>
  auto source(std::string name, S spec, operator_options options = {}, call_site where = caller()) {
    static_assert(source_spec<S>, "weir: source needs a source such as weir::text_lines{...} or weir::generator{...}");
    if constexpr (!source_spec<S>) {
      return stream<wrong>{};
    } else {
      using T = typename S::value_type;
      graph_node node = make_node(S::kind_name, std::move(name), std::move(options), where, &element_type_of<T>());
      node.kind = operator_kind::source;
      builder_->ask_spec(node, [&] {
        if constexpr (requires { spec.max_parallelism_limit; })
          node.max_parallelism_limit = spec.max_parallelism_limit;
        if constexpr (requires { spec.problems(); })
          builder_->add_problems(node, spec.problems());
        builder_->set_source(node, spec.source());
      });
      return stream<T>{add_source(std::move(node))};
    }
  }

  [[nodiscard]] const std::string& name() const noexcept { return graph().job_name; }
  [[nodiscard]] const job_graph& graph() const noexcept { return builder_->graph(); }

private:
  stream_origin add_source(graph_node node);

  std::shared_ptr<graph_builder> builder_;
};

} // namespace weir::inline v0
