// The operator that makes any number of records of each.
#pragma once

#include "concepts.hpp"
#include "operator.hpp"
#include "record_loop.hpp"

#include <cstddef>
#include <utility>

namespace weir::inline v0 {

/// Calls `function(record, collector)` for every record. Pauses between two records when the output is full.
template <class T, class Out, class F>
class flat_map_operator final : public any_operator {
public:
  explicit flat_map_operator(F function) : function_(std::move(function)) {}

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    collector<Out>& port = out.port<Out>(0);
    if (in.times.empty())
      port.clear_time();
    return detail::with_ownership<T>(in, [&](auto move) {
      auto& values = as<T>(in).values;
      const bool timed = !in.times.empty();
      std::size_t i = from;
      while (i != to) {
        if (timed)
          port.set_time(in.times[i]);
        detail::call<move>(function_, values[i], port);
        ++i;
        if (port.full())
          break;
      }
      return i;
    });
  }

private:
  F function_;
};

} // namespace weir::inline v0
