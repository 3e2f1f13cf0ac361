// The stream after a call that did not compile: takes any further call without a second error.
#pragma once

#include "async_options.hpp"
#include "concepts.hpp"
#include "operator_options.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace weir::inline v0 {

template <class T>
class stream;

template <>
class [[nodiscard]] stream<wrong> {
public:
  using value_type = wrong;

  template <class F>
  stream map(std::string_view, F&&, operator_options = {}) const {
    return {};
  }
  template <class F>
  stream filter(std::string_view, F&&, operator_options = {}) const {
    return {};
  }
  template <class... Out, class F>
  stream flat_map(std::string_view, F&&, operator_options = {}) const {
    return {};
  }
  template <class Op>
  stream process(std::string_view, Op&&, operator_options = {}) const {
    return {};
  }
  template <class Out, class Factory>
  stream transform(std::string_view, Factory&&, operator_options = {}) const {
    return {};
  }
  template <class... F>
  stream key_by(F&&...) const {
    return {};
  }
  stream count(std::string_view, operator_options = {}) const { return {}; }
  template <class F>
  stream reduce(std::string_view, F&&, operator_options = {}) const {
    return {};
  }
  template <class A>
  stream aggregate(std::string_view, A&&, operator_options = {}) const {
    return {};
  }
  template <class... Streams>
  stream union_with(const Streams&...) const {
    return {};
  }
  template <class Other>
  stream connect(const Other&) const {
    return {};
  }
  template <class Out, class F>
  stream async_map(std::string_view, F&&, async_options = {}, operator_options = {}) const {
    return {};
  }
  stream throttle(std::string_view, double, operator_options = {}) const { return {}; }
  template <class Rules>
  stream connect_broadcast(const Rules&) const {
    return {};
  }
  stream rebalance() const { return {}; }
  stream broadcast() const { return {}; }
  template <class Side>
  stream side(const Side&) const {
    return {};
  }
  template <class State = void, class F>
  stream map_with_state(std::string_view, F&&, operator_options = {}) const {
    return {};
  }
  template <class State = void, class F>
  stream filter_with_state(std::string_view, F&&, operator_options = {}) const {
    return {};
  }
  template <class State = void, class Out = void, class F>
  stream flat_map_with_state(std::string_view, F&&, operator_options = {}) const {
    return {};
  }
  stream deduplicate(std::string_view, operator_options = {}) const { return {}; }
  template <class F>
  stream top_k(std::string_view, std::size_t, F&&, operator_options = {}) const {
    return {};
  }
  template <std::size_t N = 2, class F>
  std::array<stream, N> split(std::string_view, F&&, operator_options = {}) const {
    return {};
  }
  template <class F>
  stream partition_by(F&&) const {
    return {};
  }
  template <class Composite>
  stream apply(std::string_view, const Composite&) const {
    return {};
  }
  stream dead_letters() const { return {}; }
  template <class S>
  void sink(std::string_view, S&&, operator_options = {}) const {}
};

} // namespace weir::inline v0
