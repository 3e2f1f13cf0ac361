// The source that makes its records by a function of their number.
#pragma once

#include "../persistence/error.hpp"
#include "counter_random.hpp"
#include "generator_cursor.hpp"
#include "source.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// What makes record i: `fn(i)` or `fn(i, random)`.
template <class Function, class T>
concept record_function = std::is_invocable_r_v<T, Function&, std::uint64_t> ||
    std::is_invocable_r_v<T, Function&, std::uint64_t, counter_random&>;

template <class T, class Function>
class generator_reader final : public split_reader {
public:
  generator_reader(generator_cursor cursor, const Function& make) : cursor_(std::move(cursor)), make_(make) {}

  read_status read(any_collector& out, std::size_t max_records) override {
    const std::size_t n = cursor_.available(max_records);
    if (n > 0) {
      auto& records = static_cast<collector<T>&>(out);
      write(records.bulk(n).values, n);
      cursor_.advance(n);
      records.bulk_done();
    }
    return cursor_.status();
  }
  [[nodiscard]] std::string position() const override { return cursor_.position(); }
  [[nodiscard]] processing_time next_at() const override { return cursor_.next_at(); }

private:
  void write(buffer<T>& values, std::size_t n) {
    std::uint64_t index = cursor_.index();
    const std::uint64_t step = cursor_.step();
    const std::uint64_t seed = cursor_.seed(); // a copy: the compiler need not fear that records overwrite it
    if constexpr (std::is_trivially_default_constructible_v<T> && std::is_trivially_copyable_v<T>) {
      const std::size_t before = values.size();
      T* at = values.extend(n);
      try {
        for (std::size_t i = 0; i != n; ++i, index += step)
          at[i] = make_one(index, seed);
      } catch (...) {
        values.truncate(before); // the rest was never written
        throw;
      }
    } else {
      for (std::size_t i = 0; i != n; ++i, index += step)
        values.emplace_back(make_one(index, seed));
    }
  }
  T make_one(std::uint64_t index, [[maybe_unused]] std::uint64_t seed) {
    if constexpr (std::is_invocable_r_v<T, Function&, std::uint64_t>) {
      return make_(index);
    } else {
      counter_random random{seed, index};
      return make_(index, random);
    }
  }

  generator_cursor cursor_;
  Function make_;
};

template <class T, class Function>
class generator_source final : public any_source {
public:
  generator_source(generator_settings settings, Function make) : settings_(settings), make_(std::move(make)) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] bool one_split_at_a_time() const override {
    return settings_.count != index_range::unbounded && !settings_.limited;
  }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t parallelism) const override {
    return generator_splits(settings_, parallelism);
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    return check_generator_splits(settings_, splits);
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                         processing_time now) const override {
    return std::make_unique<generator_reader<T, Function>>(generator_cursor{settings_, split, position, now}, make_);
  }

private:
  generator_settings settings_;
  Function make_;
};

} // namespace detail

/// Makes records by a function of their number, from 0: `fn(index)` or `fn(index, random)`, where `random` is a
/// `counter_random&` that depends on the seed and the index only. Record i is therefore the same at every parallelism
/// and after every restart, if the function depends on nothing else. Each reader has a copy of the function, and may be
/// on a thread of its own.
///
/// `weir::generator<T>{count, fn}` ends after `count` records; `weir::generator<T>{fn}` never does.
template <class T>
class generator {
public:
  using value_type = T;
  static constexpr std::string_view kind_name = "generator";

  template <detail::record_function<T> Function>
  generator(std::uint64_t count, Function make) {
    settings_.count = count;
    use(std::move(make));
  }
  template <detail::record_function<T> Function>
  explicit generator(Function make) {
    use(std::move(make));
  }

  /// At most so many records a second, over all subtasks, whatever the clock is set to. After a pause, as while what
  /// comes behind has no room, a tenth of a second is made up for; after a restart nothing.
  [[nodiscard]] generator rate(double per_second) const {
    generator copy = *this;
    copy.settings_.rate_per_second = per_second;
    copy.settings_.limited = true;
    return copy;
  }
  /// What the random numbers depend on; 0 unless given.
  [[nodiscard]] generator seed(std::uint64_t value) const {
    generator copy = *this;
    copy.settings_.seed = value;
    return copy;
  }

  [[nodiscard]] std::shared_ptr<const any_source> source() const { return make_source_(settings_); }
  [[nodiscard]] std::vector<error_text> problems() const { return generator_problems(settings_); }
  [[nodiscard]] std::string guarantee() const {
    return "Each record is made once; after a failure record i is made again exactly as it was.";
  }

private:
  template <class Function>
  void use(Function make) {
    make_source_ = [make = std::move(make)](const generator_settings& settings) {
      return std::make_shared<detail::generator_source<T, Function>>(settings, make);
    };
  }

  generator_settings settings_;
  std::function<std::shared_ptr<const any_source>(const generator_settings&)> make_source_;
};

} // namespace weir::inline v0
