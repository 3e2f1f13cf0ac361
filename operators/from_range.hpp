// The source of numbers in a row, or of the elements between two iterators.
#pragma once

#include "../persistence/error.hpp"
#include "from_vector.hpp"
#include "index_range.hpp"
#include "source.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

[[nodiscard]] std::vector<source_split> number_splits(const std::string& first, std::uint64_t count,
                                                      std::uint32_t parallelism);
/// Throws usage_error if the run began with other numbers.
void check_number_splits(const std::string& first, std::uint64_t count, const std::vector<source_split>& splits);
[[nodiscard]] index_cursor number_cursor(const source_split& split, const std::string& position);

template <std::integral T>
class number_reader final : public split_reader {
public:
  number_reader(T first, index_cursor place) : first_(first), place_(place) {}

  read_status read(any_collector& out, std::size_t max_records) override {
    if (const std::size_t n = place_.available(max_records); n > 0) {
      auto& typed = static_cast<collector<T>&>(out);
      auto& values = typed.bulk(n).values;
      T* at = values.extend(n);
      const std::uint64_t from = static_cast<std::uint64_t>(first_) + place_.index(); // modulo 2^64
      for (std::size_t i = 0; i < n; ++i)
        at[i] = static_cast<T>(from + i);
      place_.advance(n);
      typed.bulk_done();
    }
    return place_.at_end() ? read_status::end : read_status::more;
  }
  [[nodiscard]] std::string position() const override { return place_.position(); }

private:
  T first_;
  index_cursor place_;
};

template <std::integral T>
class number_source final : public any_source {
public:
  number_source(T first, T last)
      : first_(first),
        count_(last > first ? static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first) : 0) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t parallelism) const override {
    return number_splits(std::to_string(first_), count_, parallelism);
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    check_number_splits(std::to_string(first_), count_, splits);
    return {};
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                         processing_time) const override {
    return std::make_unique<number_reader<T>>(first_, number_cursor(split, position));
  }

private:
  T first_;
  std::uint64_t count_;
};

} // namespace detail

/// `from_range(first, last)`: the numbers from `first` to before `last`, without storing them, or copies of the
/// elements between two iterators. `from_range(container)`: copies of its elements. Each once, in their order within a
/// subtask. A run that resumes needs a program that gives the same range.
template <class T>
class from_range {
public:
  using value_type = T;
  static constexpr std::string_view kind_name = "from_range";

  from_range(T first, T last) requires(std::integral<T> && !std::same_as<T, bool>)
      : source_(std::make_shared<detail::number_source<T>>(first, last)) {}

  template <std::input_iterator Iterator>
  requires std::constructible_from<T, std::iter_reference_t<Iterator>> from_range(Iterator first, Iterator last)
      : source_(from_vector<T>{std::vector<T>(first, last)}.source()) {}

  template <class Container>
  requires(!std::integral<Container>) explicit from_range(const Container& container)
      : from_range(std::begin(container), std::end(container)) {}

  [[nodiscard]] std::shared_ptr<const any_source> source() const { return source_; }
  [[nodiscard]] std::string guarantee() const {
    return "Each element is read once; after a failure reading goes on behind the last one that the checkpoint has.";
  }

private:
  std::shared_ptr<const any_source> source_;
};

template <std::integral T>
from_range(T, T) -> from_range<T>;
template <std::input_iterator Iterator>
from_range(Iterator, Iterator) -> from_range<std::iter_value_t<Iterator>>;
template <class Container>
from_range(const Container&)
    -> from_range<std::remove_cvref_t<decltype(*std::begin(std::declval<const Container&>()))>>;

} // namespace weir::inline v0
