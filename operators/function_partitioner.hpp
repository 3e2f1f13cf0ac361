// The partitioner that asks a user's function where each record goes.
#pragma once

#include "partitioner.hpp"
#include "record_loop.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

namespace weir::inline v0 {

namespace detail {

[[noreturn, gnu::cold]] void throw_partition_index(std::size_t parallelism, std::string index);

} // namespace detail

/// Deals each record to the subtask whose index `function(record, parallelism)` gives.
template <class T, class F>
class function_partitioner final : public any_partitioner {
public:
  explicit function_partitioner(F function) : function_(std::move(function)) {}

  void route(batch_ptr any, partition_receiver& to) override {
    auto& in = as<T>(*any);
    if (const bool timed = !in.times.empty(); timed != timed_) {
      flush(to); // a batch has times for all of its records or for none
      timed_ = timed;
    }
    detail::with_ownership<T>(in, [&](auto move) {
      for (std::size_t i = 0; i != in.values.size(); ++i) {
        const std::size_t target = target_of(in.values[i]);
        if (!waiting_[target])
          waiting_[target] = element_type_of<T>().make_batch(batch_size_);
        auto& into = as<T>(*waiting_[target]);
        if constexpr (move)
          into.values.emplace_back(std::move(in.values[i]));
        else
          into.values.emplace_back(std::as_const(in.values[i]));
        if (timed_)
          into.times.push_back(in.times[i]);
        if (into.values.size() >= batch_size_)
          hand_over(target, to);
      }
    });
  }

private:
  [[nodiscard]] std::size_t target_of(const T& record) const {
    const auto index = std::invoke(function_, record, waiting_.size());
    const auto target = static_cast<std::size_t>(index); // a negative one becomes too large
    if (target >= waiting_.size())
      detail::throw_partition_index(waiting_.size(), std::to_string(index));
    return target;
  }

  F function_;
  bool timed_ = false;
};

} // namespace weir::inline v0
