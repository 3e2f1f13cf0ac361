// The messages between actors of one process, as CAF sees them.
#pragma once

#include "messages.hpp"
#include "sink_driver.hpp"
#include "source_driver.hpp"
#include "subtask_loop.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace weir::inline v0 {

/// To a subtask: whom its channels lead to. Sent when all subtasks of the region are spawned.
struct connect_channels {
  std::unordered_map<channel_id, caf::actor> receivers; ///< of the channels out of it
  std::unordered_map<channel_id, caf::actor> senders;   ///< of the channels into it
};

/// To a subtask, from itself: the first message.
struct open_operators {};
/// To a subtask, from itself: do a piece of work.
struct do_step {};
/// To a subtask, from itself: a delay is over.
struct do_wake {};
/// To a subtask, from its outside waker.
struct outside_wake {};

/// To a store: make this durable; answered by `snapshot_stored`.
struct store_snapshot {
  subtask_snapshot snapshot;
  caf::actor from;
};
struct snapshot_stored {
  checkpoint_id checkpoint{0};
  write_result result = write_result::stored;
  std::chrono::microseconds taken{};
};
/// How far a restore has come.
struct load_position {
  std::size_t table = 0; ///< of the request's
  std::size_t chunk = 0; ///< of the table's
  friend bool operator==(const load_position&, const load_position&) = default;
};
/// To a store: send a part of the state of these tables as of a checkpoint; answered by a `state_part`. The store
/// remembers nothing of it: a subtask asks for as much as it has room for, and one that dies asks no more.
struct load_request {
  checkpoint_id checkpoint{0};
  std::vector<table_to_load> tables;
  key_group_range groups;
  load_position at;
  std::size_t part_bytes = 0; ///< the part ends with the chunk that reaches this
  caf::actor from;
};
struct state_piece {
  std::size_t table = 0;
  std::string schema; ///< JSON, of this and the following pieces; empty: as before
  std::uint64_t entries = 0;
  std::vector<std::byte> bytes; ///< a chunk
};
struct state_part {
  load_position at;
  std::shared_ptr<const std::vector<state_piece>> pieces;
  std::optional<load_position> next; ///< none: that was all
  chunk_amount whole;                ///< of the restore; in its first part
};
/// The store can't do what it was asked.
struct store_failed {
  std::string message;
};

/// To the coordinator, from a subtask: this actor does its blocking work. Sent before there is any, so that whoever
/// sees the subtask's end knows the companions that may outlive it.
struct companion_spawned {
  region_id region;
  subtask_id subtask;
  caf::actor companion;
};
/// To a source's companion: read once; answered by `companion_read` when there is something.
struct read_once {};
/// To a sink's companion.
struct sink_order {
  sink_command command;
};
/// From a sink's companion, when it has done one.
struct sink_reply {
  std::size_t stage = 0;
  sink_answer answer;
};
/// A companion has thrown.
struct companion_failed {
  std::size_t stage = 0;
  std::string kind;
  std::string message;
  bool usage = false;
};

/// Runs on the receiver's thread: how the coordinator and its own store, always in one process, exchange work.
struct run_there {
  std::shared_ptr<std::function<void()>> work;
};

} // namespace weir::inline v0

// Handed over within one process, never encoded: what goes to another node passes the link, as bytes.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::channel_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::credit_grant)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::channel_probe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::start_running)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::trigger_checkpoint)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::checkpoint_completed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::checkpoint_aborted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::drain_sources)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::resume_sources)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::stop_subtask)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::subtask_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::connect_channels)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::open_operators)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::do_step)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::do_wake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::outside_wake)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::store_snapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::snapshot_stored)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::load_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::state_part)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::store_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::companion_spawned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::read_once)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::companion_read)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::sink_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::sink_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::companion_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::run_there)
