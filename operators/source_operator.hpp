// The operator that stands for a source in its graph: keeps the splits and their positions.
#pragma once

#include "../persistence/fields.hpp"
#include "list_state_table.hpp"
#include "operator.hpp"
#include "source.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a checkpoint keeps of one split.
struct split_state {
  std::string description;
  std::string position; ///< empty: not begun
  bool finished = false;
  WEIR_FIELDS(description, position, finished)
};

/// Holds a subtask's splits. The runtime asks it for readers, forwards what they read, and tells it the positions: they
/// stay with the subtask, also where a thread of its own does the reading.
class source_operator final : public any_operator {
public:
  explicit source_operator(std::shared_ptr<const any_source> source) : source_(std::move(source)) {}

  void open(operator_context& context) override;
  void ready(operator_context& context, bool restored) override;
  std::size_t process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                      operator_outputs& out) override;
  std::vector<any_state_table*> state_tables() override { return {&splits_}; }
  const any_source* as_source() const override { return source_.get(); }

  /// The splits of a run that has no checkpoint yet, all of them: this subtask keeps its share.
  void assign(const std::vector<source_split>& all);
  /// A split that is not read to its end, and where its reader starts.
  struct unread_split {
    source_split split;
    std::string position;
  };
  [[nodiscard]] std::vector<unread_split> unread() const;
  /// Those that are read to their end, which is their position.
  [[nodiscard]] std::vector<unread_split> finished() const;
  /// What was read of a split has been emitted up to `position`.
  void advance(const std::string& id, std::string position, bool finished);

private:
  [[nodiscard]] std::vector<unread_split> splits(bool finished) const;

  std::shared_ptr<const any_source> source_;
  list_state_table<split_state> splits_{"splits"};
  std::uint32_t index_ = 0;
  std::uint32_t parallelism_ = 1;
};

} // namespace weir::inline v0
