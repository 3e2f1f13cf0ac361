// Runs one subtask without actors: what it asks to have carried is kept, and the test plays everybody else.
#pragma once

#include "manual_environment.hpp"
#include "sink_harness.hpp"

#include <weir/actors/subtask_loop.hpp>
#include <weir/operators/list_state_table.hpp>
#include <weir/operators/partitioner.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace weir_test {

/// Counts the calls of an outside waker.
class counting_waker final : public weir::waker {
public:
  void wake() noexcept override { ++calls; }

  int calls = 0;
};

/// Keeps what a subtask asks for.
class kept_surroundings final : public weir::subtask_surroundings {
public:
  void send(weir::channel_message message) override { sent.push_back(std::move(message)); }
  void grant(weir::credit_grant grant) override { grants.push_back(grant); }
  void probe(weir::channel_probe probe) override { probes.push_back(probe); }
  void report(weir::subtask_event event) override { events.push_back(std::move(event)); }
  void store(weir::subtask_snapshot snapshot) override { stored.push_back(std::move(snapshot)); }
  void wake_in(std::chrono::microseconds delay) override { wakes.push_back(delay); }
  std::shared_ptr<weir::waker> outside_waker() override { return waker; }
  void start_source(const weir::any_source&, std::vector<weir::source_operator::unread_split> splits) override {
    source_splits = std::move(splits);
  }
  void ask_source() override { ++source_asked; }
  void tell_sink(std::size_t, const weir::any_sink&, weir::sink_command command) override {
    sink_commands.push_back(std::move(command));
  }

  std::vector<weir::channel_message> sent;
  std::vector<weir::credit_grant> grants;
  std::vector<weir::channel_probe> probes;
  std::vector<weir::subtask_event> events;
  std::vector<weir::subtask_snapshot> stored;
  std::vector<std::chrono::microseconds> wakes;
  std::vector<weir::source_operator::unread_split> source_splits;
  std::vector<weir::sink_command> sink_commands;
  int source_asked = 0;
  std::shared_ptr<counting_waker> waker = std::make_shared<counting_waker>();
};

/// A subtask of region 1, attempt 3. Channel ids: inputs from 0, outputs from 100.
class subtask_harness {
public:
  subtask_harness() {
    setup.job = "test";
    setup.run = "run-1";
    setup.task_name = "task";
    setup.region = weir::region_id{1};
    setup.attempt = weir::attempt_id{3};
    setup.batch_size = 4;
    setup.env = env;
    setup.counters = std::make_shared<weir::subtask_counters>();
  }

  // -- composing

  using operator_factory = std::function<std::unique_ptr<weir::any_operator>()>;

  /// Adds an operator that takes the output of the one before it.
  void add(const std::string& name, operator_factory make, std::vector<const weir::element_type*> ports) {
    if (!setup.stages.empty())
      setup.stages.back().fused.push_back({0, setup.stages.size(), 0});
    setup.stages.push_back({name, name, std::move(make), std::move(ports), {}});
  }
  void add_inputs(std::uint32_t channels) {
    for (std::uint32_t i = 0; i != channels; ++i)
      setup.inputs.push_back({weir::channel_id{i}, 0, "upstream/" + std::to_string(i)});
    next_sequence.resize(channels, 1);
  }
  /// Leads the last operator's output to so many channels.
  void add_edge(std::uint32_t channels = 1, weir::partitioning how = weir::partitioning::forward) {
    weir::edge_setup edge;
    edge.stage = setup.stages.size() - 1;
    edge.how = how;
    for (std::uint32_t i = 0; i != channels; ++i)
      edge.channels.push_back(weir::channel_id{100 + i});
    setup.edges.push_back(std::move(edge));
  }
  void start() {
    make();
    loop->open();
    loop->loaded();
    loop->run();
  }
  void make() { loop = std::make_unique<weir::subtask_loop>(setup, around); }

  // -- playing upstream and coordinator

