// The operator that stands for a sink in its graph: keeps what is prepared and not yet committed.
#pragma once

#include "../persistence/fields.hpp"
#include "list_state_table.hpp"
#include "operator.hpp"
#include "sink.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a checkpoint keeps of one prepared output.
struct prepared_state {
  std::uint64_t checkpoint = 0;
  std::uint32_t subtask = 0;
  std::string id;
  WEIR_FIELDS(checkpoint, subtask, id)
};

/// Holds a sink subtask's pending commits; the writer itself belongs to the runtime, which may give it a thread.
class sink_operator final : public any_operator {
public:
  explicit sink_operator(std::shared_ptr<const any_sink> sink) : sink_(std::move(sink)) {}

  void open(operator_context& context) override;
  void ready(operator_context& context, bool restored) override;
  std::size_t process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                      operator_outputs& out) override;
  std::vector<any_state_table*> state_tables() override;
  const any_sink* as_sink() const override { return sink_.get(); }

  /// What is prepared and not known to be committed, oldest first.
  [[nodiscard]] std::vector<prepared_output> pending() const;
  void prepared(checkpoint_id checkpoint, std::string id);
  void committed(checkpoint_id up_to);

private:
  std::shared_ptr<const any_sink> sink_;
  list_state_table<prepared_state> pending_{"pending"};
  std::uint32_t index_ = 0;
  std::uint32_t parallelism_ = 1;
};

} // namespace weir::inline v0
