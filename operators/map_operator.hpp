// The operator that makes one record of each.
#pragma once

#include "concepts.hpp"
#include "operator.hpp"
#include "record_loop.hpp"

#include <cstddef>
#include <memory>
#include <utility>

namespace weir::inline v0 {

/// Emits `function(record)` for every record.
template <class T, class Out, class F>
class map_operator final : public any_operator {
public:
  explicit map_operator(F function) : function_(std::move(function)) {}

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    if (from == to)
      return to;
    collector<Out>& port = out.port<Out>(0);
    detail::follow_times(port, in, from);
    batch<Out>& made = port.bulk(to - from);
    detail::with_ownership<T>(in, [&](auto move) { fill<move>(as<T>(in), from, to, made.values); });
    detail::append_times(made, in, from, to);
    port.bulk_done();
    return to;
  }

private:
  template <bool Move>
  void fill(batch<T>& in, std::size_t from, std::size_t to, buffer<Out>& made) const {
    detail::in_loop<F> function = function_;
    T* source = in.values.data() + from;
    const std::size_t n = to - from;
    if constexpr (detail::written_in_place<Out>) {
      Out* __restrict target = made.extend(n);
      for (std::size_t i = 0; i != n; ++i)
        std::construct_at(target + i, detail::call<Move>(function, source[i]));
    } else {
      for (std::size_t i = 0; i != n; ++i)
        made.emplace_back(detail::call<Move>(function, source[i]));
    }
  }

  F function_;
};

} // namespace weir::inline v0
