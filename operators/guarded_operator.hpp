// Keeps an operator's records for which user code throws from failing the job.
#pragma once

#include "dead_letter.hpp"
#include "graph.hpp"
#include "to_text.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// Appends a record of a batch as text. Null for types that can't be written.
using describe_record = void (*)(const any_batch& records, std::size_t index, std::string& out);

template <class T>
constexpr describe_record describe_record_of() {
  if constexpr (serializable<T>)
    return [](const any_batch& records, std::size_t index, std::string& out) {
      append_text(out, as<T>(records).values[index]);
    };
  else
    return nullptr;
}

} // namespace detail

/// Gives another operator its records one at a time, and carries out the poison policy where it throws. What the
/// operator emits is kept back until the record is through: what it had emitted before it threw is taken back, also
/// where that filled whole batches. What it changed in its state stays. Only records are guarded: what is thrown for a
/// timer, a watermark or the end of the input fails the region as ever, and so do `usage_error` and a lack of memory.
class guarded_operator final : public any_operator {
public:
  /// `ports`: the record types of the operator's own outputs, behind which the dead letters come. `describe`: for each
  /// input.
  guarded_operator(std::unique_ptr<any_operator> inner, poison_policy policy, std::vector<const element_type*> ports,
                   std::vector<detail::describe_record> describe);
  ~guarded_operator() override;

  void open(operator_context& surroundings) override;
  void ready(operator_context& surroundings, bool restored) override { inner_->ready(surroundings, restored); }
  std::size_t process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                      operator_outputs& out) override;
  bool watermark(event_time time, operator_outputs& out) override { return inner_->watermark(time, out); }
  bool on_wake(processing_time now, operator_outputs& out) override { return inner_->on_wake(now, out); }
  bool end_of_input(operator_outputs& out) override { return inner_->end_of_input(out); }
  std::vector<any_state_table*> state_tables() override { return inner_->state_tables(); }
  [[nodiscard]] bool holding() const noexcept override { return inner_->holding(); }

private:
  class kept_port;

  void set_marks();
  void take_back();
  void pass_on(operator_outputs& out);
  void flush(operator_outputs& out);
  void reject(std::size_t input, const any_batch& in, std::size_t index, std::string error, operator_outputs& out);

  std::unique_ptr<any_operator> inner_;
  poison_policy policy_;
  std::vector<detail::describe_record> describe_;
  std::vector<std::unique_ptr<kept_port>> kept_;
  operator_outputs inner_outputs_;
  operator_context* surroundings_ = nullptr;
  std::optional<counter> poison_records_;
};

namespace detail {

void add_guard(graph_node& node, std::vector<describe_record> describe);

/// The node as it is, or with its operator guarded if its options say so. `In`: the record types of its inputs.
template <class... In>
graph_node guarded(graph_node node) {
  if (node.options.poison != poison_policy::fail)
    add_guard(node, {describe_record_of<In>()...});
  return node;
}

} // namespace detail
} // namespace weir::inline v0
