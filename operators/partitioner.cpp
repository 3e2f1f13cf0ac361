#include "partitioner.hpp"

namespace weir::inline v0 {

namespace {

/// Gathers whole batches for one target at a time: batches that are nearly full pass as they are.
class gathering_partitioner : public any_partitioner {
protected:
  void gather(std::size_t target, batch_ptr batch, partition_receiver& to) {
    batch_ptr& waiting = waiting_[target];
    if (!waiting) {
      if (batch->size() * 2 >= batch_size_)
        return to.deliver(target, std::move(batch));
      // What is gathered into must be ours alone, and have the room.
      waiting = batch->type().make_batch(batch_size_);
      waiting->append_copy(*batch, 0, batch->size());
      return;
    }
    const bool same_shape = waiting->times.empty() == batch->times.empty();
    if (!same_shape || waiting->size() + batch->size() > batch_size_) {
      hand_over(target, to);
      return gather(target, std::move(batch), to);
    }
    waiting->append_copy(*batch, 0, batch->size());
    if (waiting->size() == batch_size_)
      hand_over(target, to);
  }
};

class forward_partitioner final : public gathering_partitioner {
public:
  void route(batch_ptr batch, partition_receiver& to) override { gather(0, std::move(batch), to); }
};

class rebalance_partitioner final : public gathering_partitioner {
public:
  explicit rebalance_partitioner(std::size_t start) : next_(start) {}

  void route(batch_ptr batch, partition_receiver& to) override {
    // The target changes after every batch that goes out, by a flush too: so slow trickles are gathered, and go round.
    if (gathering_ && !waiting_[next_ % waiting_.size()])
      ++next_;
    const std::size_t target = next_ % waiting_.size();
    gather(target, std::move(batch), to);
    gathering_ = static_cast<bool>(waiting_[target]);
    if (!gathering_)
      ++next_;
  }

private:
  std::size_t next_;
  bool gathering_ = false; ///< something waited for the target when the last batch had come
};

class broadcast_partitioner final : public gathering_partitioner {
public:
  void route(batch_ptr batch, partition_receiver& to) override {
    for (std::size_t target = 0; target != waiting_.size(); ++target)
      gather(target, batch, to);
  }
};

} // namespace

partition_receiver::~partition_receiver() = default;
any_partitioner::~any_partitioner() = default;

void any_partitioner::flush(partition_receiver& to) {
  for (std::size_t target = 0; target != waiting_.size(); ++target)
    hand_over(target, to);
}

bool any_partitioner::empty() const noexcept {
  for (const auto& batch : waiting_)
    if (batch)
      return false;
  return true;
}

void any_partitioner::hand_over(std::size_t target, partition_receiver& to) {
  if (waiting_[target])
    to.deliver(target, std::move(waiting_[target]));
}

std::unique_ptr<any_partitioner> make_partitioner(partitioning how, std::size_t own_index) {
  switch (how) {
  case partitioning::broadcast:
    return std::make_unique<broadcast_partitioner>();
  case partitioning::rebalance:
    return std::make_unique<rebalance_partitioner>(own_index);
  default:
    return std::make_unique<forward_partitioner>();
  }
}

} // namespace weir::inline v0
