// Runs one operator as a plain object: a manual clock, batches of any size, outputs that ask for pauses, snapshots.
#pragma once

#include <weir/operators/any_state_table.hpp>
#include <weir/operators/collector.hpp>
#include <weir/operators/operator.hpp>
#include <weir/persistence/hash.hpp>
#include <weir/persistence/key_groups.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir_test {

/// Surroundings whose clock stands still until it is set.
class manual_context final : public weir::operator_context {
public:
  using operator_context::operator_context;

  [[nodiscard]] weir::processing_time now() const override { return clock; }
  void wake_at(weir::processing_time when) override { wakes.push_back(when); }

  weir::processing_time clock{};
  std::vector<weir::processing_time> wakes;
};

/// The identity of one of `parallelism` subtasks, with its key groups.
inline weir::operator_identity identity_of(std::string name, std::uint32_t subtask = 0, std::uint32_t parallelism = 1) {
  weir::operator_identity identity;
  identity.job = "test";
  identity.run = "00000000-0000-4000-8000-000000000000";
  identity.name = std::move(name);
  identity.subtask = weir::subtask_index{subtask};
  identity.parallelism = parallelism;
  identity.key_groups = weir::key_groups{identity.max_parallelism}.range_of(identity.subtask, parallelism);
  return identity;
}

/// What one port emitted.
template <class T>
struct emitted {
  std::vector<T> values;
  std::vector<weir::event_time> times;
  std::vector<std::size_t> batch_sizes;
};

/// All chunks of all tables of one operator, in their order.
using snapshot = std::vector<std::vector<weir::encoded_chunk>>;

/// How records are fed.
struct feeding {
  std::size_t input = 0;
  std::size_t batch_size = 1024;
  std::vector<weir::event_time> times = {}; ///< empty, or one a record
  bool flush = true;                        ///< after every call, as the runtime does where it stops
  bool shared = false;                      ///< somebody else holds the batches: their records must not be moved
};

class operator_harness {
public:
  /// `ports`: the record types of the outputs. `room`: after how many batches a port asks for a pause; 0: never.
  operator_harness(std::unique_ptr<weir::any_operator> op, weir::operator_identity identity,
                   const std::vector<const weir::element_type*>& ports, std::size_t output_batch_size = 1024,
                   std::size_t room = 0)
      : context(std::move(identity)), op_(std::move(op)) {
    std::vector<std::unique_ptr<weir::any_collector>> collectors;
    for (const auto* type : ports) {
      receivers_.push_back(std::make_unique<receiver>(room));
      collectors.push_back(type->make_collector());
      collectors.back()->connect(*receivers_.back(), output_batch_size);
    }
    outputs_ = weir::operator_outputs{std::move(collectors)};
  }

  /// Opens without state.
  void start() {
    op_->open(context);
    op_->ready(context, false);
  }
  /// Opens with the state of one or more subtasks.
  void restore(const std::vector<snapshot>& from) {
    op_->open(context);
    for (const snapshot& one : from) {
      const auto tables = op_->state_tables();
      for (std::size_t i = 0; i != tables.size(); ++i)
        for (const auto& chunk : one.at(i))
          tables[i]->load(chunk.bytes);
    }
    op_->ready(context, true);
  }
  /// A base of each table, encoded `slice` entries at a time.
  snapshot take_snapshot(std::size_t slice = 3) {
    snapshot all;
    for (weir::any_state_table* table : op_->state_tables()) {
      table->require_base();
      table->mark();
      auto& chunks = all.emplace_back();
      while (!table->encode(slice, chunks)) {
      }
    }
    return all;
  }

  template <class T>
  void feed(const std::vector<T>& values, const feeding& how = {}) {
    feed_hashed<T>(values, {}, how);
  }
  /// As from a keyed edge: with the hashes of the keys.
  template <class T, class KeyFn>
  void feed_keyed(const std::vector<T>& values, const KeyFn& key, const feeding& how = {}) {
    std::vector<std::uint64_t> hashes;
    for (const T& value : values)
      hashes.push_back(weir::key_hash(std::invoke(key, value)));
    feed_hashed<T>(values, hashes, how);
  }

  template <class T>
  emitted<T> port(std::size_t index = 0) const {
    emitted<T> all;
    for (const weir::batch_ptr& batch : receivers_[index]->batches) {
      const auto& typed = weir::as<T>(*batch);
      all.values.insert(all.values.end(), typed.values.begin(), typed.values.end());
      all.times.insert(all.times.end(), typed.times.begin(), typed.times.end());
      all.batch_sizes.push_back(typed.values.size());
    }
    return all;
  }
  void forget_output() {
    for (auto& r : receivers_)
      r->batches.clear();
  }

  weir::any_operator& op() { return *op_; }

  manual_context context;
  std::size_t calls = 0; ///< of `process`
  bool untouched = true; ///< every shared batch was left as it was

private:
  struct receiver final : weir::batch_receiver {
    explicit receiver(std::size_t batches_of_room) : room(batches_of_room) {}
    bool accept(weir::batch_ptr batch) override {
      batches.push_back(std::move(batch));
      return room == 0 || batches.size() % room != 0;
    }
    std::size_t room;
    std::vector<weir::batch_ptr> batches;
  };

  template <class T>
  void feed_hashed(const std::vector<T>& values, const std::vector<std::uint64_t>& hashes, const feeding& how) {
    for (std::size_t first = 0; first < values.size(); first += how.batch_size) {
      const std::size_t last = std::min(values.size(), first + how.batch_size);
      auto* made = new weir::batch<T>;
      const weir::batch_ptr owner{made};
      for (std::size_t i = first; i != last; ++i) {
        made->values.push_back(values[i]);
        if (!how.times.empty())
          made->times.push_back(how.times.at(i));
        if (!hashes.empty())
          made->hashes.push_back(hashes.at(i));
      }
      const weir::batch_ptr other_owner = how.shared ? owner : weir::batch_ptr{};
      std::size_t position = 0;
      while (position != last - first) {
        for (std::size_t i = 0; i != outputs_.size(); ++i)
          outputs_.any_port(i).resume();
        position = op_->process(how.input, *made, position, last - first, outputs_);
        ++calls;
        for (std::size_t i = 0; how.flush && i != outputs_.size(); ++i)
          outputs_.any_port(i).flush();
      }
      if (how.shared)
        untouched = untouched && std::equal(made->values.begin(), made->values.end(), values.data() + first);
    }
  }

  std::unique_ptr<weir::any_operator> op_;
  std::vector<std::unique_ptr<receiver>> receivers_;
  weir::operator_outputs outputs_;
};

/// The tags of record types, for the harness's ports.
template <class... T>
std::vector<const weir::element_type*> ports_of() {
  return {&weir::element_type_of<T>()...};
}

inline weir::event_time at_ms(std::int64_t ms) {
  return weir::event_time{std::chrono::milliseconds{ms}};
}

} // namespace weir_test