  void send(std::size_t channel, weir::channel_payload payload) {
    loop->on_message({setup.region, setup.attempt, setup.inputs[channel].id,
                      weir::sequence_number{next_sequence[channel]++}, std::move(payload)});
  }
  void send_batch(std::size_t channel, const std::vector<int>& values) { send(channel, batch_of(values)); }
  void send_barrier(std::size_t channel, std::uint64_t checkpoint) { send(channel, barrier_of(checkpoint)); }
  void trigger(std::uint64_t checkpoint, bool suspend = false) {
    weir::barrier mark = barrier_of(checkpoint);
    mark.suspend = suspend;
    loop->on_trigger({mark});
  }
  void give_credit(std::uint64_t limit, std::uint32_t channel = 100) {
    loop->on_grant({setup.region, setup.attempt, weir::channel_id{channel}, limit, weir::sequence_number{0}});
  }
  weir::barrier barrier_of(std::uint64_t checkpoint) const {
    return {weir::checkpoint_id{checkpoint}, false, env->monotonic()};
  }

  /// Steps until there is nothing to do at once.
  void settle() {
    for (int i = 0; loop->step(); ++i)
      if (i == 1'000'000)
        throw std::logic_error{"the subtask does not come to rest"};
  }
  /// What was sent, in order: "[1 2]", "barrier 1", "watermark 5", "end".
  std::vector<std::string> sent(std::uint32_t channel = 100) const {
    std::vector<std::string> all;
    for (const auto& message : around.sent)
      if (message.channel == weir::channel_id{channel})
        all.push_back(to_text(message.payload));
    return all;
  }
  /// The events of one kind, in order.
  template <class Event>
  std::vector<Event> reported() const {
    std::vector<Event> all;
    for (const auto& event : around.events)
      if (const auto* one = std::get_if<Event>(&event))
        all.push_back(*one);
    return all;
  }
  /// The store's answer to the snapshot of a checkpoint.
  void answer_store(std::uint64_t checkpoint, weir::write_result result = weir::write_result::stored) {
    loop->on_stored(weir::checkpoint_id{checkpoint}, result, std::chrono::microseconds{77});
  }

  std::shared_ptr<manual_environment> env = std::make_shared<manual_environment>();
  weir::subtask_setup setup;
  kept_surroundings around;
  std::unique_ptr<weir::subtask_loop> loop;
  std::vector<std::uint64_t> next_sequence;

private:
  static std::string to_text(const weir::channel_payload& payload) {
    if (const auto* batch = std::get_if<weir::batch_ptr>(&payload)) {
      std::string text = "[";
      for (const int value : weir::as<int>(**batch).values)
        text += (text.size() == 1 ? "" : " ") + std::to_string(value);
      return text + "]";
    }
    if (const auto* mark = std::get_if<weir::barrier>(&payload))
      return "barrier " + to_string(mark->checkpoint);
    if (const auto* reached = std::get_if<weir::watermark>(&payload))
      return "watermark " + std::to_string(reached->time.time_since_epoch().count());
    return "end";
  }
};

/// Passes numbers on and keeps their sum as operator state. Emits -1 at the end of the input.
class summing_operator final : public weir::any_operator {
public:
  std::size_t process(std::size_t, weir::any_batch& in, std::size_t from, std::size_t to,
                      weir::operator_outputs& out) override {
    for (std::size_t i = from; i != to; ++i) {
      const int value = weir::as<int>(in).values[i];
      sums_.put("sum") += value;
      out.port<int>(0)(value);
      if (out.full())
        return i + 1;
    }
    return to;
  }
  bool end_of_input(weir::operator_outputs& out) override {
    out.port<int>(0)(-1);
    return true;
  }
  std::vector<weir::any_state_table*> state_tables() override { return {&sums_}; }

private:
  weir::list_state_table<std::int64_t> sums_{"sums"};
};

/// The sum in a snapshot of a `summing_operator`; -1 if there is none.
inline std::int64_t stored_sum(const weir::subtask_snapshot& snapshot) {
  weir::list_state_table<std::int64_t> loaded{"sums"};
  for (const auto& chunk : snapshot.chunks)
    loaded.load(chunk.bytes);
  const auto* sum = loaded.find("sum");
  return sum ? *sum : -1;
}

/// A subtask that sums up numbers of so many channels and passes them on.
struct summing_subtask : subtask_harness {
  explicit summing_subtask(std::uint32_t channels = 1) {
    add_inputs(channels);
    add("sum", [] { return std::make_unique<summing_operator>(); }, {&weir::element_type_of<int>()});
    add_edge();
  }
};

} // namespace weir_test
