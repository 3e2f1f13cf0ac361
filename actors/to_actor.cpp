#include "to_actor.hpp"

#include "../operators/flat_json.hpp"
#include "base64.hpp"
#include "delays.hpp"
#include "dispatch.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <utility>

namespace weir::inline v0::detail {

/// Tells once what became of an order; if nobody has said it, that its courier is gone.
class order_outcome {
public:
  explicit order_outcome(std::function<void(std::string)> done) : done_(std::move(done)) {}
  order_outcome(const order_outcome&) = delete;
  order_outcome& operator=(const order_outcome&) = delete;
  ~order_outcome() { tell("the actor that brings the deliveries ended without saying why"); }

  void tell(std::string what) {
    if (const auto done = std::exchange(done_, nullptr))
      done(std::move(what));
  }

private:
  std::function<void(std::string)> done_;
};

/// To a courier: bring these, in order.
struct courier_order {
  std::vector<prepared_output> outputs;
  std::shared_ptr<order_outcome> outcome;
};

} // namespace weir::inline v0::detail

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::detail::courier_order)

namespace weir::inline v0::detail {

namespace {

/// Brings the deliveries of one sink subtask, one after the other, and tells what became of them.
class courier final : public caf::event_based_actor {
public:
  courier(caf::actor_config& config, caf::actor to, std::chrono::milliseconds timeout, std::string run,
          std::string sink)
      : caf::event_based_actor(config),
        to_(std::move(to)),
        timeout_(std::min(timeout, longest_timeout)),
        run_(std::move(run)),
        sink_(std::move(sink)) {
    set_exit_handler([this](const caf::exit_msg&) { quit(); });
    set_error_handler([](const caf::error&) {});
  }

  const char* name() const override { return "weir.courier"; }

  void on_exit() override {
    orders_.clear();
    to_ = nullptr;
  }

protected:
  caf::behavior make_behavior() override {
    return {[this](const courier_order& order) {
      if (failed_)
        return; // nothing may come before what was not taken: a new attempt brings all of it
      orders_.push_back(order);
      if (orders_.size() == 1)
        bring();
    }};
  }

private:
  /// Brings what is next of the first order.
  void bring() {
    while (!orders_.empty()) {
      courier_order& order = orders_.front();
      if (next_ == order.outputs.size()) {
        order.outcome->tell({});
        orders_.pop_front();
        next_ = 0;
        continue;
      }
      return send(order.outputs[next_]);
    }
  }

  void send(const prepared_output& output) {
    std::vector<char> bytes;
    try {
      const flat_json object = flat_json::parse(output.id, "a prepared delivery");
      for (const std::byte b : from_base64(object.text("records")))
        bytes.push_back(static_cast<char>(b));
    } catch (const std::exception& e) {
      return fail(e.what());
    }
    request(to_, timeout_, delivery_atom::value, run_, sink_, output.subtask.value, output.checkpoint.value,
            std::move(bytes))
        .then(
            [this](delivered_atom) {
              ++next_;
              bring();
            },
            [this](const caf::error& why) { fail("the actor did not take a delivery: " + system().render(why)); });
  }

  /// The region fails, and this courier with it.
  void fail(const std::string& why) {
    failed_ = true;
    orders_.front().outcome->tell(why);
    orders_.clear();
    next_ = 0;
  }

  caf::actor to_;
  std::chrono::milliseconds timeout_;
  std::string run_;
  std::string sink_;
  std::deque<courier_order> orders_;
  std::size_t next_ = 0; ///< of the first order's outputs
  bool failed_ = false;
};

class actor_writer final : public sink_writer {
public:
  actor_writer(caf::actor courier, std::unique_ptr<delivery_buffer> buffer)
      : courier_(std::move(courier)), buffer_(std::move(buffer)) {}
  actor_writer(const actor_writer&) = delete;
  actor_writer& operator=(const actor_writer&) = delete;
  ~actor_writer() override { caf::anon_send_exit(courier_, caf::exit_reason::user_shutdown); }

  void write(any_batch& batch) override { buffer_->add(batch); }
  std::string prepare(checkpoint_id) override {
    const std::size_t records = buffer_->size();
    if (records == 0)
      return {};
    return flat_json{}.set("count", records).set("records", to_base64(buffer_->take())).to_string();
  }
  void commit(const std::vector<prepared_output>&) override {
    throw error({"to_actor", "commits that are made later", "one that waits", ""});
  }
  void commit_later(const std::vector<prepared_output>& prepared, std::function<void(std::string)> done) override {
    courier_order order{{}, std::make_shared<order_outcome>(std::move(done))};
    for (const prepared_output& output : prepared) {
      std::uint64_t& ordered = ordered_[output.subtask.value];
      if (output.checkpoint.value <= ordered)
        continue; // in an order before this one, which is done first
      ordered = output.checkpoint.value;
      order.outputs.push_back(output);
    }
    post(courier_, std::move(order));
  }

private:
  std::map<std::uint32_t, std::uint64_t> ordered_; ///< through which checkpoint, by the subtask that prepared it
  caf::actor courier_;
  std::unique_ptr<delivery_buffer> buffer_;
};

class actor_sink final : public any_sink {
public:
  actor_sink(caf::actor to, std::chrono::milliseconds timeout, std::unique_ptr<delivery_buffer> (*make_buffer)())
      : to_(std::move(to)), timeout_(timeout), make_buffer_(make_buffer) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] bool two_phase() const override { return true; }
  [[nodiscard]] bool commits_later() const override { return true; }
  [[nodiscard]] std::string guarantee() const override { return to_actor_guarantee(); }
  [[nodiscard]] std::unique_ptr<sink_writer> open_writer(const sink_start& start) const override {
    caf::actor brings = to_.home_system().spawn<courier>(to_, timeout_, start.identity.run, start.identity.name);
    return std::make_unique<actor_writer>(std::move(brings), make_buffer_());
  }

private:
  caf::actor to_;
  std::chrono::milliseconds timeout_;
  std::unique_ptr<delivery_buffer> (*make_buffer_)();
};

} // namespace

delivery_buffer::~delivery_buffer() = default;

std::shared_ptr<const any_sink> make_actor_sink(caf::actor to, std::chrono::milliseconds timeout,
                                                std::unique_ptr<delivery_buffer> (*make_buffer)()) {
  return std::make_shared<actor_sink>(std::move(to), timeout, make_buffer);
}

std::vector<error_text> to_actor_problems(const caf::actor& to) {
  if (to)
    return {};
  return {{"to_actor", "an actor", "an empty handle", "spawn the actor first"}};
}

std::string to_actor_guarantee() {
  return "Exactly once for an actor that remembers the last checkpoint it has of each sink and subtask; otherwise at "
         "least once.";
}

} // namespace weir::inline v0::detail
