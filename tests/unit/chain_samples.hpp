// Parts for tests of chains: an output that records and can be full, and a context that does nothing.
#pragma once

#include "operator_harness.hpp"

#include <weir/operators/operator_chain.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir_test {

/// Keeps the batches that leave a chain; asks for a pause while it holds `room` or more that nobody has taken.
class recording_output final : public weir::chain_output {
public:
  explicit recording_output(std::size_t batches_of_room = 1'000'000) : room(batches_of_room) {}

  bool accept(weir::batch_ptr batch) override {
    batches.push_back(std::move(batch));
    return !full();
  }
  [[nodiscard]] bool full() const noexcept override { return batches.size() - taken >= room; }
  void take_all() { taken = batches.size(); }

  template <class T = int>
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> all;
    for (const weir::batch_ptr& batch : batches)
      all.insert(all.end(), weir::as<T>(*batch).values.begin(), weir::as<T>(*batch).values.end());
    return all;
  }

  std::size_t room;
  std::size_t taken = 0;
  std::vector<weir::batch_ptr> batches;
};

inline std::unique_ptr<weir::operator_context> plain_context(std::string name) {
  return std::make_unique<manual_context>(identity_of(std::move(name)));
}

} // namespace weir_test
