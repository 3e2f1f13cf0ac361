// A second output of an operator, with a name and a record type of its own.
#pragma once

#include "graph.hpp"

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// Names a side output. The operator that emits to it lists it in its `side_outputs()` and holds it as a member;
/// `stream::side` with an equal name and type gives its stream.
///
///     struct check {
///       weir::side_output<std::string> rejected{"rejected"};
///       auto side_outputs() const { return std::tuple{rejected}; }
///       void process(const std::string& line, weir::context& ctx, weir::collector<int>& out) const;
///     };
template <class T>
class side_output {
public:
  using value_type = T;

  explicit side_output(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
  std::string name_;
};

namespace detail {

template <class T>
void append_side(std::vector<graph_output>& all, const side_output<T>& side) {
  all.push_back({side.name(), &element_type_of<T>()});
}
template <class... Sides>
void append_side(std::vector<graph_output>& all, const std::tuple<Sides...>& sides) {
  std::apply([&](const auto&... side) { (append_side(all, side), ...); }, sides);
}

/// Appends the side outputs that a user's operator lists, in its order.
template <class Op>
void append_side_outputs(std::vector<graph_output>& outputs, const Op& op) {
  if constexpr (requires { op.side_outputs(); })
    append_side(outputs, op.side_outputs());
}

template <class Op>
std::vector<graph_output> side_outputs_of(const Op& op) {
  std::vector<graph_output> all;
  append_side_outputs(all, op);
  return all;
}

} // namespace detail
} // namespace weir::inline v0
