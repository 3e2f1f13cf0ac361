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
/// To a store: send the state of these tables as of a checkpoint; answered by `state_chunk`s and a `state_end`.
struct load_request {
  checkpoint_id checkpoint{0};
  std::vector<table_to_load> tables;
  key_group_range groups;
  caf::actor from;
};
struct state_schema {
  std::size_t table = 0;
  std::string json;
};
struct state_chunk {
  std::size_t table = 0;
  std::shared_ptr<const std::vector<std::byte>> bytes;
};
struct state_end {};
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::state_schema)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::state_chunk)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::state_end)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::store_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::companion_spawned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::read_once)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::companion_read)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::sink_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::sink_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::companion_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::run_there)
