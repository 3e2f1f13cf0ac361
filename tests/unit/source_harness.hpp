// Runs a source without a runtime: whole, split by split, and begun again at every position it names.
#pragma once

#include <weir/operators/source.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir_test {

/// Keeps the records of the batches it gets, in order.
template <class T>
class record_list final : public weir::batch_receiver {
public:
  bool accept(weir::batch_ptr batch) override {
    if (batch->size() == 0)
      throw std::logic_error{"an empty batch"};
    const auto& values = weir::as<T>(*batch).values;
    records.insert(records.end(), values.begin(), values.end());
    return true;
  }
  std::vector<T> records;
};

/// A source with a clock that is moved to whenever a reader says it has nothing before.
template <class T>
class source_harness {
public:
  explicit source_harness(std::shared_ptr<const weir::any_source> source) : source_(std::move(source)) {}

  weir::processing_time now{std::chrono::seconds{1'700'000'000}};

  struct step {
    std::string position;    ///< after the read
    std::size_t records = 0; ///< read so far
  };

  /// Reads a split to its end, and says where it was after each read.
  std::vector<T> read(const weir::source_split& split, const std::string& position, std::size_t max_records,
                      std::vector<step>* steps = nullptr) {
    record_list<T> list;
    weir::collector<T> out;
    out.connect(list, 64);
    const auto reader = source_->open_split(split, position, now);
    for (std::size_t reads = 0;; ++reads) {
      if (reads > 10'000'000)
        throw std::logic_error{"a reader does not end"};
      const auto status = reader->read(out, max_records);
      out.flush();
      if (steps)
        steps->push_back({reader->position(), list.records.size()});
      if (status == weir::read_status::end)
        return std::move(list.records);
      if (status == weir::read_status::later)
        now = std::max(now, reader->next_at());
    }
  }

  /// All records, split after split.
  std::vector<T> read_all(std::uint32_t parallelism, std::size_t max_records) {
    std::vector<T> all;
    for (const auto& split : source_->enumerate(parallelism))
      for (auto&& record : read(split, {}, max_records))
        all.push_back(std::forward<decltype(record)>(record));
    return all;
  }

  /// Whether every split, begun again where any read ended, gives just the rest.
  bool resumes_everywhere(std::uint32_t parallelism, std::size_t max_records) {
    for (const auto& split : source_->enumerate(parallelism)) {
      std::vector<step> steps;
      const auto whole = read(split, {}, max_records, &steps);
      for (const auto& [position, records] : steps) {
        const auto rest = read(split, position, max_records);
        if (rest != std::vector<T>(whole.begin() + static_cast<std::ptrdiff_t>(records), whole.end()))
          return false;
      }
    }
    return true;
  }

private:
  std::shared_ptr<const weir::any_source> source_;
};

} // namespace weir_test
