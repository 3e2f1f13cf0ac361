// How the records of one subtask are dealt to the subtasks of the next task.
#pragma once

#include "batch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace weir::inline v0 {

/// How an edge deals records.
enum class partitioning : std::uint8_t {
  forward,   ///< to the subtask with the same index (and, if the parallelism differs, like rebalance)
  hash,      ///< by the key group of the record's key
  rebalance, ///< batch by batch, round robin
  broadcast, ///< every record to every subtask
  custom     ///< by a function of the program
};

/// Takes the batches that a partitioner deals.
class partition_receiver {
public:
  virtual ~partition_receiver();
  /// A batch for the target subtask.
  virtual void deliver(std::size_t target, batch_ptr batch) = 0;
};

/// Deals the records of one edge of one subtask. Gathers small batches until `batch_size` records wait for a target.
class any_partitioner {
public:
  virtual ~any_partitioner();
  /// Called once before the first `route`.
  void configure(std::size_t targets, std::size_t batch_size, std::uint32_t max_parallelism) {
    waiting_.resize(targets);
    batch_size_ = batch_size;
    max_parallelism_ = max_parallelism;
    configured();
  }
  virtual void route(batch_ptr batch, partition_receiver& to) = 0;
  /// Hands over what waits for a full batch, in the order of targets.
  void flush(partition_receiver& to);
  [[nodiscard]] bool empty() const noexcept;

protected:
  virtual void configured() {}
  /// Hands over the waiting batch of one target, if there is one.
  void hand_over(std::size_t target, partition_receiver& to);

  std::vector<batch_ptr> waiting_; ///< one a target, possibly null
  std::size_t batch_size_ = 1024;
  std::uint32_t max_parallelism_ = 128;
};

/// The partitioner of an edge that needs no keys: forward, rebalance or broadcast.
/// `own_index` is the index of the sending subtask: where forward leads to, and where rebalance starts.
[[nodiscard]] std::unique_ptr<any_partitioner> make_partitioner(partitioning how, std::size_t own_index);

} // namespace weir::inline v0
