// The calls on an un-keyed stream that say where records go: split, partition_by, apply.
#pragma once

#include "function_partitioner.hpp"
#include "guarded_operator.hpp"
#include "split_operator.hpp"
#include "wrong_stream.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::inline v0::detail {

/// The name of a part of a split, but for the first, which is the operator's main output.
[[nodiscard]] std::string split_part_name(std::size_t part);

/// The part of `stream` that leads records apart.
template <class T>
class stream_routing {
public:
  /// Divides the records into N streams: `function(record)` gives the index of a record's stream, or a bool: true is
  /// the first of two. `weir::first_match` makes such a function of predicates.
  ///
  ///     auto [large, small] = payments.split("size", [](const payment& p) { return p.amount > 1000; });
  ///     auto [red, green, blue] = things.split<3>("colour", &thing::colour);
  template <std::size_t N = 2, class F>
  auto split(std::string name, F function, operator_options options = {}, call_site where = caller()) const {
    constexpr bool divides = split_function<F>();
    constexpr bool enough = N == 2 || (N > 0 && !returns_bool<F>());
    static_assert(divides, "weir: the function given to split must be callable const with this stream's record, and "
                           "return the index of a stream, or a bool");
    static_assert(!divides || enough, "weir: a function that returns a bool splits a stream into two");
    if constexpr (!divides || !enough) {
      return std::array<stream<wrong>, (N > 0 ? N : 1)>{};
    } else {
      graph_node node = make_node("split", std::move(name), std::move(options), where, &element_type_of<T>());
      for (std::size_t part = 1; part != N; ++part)
        node.outputs.push_back({split_part_name(part), &element_type_of<T>()});
      node.make = [function = std::move(function)]() -> std::unique_ptr<any_operator> {
        return std::make_unique<split_operator<T, F>>(function, N);
      };
      return parts(self().origin().then(guarded<T>(std::move(node))), where, std::make_index_sequence<N>{});
    }
  }

  /// The same records; each goes to the subtask of the next operator that `function(record, parallelism)` says, by an
  /// index from 0. Records that go the same way stay in order.
  template <class F>
  auto partition_by(F function) const {
    constexpr bool partitions = partition_function<F>();
    static_assert(partitions, "weir: the function given to partition_by must be callable const with (const T& record, "
                              "std::size_t parallelism), and return the index of a subtask");
    if constexpr (!partitions)
      return stream<wrong>{};
    else
      return stream<T>{self().origin().dealt_by([function]() -> std::unique_ptr<any_partitioner> {
        return std::make_unique<function_partitioner<T, F>>(function);
      })};
  }

protected:
  stream_routing() = default;
  ~stream_routing() = default;
  stream_routing(const stream_routing&) = default;
  stream_routing(stream_routing&&) noexcept = default;
  stream_routing& operator=(const stream_routing&) = default;
  stream_routing& operator=(stream_routing&&) noexcept = default;

private:
  template <class F>
  static constexpr bool returns_bool() {
    if constexpr (std::is_invocable_v<const F&, const T&>)
      return std::same_as<std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>, bool>;
    else
      return false;
  }
  template <class F>
  static constexpr bool split_function() {
    if constexpr (std::is_invocable_v<const F&, const T&>)
      return std::integral<std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>>;
    else
      return false;
  }
  template <class F>
  static constexpr bool partition_function() {
    if constexpr (std::is_invocable_v<const F&, const T&, std::size_t>)
      return std::integral<std::remove_cvref_t<std::invoke_result_t<const F&, const T&, std::size_t>>>;
    else
      return false;
  }
  template <std::size_t... Part>
  static std::array<stream<T>, sizeof...(Part)> parts(const stream_origin& from, call_site where,
                                                      std::index_sequence<Part...>) {
    return {stream<T>{Part == 0 ? from : from.side(split_part_name(Part), element_type_of<T>(), where)}...};
  }

  [[nodiscard]] const stream<T>& self() const { return static_cast<const stream<T>&>(*this); }
};

} // namespace weir::inline v0::detail
