// What is known at compile time about how many bytes a type's values take, and the fast way for types of fixed size.
#pragma once

#include "encoding.hpp"
#include "serializable.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir::inline v0::detail {

/// Stands for "the values differ in size".
inline constexpr std::size_t variable_size = SIZE_MAX;

template <class T>
constexpr std::size_t fixed_size();

constexpr std::size_t add_sizes(std::size_t a, std::size_t b) {
  return a == variable_size || b == variable_size ? variable_size : a + b;
}

template <class Types>
struct sum_of_fixed;
template <class... Types>
struct sum_of_fixed<type_list<Types...>> {
  static constexpr std::size_t get() {
    std::size_t sum = 0;
    ((sum = add_sizes(sum, fixed_size<std::remove_cv_t<Types>>())), ...);
    return sum;
  }
};

template <class T, class Sequence = std::make_index_sequence<std::tuple_size<T>::value>>
struct tuple_types;
template <class T, std::size_t... I>
struct tuple_types<T, std::index_sequence<I...>> {
  using type = type_list<std::tuple_element_t<I, T>...>;
};

/// The number of bytes of every value of T, or `variable_size`.
template <class T>
constexpr std::size_t fixed_size() {
  constexpr shape kind = shape_of<T>;
  if constexpr (kind == shape::boolean)
    return 1;
  else if constexpr (kind == shape::number)
    return sizeof(T);
  else if constexpr (kind == shape::empty || kind == shape::collection)
    return 0;
  else if constexpr (kind == shape::duration || kind == shape::time_point)
    return fixed_size<typename T::rep>();
  else if constexpr (kind == shape::array) {
    constexpr std::size_t each = fixed_size<std::remove_cv_t<typename array_traits<T>::element>>();
    return each == variable_size ? variable_size : each * array_traits<T>::size;
  } else if constexpr (kind == shape::tuple)
    return sum_of_fixed<typename tuple_types<T>::type>::get();
  else if constexpr (kind == shape::structure && access::has_fields<T>())
    return sum_of_fixed<fields_of<T>>::get();
  else
    return variable_size;
}

template <class T>
inline constexpr bool has_fixed_size = fixed_size<std::remove_cv_t<T>>() != variable_size;

template <class T>
constexpr std::size_t min_size();

template <class Types>
struct sum_of_min;
template <class... Types>
struct sum_of_min<type_list<Types...>> {
  static constexpr std::size_t value = (std::size_t{0} + ... + min_size<std::remove_cv_t<Types>>());
};

/// The least number of bytes that a value of T takes; 0 where it is unknown.
template <class T>
constexpr std::size_t min_size() {
  constexpr shape kind = shape_of<T>;
  if constexpr (has_fixed_size<T>)
    return fixed_size<T>();
  else if constexpr (kind == shape::array)
    return min_size<std::remove_cv_t<typename array_traits<T>::element>>() * array_traits<T>::size;
  else if constexpr (kind == shape::tuple)
    return sum_of_min<typename tuple_types<T>::type>::value;
  else if constexpr (kind == shape::structure) {
    if constexpr (access::has_fields<T>())
      return sum_of_min<fields_of<T>>::value;
    else
      return 0;
  } else
    return 1; // starts with a length, a flag or an index
}

// ---- values of fixed size: written and read through a bare pointer, after one check for all of them ----

/// Writes a value of fixed size where there is room for it.
class fixed_writer {
public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit fixed_writer(std::byte* at) : at_(at) {}
  [[nodiscard]] std::byte* at() const { return at_; }

  template <std::size_t Size, class... Fields>
  void fields(const char (&)[Size], const Fields&... fields) {
    (write(fields), ...);
  }

  template <class T>
  void write(const T& value) {
    constexpr shape kind = shape_of<T>;
    if constexpr (kind == shape::boolean) {
      *at_++ = static_cast<std::byte>(static_cast<bool>(value));
    } else if constexpr (kind == shape::number) {
      store_number(at_, value);
      at_ += sizeof(T);
    } else if constexpr (kind == shape::duration) {
      write(value.count());
    } else if constexpr (kind == shape::time_point) {
      write(value.time_since_epoch().count());
    } else if constexpr (kind == shape::array) {
      for (const auto& each : value)
        write(each);
    } else if constexpr (kind == shape::tuple) {
      write_tuple(value, std::make_index_sequence<std::tuple_size<T>::value>{});
    } else if constexpr (kind == shape::structure) {
      access::serialize(*this, const_cast<T&>(value), 0);
    }
  }

private:
  template <class T, std::size_t... I>
  void write_tuple(const T& value, std::index_sequence<I...>) {
    (write(get<I>(value)), ...);
  }

  std::byte* at_;
};

[[noreturn, gnu::cold]] void throw_bad_boolean(unsigned found);

/// Reads a value of fixed size whose bytes are all there.
class fixed_reader {
public:
  using is_saving = std::false_type;
  using is_loading = std::true_type;

  explicit fixed_reader(const std::byte* at) : at_(at) {}

  template <std::size_t Size, class... Fields>
  void fields(const char (&)[Size], Fields&... fields) {
    (read(fields), ...);
  }

  template <class T>
  void read(T& value) {
    constexpr shape kind = shape_of<T>;
    static_assert(!std::is_const_v<T>, "weir: a const member cannot be loaded");
    if constexpr (kind == shape::boolean) {
      const auto found = std::to_integer<unsigned>(*at_++);
      if (found > 1) [[unlikely]]
        throw_bad_boolean(found);
      value = static_cast<T>(found == 1);
    } else if constexpr (kind == shape::number) {
      value = load_number<T>(at_);
      at_ += sizeof(T);
    } else if constexpr (kind == shape::duration) {
      typename T::rep count{};
      read(count);
      value = T{count};
    } else if constexpr (kind == shape::time_point) {
      typename T::duration since{};
      read(since);
      value = T{since};
    } else if constexpr (kind == shape::array) {
      for (auto& each : value)
        read(each);
    } else if constexpr (kind == shape::tuple) {
      read_tuple(value, std::make_index_sequence<std::tuple_size<T>::value>{});
    } else if constexpr (kind == shape::structure) {
      access::serialize(*this, value, 0);
    }
  }

private:
  template <class T, std::size_t... I>
  void read_tuple(T& value, std::index_sequence<I...>) {
    (read(get<I>(value)), ...);
  }

  const std::byte* at_;
};

} // namespace weir::inline v0::detail
