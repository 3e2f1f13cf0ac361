// Reads a source that waits for what comes, for tests.
#pragma once

#include "record_samples.hpp"

#include <weir/operators/record_source.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir_test {

using lines = std::vector<std::string>;

/// A reader of the only split of a source, and what it has emitted.
struct live_reader {
  std::shared_ptr<const weir::any_source> source;
  weir::source_split split = source->enumerate(1).at(0);
  weir::processing_time now{std::chrono::seconds{1000}};
  std::unique_ptr<weir::split_reader> reader = source->open_split(split, {}, now);
  lines seen;

  explicit live_reader(std::shared_ptr<const weir::any_source> s) : source(std::move(s)) {}

  weir::read_status read(std::size_t max_records = 100) {
    record_list<std::string> list;
    weir::collector<std::string> out;
    out.connect(list, 16);
    const auto status = reader->read(out, max_records);
    out.flush();
    seen.insert(seen.end(), list.records.begin(), list.records.end());
    return status;
  }
  /// Reads until so many lines are there. A read waits, but not for long.
  const lines& read_lines(std::size_t count) {
    for (int reads = 0; seen.size() < count && reads < 100; ++reads)
      read();
    return seen;
  }
};

} // namespace weir_test
