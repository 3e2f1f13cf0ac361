#include "subtask.hpp"

#include "actor_messages.hpp"
#include "dispatch.hpp"
#include "error_report.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/defaults.hpp>
#include <caf/event_based_actor.hpp>

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

/// Steps after which a subtask lets others run where the scheduler does not see to it.
constexpr int steps_before_yield = 8;
/// What a subtask asks the store for at a time. It has two parts at most: one that it loads, and one under way.
constexpr std::size_t load_part_bytes = std::size_t{2} << 20;
/// A scheduler that lets an actor handle more messages than this in a row is not trusted to be fair.
constexpr std::size_t fair_throughput = 1000;

/// Wakes a subtask by one message at a time. Holds it weakly.
class subtask_waker final : public waker {
public:
  explicit subtask_waker(caf::actor_addr subtask) : subtask_(std::move(subtask)) {}

  void wake() noexcept override {
    if (!asked_.exchange(true, std::memory_order_acq_rel))
      post(caf::actor_cast<caf::actor>(subtask_), outside_wake{});
  }
  /// Before the work that the message asks for: a call from now on is for what that does not see.
  void answered() noexcept { asked_.exchange(false, std::memory_order_acq_rel); }

private:
  caf::actor_addr subtask_;
  std::atomic<bool> asked_{false};
};

class subtask_actor final : public caf::event_based_actor, public subtask_surroundings {
public:
  subtask_actor(caf::actor_config& config, subtask_setup setup, subtask_peers peers)
      : caf::event_based_actor(config),
        peers_(std::move(peers)),
        env_(setup.env),
        id_(setup.id),
        region_(setup.region),
        attempt_(setup.attempt),
        name_("weir.subtask " + setup.task_name + " " + std::to_string(setup.id.index.value + 1) + "/" +
              std::to_string(setup.parallelism)),
        setup_(std::make_unique<subtask_setup>(std::move(setup))) {
    must_yield_ = caf::get_or(system().config(), "scheduler.max-throughput", caf::defaults::scheduler::max_throughput) >
                  fair_throughput;
    set_down_handler([this](const caf::down_msg& down) { on_companion_down(down.source); });
    // Whoever stops this actor from outside, a dying system for example: as if the coordinator had.
    set_exit_handler([this](const caf::exit_msg&) { stop(); });
    set_error_handler([this](const caf::error&) { stop(); });
  }

  const char* name() const override { return name_.c_str(); }

  void on_exit() override {
    // None are left after an end of its own. Whoever was killed leaves nothing behind that goes on.
    if (readers_)
      readers_->interrupt();
    for (const caf::actor& companion : companions_)
      anon_send_exit(companion, caf::exit_reason::kill);
    // Subtasks know each other by their channels: cycles of references, cut here.
    receivers_.clear();
    senders_.clear();
    peers_ = {};
    // A split may have one reader only, and handles on this actor may outlast it. The rest of the loop stays for as
    // long: a companion that is not dead yet uses its operators.
    if (loop_)
      loop_->let_go_of_source();
  }

protected:
  caf::behavior make_behavior() override {
    return {
        [this](open_operators) { guarded([this] { open(); }); },
        [this](connect_channels& channels) {
          receivers_ = std::move(channels.receivers);
          senders_ = std::move(channels.senders);
        },
        [this](const state_part& part) { guarded([&] { load(part); }); },
        [this](start_running) { guarded([this] { loop_->run(); }); },
        [this](channel_message& message) { guarded([&] { loop_->on_message(std::move(message)); }); },
        [this](const credit_grant& grant) { guarded([&] { loop_->on_grant(grant); }); },
        [this](const channel_probe& probe) { guarded([&] { loop_->on_probe(probe); }); },
        [this](const trigger_checkpoint& trigger) { guarded([&] { loop_->on_trigger(trigger); }); },
        [this](const checkpoint_completed& completed) { guarded([&] { loop_->on_completed(completed.checkpoint); }); },
        [this](const checkpoint_aborted& aborted) { guarded([&] { loop_->on_aborted(aborted.checkpoint); }); },
        [this](const snapshot_stored& stored) {
          guarded([&] { loop_->on_stored(stored.checkpoint, stored.result, stored.taken); });
        },
        [this](const store_failed& failed) {
          fail({"", "store", failed.message, false});
        },
        [this](drain_sources) { guarded([this] { loop_->on_drain(); }); },
        [this](resume_sources) { guarded([this] { loop_->on_resume(); }); },
        [this](companion_read& read) { guarded([&] { loop_->on_read(std::move(read)); }); },
        [this](sink_reply& reply) { guarded([&] { loop_->on_sink_answer(reply.stage, std::move(reply.answer)); }); },
        [this](companion_failed& failed) {
          fail({setup_view().stages.at(failed.stage).name, std::move(failed.kind), std::move(failed.message),
                failed.usage});
        },
        [this](do_wake) { guarded([this] { loop_->wake(); }); },
        [this](outside_wake) {
          waker_->answered();
          guarded([this] { loop_->on_outside_wake(); });
        },
        [this](do_step) {
          step_asked_ = false;
          guarded([this] { step_again_ = loop_->step(); });
        },
        [this](stop_subtask) { stop(); },
    };
  }

private:
  caf::actor this_actor() { return caf::actor_cast<caf::actor>(this); }

