// The operator that divides a stream into several.
#pragma once

#include "../persistence/error.hpp"
#include "concepts.hpp"
#include "operator.hpp"
#include "record_loop.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::inline v0 {

/// A function for `split`: the place, from 0, of the first predicate that is true of a record, or the number of
/// predicates if none is.
///
///     auto [errors, warnings, rest] = lines.split<3>("levels", weir::first_match{is_error, is_warning});
template <class... Predicates>
class first_match {
public:
  explicit first_match(Predicates... predicates) : predicates_(std::move(predicates)...) {}

  template <class T>
  requires(std::is_invocable_r_v<bool, const Predicates&, const T&>&&...) std::size_t
  operator()(const T& record) const {
    std::size_t place = 0;
    std::apply([&](const auto&... each) { ((std::invoke(each, record) || (++place, false)) || ...); }, predicates_);
    return place;
  }

private:
  std::tuple<Predicates...> predicates_;
};

namespace detail {

[[noreturn, gnu::cold]] void throw_split_index(const std::string& operator_name, std::size_t parts, std::string index);

} // namespace detail

/// Emits each record to the output whose index a function gives; `true` is 0 and `false` is 1.
template <class T, class F>
class split_operator final : public any_operator {
public:
  split_operator(F function, std::size_t parts) : function_(std::move(function)), parts_(parts) {}

  void open(operator_context& surroundings) override { surroundings_ = &surroundings; }

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    return detail::with_ownership<T>(in, [&](auto move) {
      auto& records = as<T>(in).values;
      for (std::size_t i = from; i != to; ++i) {
        collector<T>& port = out.port<T>(index_of(records[i]));
        if (in.times.empty())
          port.clear_time();
        else
          port.set_time(in.times[i]);
        if constexpr (move)
          port(std::move(records[i]));
        else
          port(std::as_const(records[i]));
        if (port.full())
          return i + 1;
      }
      return to;
    });
  }

private:
  [[nodiscard]] std::size_t index_of(const T& record) const {
    const auto index = std::invoke(function_, record);
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(index)>, bool>) {
      return index ? 0 : 1;
    } else {
      const auto place = static_cast<std::size_t>(index); // a negative one becomes too large
      if (place >= parts_)
        detail::throw_split_index(surroundings_->identity().name, parts_, std::to_string(index));
      return place;
    }
  }

  F function_;
  std::size_t parts_;
  operator_context* surroundings_ = nullptr;
};

} // namespace weir::inline v0
