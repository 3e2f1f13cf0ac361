// The source that reads a vector in memory.
#pragma once

#include "../persistence/error.hpp"
#include "index_range.hpp"
#include "source.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

[[nodiscard]] std::vector<source_split> vector_splits(std::size_t size, std::uint32_t parallelism);
/// Throws usage_error if the vector had another size when the run began.
void check_vector_splits(std::size_t size, const std::vector<source_split>& splits);
[[nodiscard]] index_cursor vector_cursor(std::size_t size, const source_split& split, const std::string& position);

template <class T>
class vector_reader final : public split_reader {
public:
  vector_reader(std::shared_ptr<const std::vector<T>> records, index_cursor place)
      : records_(std::move(records)), place_(place) {}

  read_status read(any_collector& out, std::size_t max_records) override {
    const std::size_t n = place_.available(max_records);
    if (n > 0) {
      auto& typed = static_cast<collector<T>&>(out);
      auto& values = typed.bulk(n).values;
      const auto from = records_->begin() + static_cast<std::ptrdiff_t>(place_.index());
      if constexpr (std::is_trivially_copyable_v<T> && std::is_trivially_default_constructible_v<T>)
        std::copy_n(from, n, values.extend(n));
      else
        for (std::size_t i = 0; i != n; ++i)
          values.emplace_back(from[static_cast<std::ptrdiff_t>(i)]);
      place_.advance(n);
      typed.bulk_done();
    }
    return place_.at_end() ? read_status::end : read_status::more;
  }
  [[nodiscard]] std::string position() const override { return place_.position(); }

private:
  std::shared_ptr<const std::vector<T>> records_;
  index_cursor place_;
};

template <class T>
class vector_source final : public any_source {
public:
  explicit vector_source(std::shared_ptr<const std::vector<T>> records) : records_(std::move(records)) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t parallelism) const override {
    return vector_splits(records_->size(), parallelism);
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    check_vector_splits(records_->size(), splits);
    return {};
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                         processing_time) const override {
    return std::make_unique<vector_reader<T>>(records_, vector_cursor(records_->size(), split, position));
  }

private:
  std::shared_ptr<const std::vector<T>> records_;
};

} // namespace detail

/// Reads the elements of a vector, once, in their order within each subtask. The vector is shared by all readers and
/// never changed; each record is copied out of it. A run that resumes needs a program that gives the same vector.
template <class T>
class from_vector {
public:
  using value_type = T;
  static constexpr std::string_view kind_name = "from_vector";

  explicit from_vector(std::vector<T> records) : records_(std::make_shared<const std::vector<T>>(std::move(records))) {}

  [[nodiscard]] std::shared_ptr<const any_source> source() const {
    return std::make_shared<detail::vector_source<T>>(records_);
  }
  [[nodiscard]] std::string guarantee() const {
    return "Each element is read once; after a failure reading goes on behind the last one that the checkpoint has.";
  }

private:
  std::shared_ptr<const std::vector<T>> records_;
};

} // namespace weir::inline v0