  const subtask_setup& setup_view() const { return loop_ ? loop_->setup() : *setup_; }

  void open() {
    loop_ = std::make_unique<subtask_loop>(std::move(*setup_), *this);
    const subtask_setup& setup = loop_->setup();
    std::vector<table_to_load> tables = loop_->open();
    if (setup.restored && !tables.empty()) {
      load_position_ = load_position{};
      tables_to_load_ = std::move(tables);
      ask_for_part();
    } else {
      loop_->loaded();
    }
  }

  void ask_for_part() {
    const subtask_setup& setup = setup_view();
    post(peers_.store, load_request{setup.restored_checkpoint, tables_to_load_, setup.key_groups, *load_position_,
                                    load_part_bytes, this_actor()});
  }

  /// Loads a part of the state, while the store reads the next one. A part that comes again changes nothing.
  void load(const state_part& part) {
    if (load_position_ != part.at)
      return;
    if (part.at == load_position{})
      loop_->expect_to_load(part.whole);
    load_position_ = part.next;
    if (load_position_)
      ask_for_part();
    for (const state_piece& piece : *part.pieces) {
      if (!piece.schema.empty())
        loop_->expect_schema(piece.table, piece.schema);
      loop_->load(piece.table, piece.entries, piece.bytes);
    }
    if (load_position_)
      return;
    tables_to_load_ = {};
    loop_->loaded();
  }

  /// Runs the loop's part of a message; afterwards there may be work. What user code throws ends this subtask.
  template <class Work>
  void guarded(Work work) {
    if (stopping_)
      return;
    step_again_ = true;
    try {
      work();
    } catch (...) {
      fail(failure_from_exception(std::current_exception(), loop_ ? loop_->current_operator() : ""));
      return;
    }
    if (step_again_)
      ask_step();
  }

  void ask_step() {
    if (std::exchange(step_asked_, true))
      return;
    // Where the scheduler never takes an actor off its worker while it has messages, the step goes round by the clock:
    // the mailbox runs empty, and others have their turn.
    if (must_yield_ && ++steps_ % steps_before_yield == 0)
      delayed_send(this, std::chrono::microseconds{0}, do_step{});
    else
      post(this_actor(), do_step{});
  }

  void fail(subtask_failed failure) {
    if (stopping_)
      return;
    failure.at = env_->monotonic();
    report(std::move(failure));
    stop();
  }

