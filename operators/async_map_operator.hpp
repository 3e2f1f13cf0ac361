// The operator that asks somebody else about each record and goes on with the answers.
#pragma once

#include "../persistence/error.hpp"
#include "../persistence/fields.hpp"
#include "../persistence/saturating_time.hpp"
#include "async_reply.hpp"
#include "dead_letter.hpp"
#include "graph_builder.hpp"
#include "list_state_table.hpp"
#include "operator.hpp"
#include "to_text.hpp"
#include "wrong_stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a checkpoint keeps of one request that has no answer.
template <class T>
struct pending_request {
  T record{};
  std::optional<event_time> time;
  std::uint32_t subtask = 0; ///< that took the record, at the parallelism of that time
  WEIR_FIELDS(record, time, subtask)
};

namespace detail {

/// The name of a pending request: names are in the order of subtasks, and of the records of each.
[[nodiscard]] std::string pending_name(std::uint32_t subtask, std::uint64_t number);
/// The record's number in such a name. Throws `damaged_error`.
[[nodiscard]] std::uint64_t pending_number(const std::string& name);
[[noreturn]] void throw_async_failure(const std::string& operator_name, std::uint64_t number, const std::string& record,
                                      const std::string& why);
/// What is wrong with the options of an async_map.
[[nodiscard]] std::vector<error_text> async_problems(const async_options& options);

} // namespace detail

/// Calls `function(record, async_reply<Out>)` for each record, and emits the answers. Records without an answer are
/// state: after a restore they are asked again, in their order and before others. After a change of parallelism they
/// are dealt out by the subtask that had taken them.
///
/// At its capacity it holds; a watermark and the end of the input come behind the records before them. A request whose
/// last try has failed is treated as the poison policy says.
template <class T, class Out, class F>
class async_map_operator final : public any_operator {
public:
  async_map_operator(F function, async_options options, poison_policy poison)
      : function_(std::move(function)), poison_(poison), requests_(options) {}
  async_map_operator(const async_map_operator&) = delete;
  async_map_operator& operator=(const async_map_operator&) = delete;
  ~async_map_operator() override {
    if (box_)
      box_->close();
  }

  void open(operator_context& surroundings) override {
    surroundings_ = &surroundings;
    const operator_identity& id = surroundings.identity();
    pending_.configure(id.key_groups, id.max_parallelism, id.checkpointing);
    box_ = std::make_shared<detail::answer_box<Out>>(surroundings.outside_waker());
  }
  void ready(operator_context& surroundings, bool restored) override {
    if (!restored)
      return;
    const operator_identity& id = surroundings.identity();
    std::vector<std::string> others;
    for (const auto& [name, request] : pending_) {
      number_ = std::max(number_, detail::pending_number(name));
      if (request.subtask % id.parallelism == id.subtask.value)
        open_.emplace(requests_.add(), open_request{name, pending_.find(name), std::nullopt, {}});
      else
        others.push_back(name);
    }
    for (const std::string& name : others)
      pending_.erase(name);
    if (!open_.empty())
      surroundings.wake_at(surroundings.now());
  }
  std::vector<any_state_table*> state_tables() override { return {&pending_}; }
  [[nodiscard]] bool holding() const noexcept override {
    return requests_.at_capacity() || (control_waits_ && !open_.empty());
  }

  std::size_t process(std::size_t, any_batch& in, std::size_t from, std::size_t to, operator_outputs& out) override {
    const bool all = holding(); // given all the same: a barrier waits
    auto& records = as<T>(in).values;
    const bool mine = in.sole_owner();
    std::size_t i = from;
    while (i != to && (all || !requests_.at_capacity())) {
      keep(mine ? T(std::move(records[i])) : T(std::as_const(records[i])),
           in.times.empty() ? std::nullopt : std::optional{in.times[i]});
      ++i;
    }
    if (!work(out))
      surroundings_->wake_at(surroundings_->now());
    return i;
  }
  bool watermark(event_time, operator_outputs& out) override { return finish(out); }
  bool end_of_input(operator_outputs& out) override { return finish(out); }
  bool on_wake(processing_time now, operator_outputs& out) override {
    if (wake_asked_ && *wake_asked_ <= now)
      wake_asked_.reset();
    return work(out);
  }

private:
  struct open_request {
    std::string name;
    const pending_request<T>* kept = nullptr;
    std::optional<Out> answer;
    std::string error; ///< if it was given up
  };

  void keep(T record, std::optional<event_time> time) {
    const std::uint32_t subtask = surroundings_->identity().subtask.value;
    open_request fresh{detail::pending_name(subtask, ++number_), nullptr, std::nullopt, {}};
    pending_request<T>& kept = pending_.put(fresh.name);
    kept.record = std::move(record);
    kept.time = time;
    kept.subtask = subtask;
    fresh.kept = &kept;
    open_.emplace(requests_.add(), std::move(fresh));
  }

  /// Answers, tries and emits as long as there is something to do. False if an output asked for a pause.
  bool work(operator_outputs& out) {
    const monotonic_time now = surroundings_->monotonic();
    for (;;) {
      bool did = take_answers(now);
      for (const async_try& late : requests_.expire(now))
        fail(late, "no answer in time", now);
      while (const auto next = requests_.next_try(now)) {
        did = true;
        ask(*next, now);
      }
      while (const auto ticket = requests_.next_settled()) {
        if (out.full())
          return false;
        did = true;
        pass_on(*ticket, out);
      }
      if (!did)
        break;
    }
    if (const auto due = requests_.next_due())
      ask_for_wake(saturating_add(surroundings_->now(), *due - now));
    return true;
  }
  /// The time is one of a clock that may be set: it is asked for again when that has happened, and not for less.
  void ask_for_wake(processing_time at) {
    if (wake_asked_ && *wake_asked_ - std::chrono::milliseconds{1} < at)
      return;
    wake_asked_ = at;
    surroundings_->wake_at(at);
  }

