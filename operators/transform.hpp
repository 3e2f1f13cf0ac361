// Adds a user's own operator to a job.
#pragma once

#include "graph_builder.hpp"
#include "guarded_operator.hpp"
#include "side_output.hpp"

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

/// What `transform` takes: makes one instance of an operator a call.
template <class Factory>
concept operator_factory = std::copy_constructible<Factory> && std::is_invocable_r_v < std::unique_ptr<any_operator>,
const Factory& > ;

template <class T, class Out, class Factory>
stream_origin transform(const stream_origin& input, std::string name, Factory factory, operator_options options,
                        call_site where, bool keyed) {
  graph_node node = make_node("transform", std::move(name), std::move(options), where, &element_type_of<Out>());
  append_side_outputs(node.outputs, factory);
  node.keyed = keyed;
  node.make = [factory = std::move(factory)]() -> std::unique_ptr<any_operator> { return factory(); };
  input.builder().ask_spec(node, [&] { node.stateful = !node.make()->state_tables().empty(); });
  return input.then(guarded<T>(std::move(node)));
}

} // namespace weir::inline v0::detail