  void stop() {
    if (std::exchange(stopping_, true))
      return;
    if (readers_)
      readers_->interrupt();
    for (const caf::actor& companion : companions_)
      anon_send_exit(companion, caf::exit_reason::user_shutdown);
    quit_if_alone();
  }

  void on_companion_down(const caf::actor_addr& source) {
    std::erase_if(companions_, [&](const caf::actor& a) { return a.address() == source; });
    if (stopping_)
      return quit_if_alone();
    // One that threw has said so before, and this subtask is stopping. Anything else would leave it waiting for ever.
    fail({"", "died", "the actor that does its blocking work ended without saying why", false});
  }

  void quit_if_alone() {
    if (!companions_.empty())
      return;
    loop_.reset();
    quit();
  }

  caf::actor adopt(caf::actor companion) {
    monitor(companion);
    companions_.push_back(companion);
    post(peers_.coordinator, companion_spawned{region_, id_, companion});
    return companion;
  }

  // -- what the loop asks for -----------------------------------------------------------------------------------------

  void send(channel_message message) override {
    const caf::actor& to = receivers_.at(message.channel);
    post(to, std::move(message));
  }
  void grant(credit_grant grant) override { post(senders_.at(grant.channel), grant); }
  void probe(channel_probe probe) override { post(receivers_.at(probe.channel), probe); }
  void report(subtask_event event) override {
    post(peers_.coordinator, subtask_report{id_, region_, attempt_, std::move(event)});
  }
  void store(subtask_snapshot snapshot) override {
    post(peers_.store, store_snapshot{std::move(snapshot), this_actor()});
  }
  void wake_in(std::chrono::microseconds delay) override { delayed_send(this, delay, do_wake{}); }
  std::shared_ptr<waker> outside_waker() override {
    if (!waker_)
      waker_ = std::make_shared<subtask_waker>(address());
    return waker_;
  }

  void start_source(const any_source& source, std::vector<source_operator::unread_split> splits) override {
    readers_ = std::make_shared<split_readers>(source, std::move(splits));
    source_companion_ =
        adopt(spawn_source_companion(system(), peers_.blocking, readers_, *loop_->setup().stages.front().ports.front(),
                                     loop_->setup().batch_size, env_, this_actor()));
  }
  void ask_source() override { post(source_companion_, read_once{}); }
  void tell_sink(std::size_t stage, const any_sink& sink, sink_command command) override {
    auto [at, fresh] = sink_companions_.try_emplace(stage);
    if (fresh)
      at->second = adopt(spawn_sink_companion(system(), peers_.blocking, sink, stage, this_actor()));
    post(at->second, sink_order{std::move(command)});
  }

  subtask_peers peers_;
  std::shared_ptr<environment> env_;
  subtask_id id_;
  region_id region_;
  attempt_id attempt_;
  std::string name_; ///< "weir.subtask words 2/4"
  std::unique_ptr<subtask_setup> setup_;
  std::shared_ptr<subtask_waker> waker_;
  std::vector<table_to_load> tables_to_load_;
  std::optional<load_position> load_position_; ///< of the part that is to come
  std::unique_ptr<subtask_loop> loop_;
  std::unordered_map<channel_id, caf::actor> receivers_;
  std::unordered_map<channel_id, caf::actor> senders_;
  std::shared_ptr<split_readers> readers_;
  caf::actor source_companion_;
  std::map<std::size_t, caf::actor> sink_companions_;
  std::vector<caf::actor> companions_;
  bool must_yield_ = false;
  bool step_asked_ = false;
  bool step_again_ = false;
  bool stopping_ = false;
  int steps_ = 0;
};

} // namespace

caf::actor spawn_subtask(caf::actor_system& system, subtask_setup setup, subtask_peers peers) {
  caf::actor subtask = system.spawn<subtask_actor>(std::move(setup), std::move(peers));
  // Sent from here, so that it comes before anything that the holder of the handle sends.
  post(subtask, open_operators{});
  return subtask;
}

} // namespace weir::inline v0
