// What a user's process function can ask of its surroundings.
#pragma once

#include "../persistence/error.hpp"
#include "operator.hpp"
#include "side_output.hpp"
#include "timer_service.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

template <class Op, class Out>
class process_base;
template <class K, class Op, class Out>
class keyed_process_base;

/// An operator's side outputs by name and type.
class side_ports {
public:
  side_ports() = default;
  explicit side_ports(std::vector<graph_output> sides) : sides_(std::move(sides)) {}

  [[nodiscard]] bool empty() const noexcept { return sides_.empty(); }
  /// The port of a side output. Throws `usage_error` if the operator did not list it.
  [[nodiscard]] std::size_t find(const std::string& name, const element_type& type,
                                 const std::string& operator_name) const {
    for (std::size_t i = 0; i != sides_.size(); ++i)
      if (sides_[i].type == &type && sides_[i].name == name)
        return i + 1;
    not_listed(name, operator_name);
  }

private:
  [[noreturn]] static void not_listed(const std::string& name, const std::string& operator_name);

  std::vector<graph_output> sides_;
};

} // namespace detail

/// The surroundings of one call of a user's `process`. Not to be kept beyond the call.
class context {
public:
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  /// The event time of the record, if the stream has event times.
  [[nodiscard]] std::optional<event_time> time() const noexcept {
    return timed_ ? std::optional<event_time>{time_} : std::nullopt;
  }
  /// The environment's clock.
  [[nodiscard]] processing_time now() const { return surroundings_->now(); }
  [[nodiscard]] const operator_identity& identity() const noexcept { return surroundings_->identity(); }

  /// A counter of this operator, made at 0: `ctx.counter("bad_lines").add()`. All subtasks share it;
  /// `job_handle::status` has it, and `weir::run` prints it at the end. It is no state: what is processed again after a
  /// failure is counted again. Finding it takes a lock; what counts every record should do it in steps.
  [[nodiscard]] weir::counter counter(std::string_view name) const {
    return surroundings_->counters().find(identity().name, name);
  }

  /// Emits a record to a side output, with the event time of the record being processed. Throws `usage_error` if the
  /// operator's `side_outputs()` does not list it.
  template <class U, class V = U>
  requires std::constructible_from<U, V&&>
  void emit(const side_output<U>& to, V&& value) {
    auto& port = outputs_->template port<U>(sides_->find(to.name(), element_type_of<U>(), identity().name));
    if (timed_)
      port.set_time(time_);
    else
      port.clear_time();
    port(std::forward<V>(value));
  }

protected:
  context(operator_context& surroundings, operator_outputs& outputs, const detail::side_ports& sides, bool timed)
      : surroundings_(&surroundings), outputs_(&outputs), sides_(&sides), timed_(timed) {}
  ~context() = default;

private:
  template <class Op, class Out>
  friend class detail::process_base;
  template <class K, class Op, class Out>
  friend class detail::keyed_process_base;

  operator_context* surroundings_;
  operator_outputs* outputs_;
  const detail::side_ports* sides_;
  event_time time_{};
  bool timed_;
};

/// The surroundings of a user's `process` on a keyed stream.
template <class K>
class keyed_context : public context {
public:
  /// The key that the record and the state belong to.
  [[nodiscard]] const K& key() const noexcept { return *key_; }

  /// Calls the struct's `on_timer` for this key when the environment's clock has reached `at`; at once, but not within
  /// this call, if it has. A timer of this key and time that is set already stays as it is. Timers are part of
  /// checkpoints. Throws `usage_error` if the struct has no `on_timer`.
  void set_timer(processing_time at) { timers().set(*key_, hash_, at); }
  /// Takes back a timer of this key; does nothing if there is none for this time.
  void clear_timer(processing_time at) { timers().clear(*key_, hash_, at); }

private:
  template <class K2, class Op, class Out>
  friend class detail::keyed_process_base;

  using context::context;

  [[nodiscard]] detail::timer_service<K>& timers() const {
    if (!timers_)
      detail::throw_no_timers(identity().name);
    return *timers_;
  }

  const K* key_ = nullptr;
  std::uint64_t hash_ = 0;
  detail::timer_service<K>* timers_ = nullptr;
};

} // namespace weir::inline v0
