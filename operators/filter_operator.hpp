// The operator that lets some records pass.
#pragma once

#include "concepts.hpp"
#include "operator.hpp"
#include "record_loop.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace weir::inline v0 {

/// Emits the records for which `predicate(record)` is true.
template <class T, class F>
class filter_operator final : public any_operator {
public:
  explicit filter_operator(F predicate) : predicate_(std::move(predicate)) {}

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    if (from == to)
      return to;
    collector<T>& port = out.port<T>(0);
    detail::follow_times(port, in, from);
    batch<T>& passed = port.bulk(to - from);
    detail::with_ownership<T>(in, [&](auto move) { fill<move>(as<T>(in), from, to, passed); });
    port.bulk_done();
    return to;
  }

private:
  template <bool Move>
  void fill(batch<T>& in, std::size_t from, std::size_t to, batch<T>& passed) const {
    detail::in_loop<F> predicate = predicate_;
    if constexpr (detail::written_in_place<T>) {
      if (in.times.empty())
        fill_compact(predicate, in.values.data() + from, to - from, passed.values);
      else
        fill_compact(predicate, in, from, to, passed);
    } else {
      for (std::size_t i = from; i != to; ++i)
        if (std::invoke(predicate, std::as_const(in.values[i]))) {
          if constexpr (Move)
            passed.values.emplace_back(std::move(in.values[i]));
          else
            passed.values.emplace_back(std::as_const(in.values[i]));
          if (!in.times.empty())
            passed.times.push_back(in.times[i]);
        }
    }
  }

  // Every record is written, and the next one over it if it did not pass: no branch to predict wrongly.
  static void fill_compact(const F& predicate, const T* source, std::size_t n, buffer<T>& passed) {
    const std::size_t before = passed.size();
    T* __restrict target = passed.extend(n);
    std::size_t kept = 0;
    for (std::size_t i = 0; i != n; ++i) {
      std::construct_at(target + kept, source[i]);
      kept += static_cast<bool>(std::invoke(predicate, source[i])) ? 1U : 0U;
    }
    passed.truncate(before + kept);
  }
  static void fill_compact(const F& predicate, const batch<T>& in, std::size_t from, std::size_t to, batch<T>& passed) {
    const std::size_t before = passed.values.size();
    T* __restrict target = passed.values.extend(to - from);
    event_time* __restrict target_times = passed.times.extend(to - from);
    std::size_t kept = 0;
    for (std::size_t i = from; i != to; ++i) {
      std::construct_at(target + kept, in.values[i]);
      target_times[kept] = in.times[i];
      kept += static_cast<bool>(std::invoke(predicate, in.values[i])) ? 1U : 0U;
    }
    passed.values.truncate(before + kept);
    passed.times.truncate(before + kept);
  }

  F predicate_;
};

} // namespace weir::inline v0