  bool take_answers(monotonic_time now) {
    std::vector<detail::async_answer<Out>> answers = box_->take();
    for (detail::async_answer<Out>& answer : answers) {
      if (!answer.out)
        fail(answer.which, std::move(answer.error), now);
      else if (requests_.answered(answer.which))
        open_.at(answer.which.ticket).answer = std::move(answer.out);
    }
    return !answers.empty();
  }

  void ask(async_try which, monotonic_time now) {
    try {
      function_(open_.at(which.ticket).kept->record, async_reply<Out>{box_, which});
    } catch (const usage_error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      fail(which, e.what(), now);
    }
  }

  void fail(async_try which, std::string why, monotonic_time now) {
    if (requests_.failed(which, now) == async_requests::outcome::given_up)
      open_.at(which.ticket).error = std::move(why) + " (try " + std::to_string(which.number) + ")";
  }

  void pass_on(std::uint64_t ticket, operator_outputs& out) {
    const auto at = open_.find(ticket);
    open_request& request = at->second;
    if (request.answer)
      emit(out.port<Out>(0), std::move(*request.answer), request.kept->time);
    else
      give_up(request, out);
    pending_.erase(request.name);
    open_.erase(at);
    requests_.erase(ticket);
  }

  void give_up(open_request& request, operator_outputs& out) {
    const operator_identity& id = surroundings_->identity();
    std::string record;
    append_text(record, request.kept->record);
    if (poison_ == poison_policy::fail)
      detail::throw_async_failure(id.name, detail::pending_number(request.name), record, request.error);
    surroundings_->counters().find(id.name, poison_counter_name).add();
    if (poison_ == poison_policy::dead_letter)
      emit(out.port<dead_letter>(1),
           dead_letter{id.name, id.subtask.value, std::move(request.error), std::move(record), request.kept->time},
           request.kept->time);
  }

  template <class U>
  static void emit(collector<U>& port, U value, const std::optional<event_time>& time) {
    if (time)
      port.set_time(*time);
    else
      port.clear_time();
    port(std::move(value));
  }

  bool finish(operator_outputs& out) {
    if (!work(out))
      surroundings_->wake_at(surroundings_->now());
    control_waits_ = !open_.empty();
    return !control_waits_;
  }

  F function_;
  poison_policy poison_;
  async_requests requests_;
  operator_context* surroundings_ = nullptr;
  list_state_table<pending_request<T>> pending_{"pending"};
  std::map<std::uint64_t, open_request> open_; ///< by ticket
  std::shared_ptr<detail::answer_box<Out>> box_;
  std::uint64_t number_ = 0; ///< of the last record taken
  std::optional<processing_time> wake_asked_;
  bool control_waits_ = false; ///< a watermark or the end waits until nothing is open
};

namespace detail {

/// The part of `stream` that asks others.
template <class T>
class stream_async {
public:
  /// One record for each, which comes later: `function(const T&, weir::async_reply<Out>)` asks for it, and does not
  /// wait; the reply may be given from any thread. `Out` is said: `async_map<Out>(…)`.
  ///
  ///     orders.async_map<enriched>("enrich", [client](const order& o, weir::async_reply<enriched> reply) {
  ///       client->look_up(o.customer, [o, reply](const customer& c) { reply({o, c}); });
  ///     }, {.capacity = 1000, .timeout = 1s, .retries = 2})
  template <class Out, class F>
  auto async_map(std::string name, F function, async_options how = {}, operator_options options = {},
                 call_site where = caller()) const {
    constexpr bool callable = std::is_invocable_v<const F&, const T&, async_reply<Out>>;
    static_assert(callable, "weir: the function given to async_map must be callable const with (const T& record, "
                            "weir::async_reply<Out> reply)");
    static_assert(serializable<T>, "weir: async_map keeps records without an answer as state, so that they must be "
                                   "storable; write WEIR_FIELDS(member, ...) into the record's class");
    if constexpr (!callable || !serializable<T>) {
      return stream<wrong>{};
    } else {
      const stream_origin& origin = static_cast<const stream<T>&>(*this).origin();
      graph_node node = make_node("async_map", std::move(name), std::move(options), where, &element_type_of<Out>());
      node.stateful = true;
      origin.builder().add_problems(node, async_problems(how));
      const poison_policy poison = node.options.poison;
      if (poison == poison_policy::dead_letter)
        node.outputs.push_back({dead_letters_name, &element_type_of<dead_letter>()});
      node.make = [function = std::move(function), how, poison]() -> std::unique_ptr<any_operator> {
        return std::make_unique<async_map_operator<T, Out, F>>(function, how, poison);
      };
      return stream<Out>{origin.then(std::move(node))};
    }
  }

protected:
  stream_async() = default;
  ~stream_async() = default;
  stream_async(const stream_async&) = default;
  stream_async(stream_async&&) noexcept = default;
  stream_async& operator=(const stream_async&) = default;
  stream_async& operator=(stream_async&&) noexcept = default;
};

} // namespace detail
} // namespace weir::inline v0
