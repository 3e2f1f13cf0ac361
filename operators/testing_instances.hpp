// The instances of operators in a test, and how batches go from one to the next. Internal to the engine.
#pragma once

#include "testing_engine.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace weir::inline v0::testing::inner {

/// What all instances share.
struct world {
  processing_time now{};
  std::set<std::pair<processing_time, std::size_t>> wakes; ///< when, and the number of the instance
  /// Every batch that was emitted, with the node and port that it came from.
  std::vector<std::pair<std::pair<node_index, std::size_t>, batch_ptr>> outputs;
};

class flag_waker final : public waker {
public:
  void wake() noexcept override { set_.store(true); }
  bool take() noexcept { return set_.exchange(false); }

private:
  std::atomic<bool> set_{false};
};

/// Something that waits before an instance.
struct item {
  item_kind what;
  std::size_t input;
  std::size_t channel;
  batch_ptr records;
  event_time time;
  std::size_t position; ///< of the first record that is not processed
};

/// The surroundings of one instance.
class surroundings final : public operator_context {
public:
  surroundings(operator_identity identity, world& shared, std::size_t number)
      : operator_context(std::move(identity)), shared_(shared), number_(number) {}
  [[nodiscard]] processing_time now() const override { return shared_.now; }
  void wake_at(processing_time when) override { shared_.wakes.emplace(when, number_); }
  [[nodiscard]] std::shared_ptr<waker> outside_waker() override { return woken; }

  std::shared_ptr<flag_waker> woken = std::make_shared<flag_waker>();

private:
  world& shared_;
  std::size_t number_;
};

struct instance;

/// One way out of an instance's port.
class route_out final : public partition_receiver {
public:
  void deliver(std::size_t target, batch_ptr records) override;

  std::unique_ptr<any_partitioner> partitioner;
  std::vector<instance*> to;
  std::size_t input = 0;
  std::size_t channel = 0; ///< distinct among all channels into an instance
};

/// Where a port's batches go: they are kept for the test, and dealt out.
class output_port final : public batch_receiver {
public:
  output_port(world& shared, node_index node, std::size_t index) : shared_(shared), from_(node, index) {}
  bool accept(batch_ptr records) override {
    shared_.outputs.emplace_back(from_, records->clone());
    for (std::size_t i = 0; i + 1 < routes.size(); ++i)
      routes[i]->partitioner->route(records, *routes[i]);
    if (!routes.empty())
      routes.back()->partitioner->route(std::move(records), *routes.back());
    return true;
  }
  void flush() {
    for (auto& each : routes)
      each->partitioner->flush(*each);
  }

  std::vector<std::unique_ptr<route_out>> routes;

private:
  world& shared_;
  std::pair<node_index, std::size_t> from_;
};

/// One subtask of one operator.
struct instance {
  std::size_t number = 0;
  node_index node = 0;
  std::uint32_t subtask = 0;
  std::unique_ptr<any_operator> op; ///< null for sources and sinks
  std::unique_ptr<surroundings> context;
  operator_outputs outputs;
  std::vector<std::unique_ptr<output_port>> ports;
  std::deque<item> queue;
  std::map<std::size_t, event_time> watermarks; ///< by channel, of those that have not ended
  event_time watermark = event_time::min();
};

inline void route_out::deliver(std::size_t target, batch_ptr records) {
  to.at(target)->queue.push_back({item_kind::records, input, channel, std::move(records), {}, 0});
}

} // namespace weir::inline v0::testing::inner
