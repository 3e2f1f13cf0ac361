// Makes a value of any storable type out of a fuzzer's bytes, by other code than the archive's own.
#pragma once

#include "fuzz_input.hpp"

#include <weir/persistence/serializable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

namespace weir_fuzz {

/// Looks like a loading archive to the `serialize` of a class.
class value_builder {
public:
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  explicit value_builder(fuzz_input& input) : input_(&input) {}

  template <class T>
  value_builder& operator>>(T&& value) {
    build(const_cast<std::remove_cvref_t<T>&>(value));
    return *this;
  }
  template <class T>
  value_builder& operator&(T&& value) {
    build(const_cast<std::remove_cvref_t<T>&>(value));
    return *this;
  }
  template <std::size_t Size, class... Fields>
  void fields(const char (&)[Size], Fields&... fields) {
    (build(fields), ...);
  }

  template <class T>
  void build(T& value) {
    using weir::detail::shape;
    constexpr shape kind = weir::detail::shape_of<T>;
    if constexpr (kind == shape::boolean) {
      value = static_cast<T>(input_->byte() % 2 != 0);
    } else if constexpr (kind == shape::number) {
      value = input_->number<T>();
    } else if constexpr (kind == shape::text) {
      value.clear();
      for (std::size_t left = count(); left != 0; --left)
        value += input_->number<typename T::value_type>();
    } else if constexpr (kind == shape::sequence) {
      value.clear();
      for (std::size_t left = count(); left != 0; --left) {
        typename T::value_type each{};
        build(each);
        value.push_back(std::move(each));
      }
    } else if constexpr (kind == shape::set || kind == shape::unordered_set) {
      value.clear();
      for (std::size_t left = count(); left != 0; --left) {
        typename T::key_type each{};
        build(each);
        value.insert(std::move(each));
      }
    } else if constexpr (kind == shape::map || kind == shape::unordered_map) {
      value.clear();
      for (std::size_t left = count(); left != 0; --left) {
        typename T::key_type key{};
        typename T::mapped_type mapped{};
        build(key);
        build(mapped);
        value.emplace(std::move(key), std::move(mapped));
      }
    } else if constexpr (kind == shape::array) {
      for (auto& each : value)
        build(each);
    } else if constexpr (kind == shape::tuple) {
      std::apply([&](auto&... each) { (build(each), ...); }, value);
    } else if constexpr (kind == shape::optional) {
      value.reset();
      if (input_->byte() % 2 != 0)
        build(value.emplace());
    } else if constexpr (kind == shape::variant) {
      constexpr std::size_t alternatives = weir::detail::variant_traits<T>::alternatives::size;
      build_alternative(value, input_->below(alternatives), std::make_index_sequence<alternatives>{});
    } else if constexpr (kind == shape::duration) {
      value = T{input_->number<typename T::rep>()};
    } else if constexpr (kind == shape::time_point) {
      value = T{typename T::duration{input_->number<typename T::rep>()}};
    } else if constexpr (kind == shape::name_value) {
      build(value.value());
    } else if constexpr (kind == shape::boost_array) {
      for (std::size_t i = 0; i < value.count(); ++i)
        build(value.address()[i]);
    } else if constexpr (kind == shape::boost_length) {
      value = T{count()};
    } else if constexpr (kind == shape::structure) {
      ++depth_;
      weir::access::serialize(*this, value, weir::class_version_of<T>);
      --depth_;
    } else {
      static_assert(kind == shape::empty);
    }
  }

private:
  static constexpr unsigned deepest = 300; // deeper than the archive allows, and no danger to the stack

  /// How many elements a container gets: never more than the bytes that are left, so that every input ends.
  std::size_t count() {
    if (depth_ > deepest)
      return 0;
    const std::size_t wanted = input_->byte();
    return std::min(wanted, input_->size());
  }

  template <class T, std::size_t... I>
  void build_alternative(T& value, std::size_t index, std::index_sequence<I...>) {
    static_cast<void>(((I == index ? (build(value.template emplace<I>()), true) : false) || ...));
  }

  fuzz_input* input_;
  unsigned depth_ = 0;
};

} // namespace weir_fuzz
