// What is known of every channel from the messages that pass: their order, and the credit behind them.
#pragma once

#include <weir/actors/messages.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace simulation {

/// Follows batches and grants as their receivers take them out of the mailbox. A complaint is a violation of the
/// protocol of credits: no batch goes without credit, no grant gives more than the window, none is taken back, and
/// none comes later than it is due.
class credit_model {
public:
  credit_model() = default;
  credit_model(std::size_t channels, std::uint64_t window) : channels_(channels), window_(window) {}

  /// A message that its receiver is about to take. Repeats and messages of old attempts are none of a model's business.
  [[nodiscard]] std::optional<std::string> arrives(const weir::channel_message& message);
  /// A grant that the sender of a channel is about to take.
  [[nodiscard]] std::optional<std::string> granted(const weir::credit_grant& grant);
  /// A grant of this channel is lost, late or repeated: they come in no order for the rest of the attempt.
  void disturbed(const weir::credit_grant& grant);

private:
  struct channel {
    weir::attempt_id attempt{0};
    weir::sequence_number last{0};
    std::uint64_t batches = 0; ///< that have arrived
    std::uint64_t limit = 0;   ///< that the sender knows
    weir::sequence_number through{0};
    bool disturbed = false;
  };

  /// The channel in this attempt; null if a later one has begun.
  channel* of(weir::channel_id id, weir::attempt_id attempt);

  std::vector<channel> channels_;
  std::uint64_t window_ = 0;
};

} // namespace simulation
