// The interface on which all operators stand, the built-in ones and a user's own.
#pragma once

#include "../persistence/ids.hpp"
#include "any_state_table.hpp"
#include "collector.hpp"
#include "operator_context.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace weir::inline v0 {

class any_source;
class any_sink;

/// The collectors of one operator instance: port 0 is the main output, the others are its side outputs, in the order in
/// which the graph lists them.
class operator_outputs {
public:
  operator_outputs() = default;
  explicit operator_outputs(std::vector<std::unique_ptr<any_collector>> ports) : ports_(std::move(ports)) {}

  /// The typed collector of a port; the plan has checked the type.
  template <class T>
  [[nodiscard]] collector<T>& port(std::size_t index) const noexcept {
    return static_cast<collector<T>&>(*ports_[index]);
  }
  [[nodiscard]] any_collector& any_port(std::size_t index) const noexcept { return *ports_[index]; }
  [[nodiscard]] std::size_t size() const noexcept { return ports_.size(); }
  /// Whether any port asks for a pause.
  [[nodiscard]] bool full() const noexcept {
    for (const auto& port : ports_)
      if (port->full())
        return true;
    return false;
  }

private:
  std::vector<std::unique_ptr<any_collector>> ports_;
};

/// One instance of an operator. Its life: `open`, state loaded into the tables it names, `ready`, then records,
/// watermarks and snapshots in any order, `end_of_input` for each input, and destruction. All on one thread at a time.
///
/// An exception from any member fails the region of the job that holds the operator.
class any_operator {
public:
  virtual ~any_operator();

  /// The first call. Configures state tables; opens nothing that another attempt could still hold.
  virtual void open(operator_context&) {}
  /// All state is loaded, or there is none; `restored` says which.
  virtual void ready(operator_context&, bool restored) { static_cast<void>(restored); }

  /// Handles records [from, to) of a batch, in order; returns the index of the first record not handled. It may be less
  /// than `to` only if an output asked for a pause (`operator_outputs::full`), checked between two records, or if the
  /// operator began to hold (see `holding`). Operators whose output is at most one record a record may ignore the
  /// check: the overshoot is bounded by the batch. Records of a batch with `sole_owner()` may be moved from.
  virtual std::size_t process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                              operator_outputs& out) = 0;

  /// The event time of all inputs has reached `time`. Returns false if an output asked for a pause before all that
  /// follows from it was emitted; it is then called again with the same time.
  virtual bool watermark(event_time time, operator_outputs& out) {
    static_cast<void>(time), static_cast<void>(out);
    return true;
  }
  /// A time asked for with `wake_at` has come. Returns like `watermark`. Not called after the end of the input.
  virtual bool on_wake(processing_time now, operator_outputs& out) {
    static_cast<void>(now), static_cast<void>(out);
    return true;
  }
  /// All inputs have ended: last output. Returns like `watermark`.
  virtual bool end_of_input(operator_outputs& out) {
    static_cast<void>(out);
    return true;
  }

  /// The tables that a snapshot consists of; always the same ones in the same order.
  virtual std::vector<any_state_table*> state_tables() { return {}; }

  /// This operator as a source or sink, or null.
  virtual const any_source* as_source() const { return nullptr; }
  virtual const any_sink* as_sink() const { return nullptr; }

  /// Whether the operator has taken in as much as it may and waits for a wake-up (`operator_context::wake_at`). It is
  /// then given no records, no watermark and no end of input, and what comes before it in its chain pauses; `on_wake`
  /// is called as ever. May change only inside a call of a member. What it has taken in is part of its state: a barrier
  /// passes it. Where one waits, what is already inside the chain comes all the same, and `process` must then take all
  /// records in.
  [[nodiscard]] virtual bool holding() const noexcept { return false; }
};

} // namespace weir::inline v0
