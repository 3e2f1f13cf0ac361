// Jobs that are fed by actors, and jobs that deliver to one: those die, ask too much, refuse, and do not answer.
#include "composed/composed_jobs.hpp"

#include <weir/caf.hpp>
#include <weir/weir.hpp>

#include <caf/event_based_actor.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>

namespace composed {

namespace {

using namespace std::chrono_literals;
using simulation::chance;

using tick_atom = caf::atom_constant<caf::atom("tick")>;

/// Counts actors from their spawning to their end.
class actor_count {
public:
  caf::actor counted(caf::actor spawned) {
    ++*count_;
    spawned->attach_functor([count = count_] { --*count; });
    return spawned;
  }
  [[nodiscard]] std::size_t now() const { return *count_; }

private:
  std::shared_ptr<std::size_t> count_ = std::make_shared<std::size_t>(0);
};

// -- actor_source

struct fed_record {
  std::string producer;
  std::uint64_t number = 0;
  WEIR_FIELDS(producer, number)
};

constexpr std::uint64_t fed_records = 40; ///< of each producer

/// What the world sees of a producer: how many of its records its present sender believes to be taken.
struct producer_view {
  std::uint64_t taken = 0;
  std::string failure;
};

/// Feeds with `weir::feeder`, a few records at a time.
caf::behavior patient_producer(caf::event_based_actor* self, const caf::actor& inbox, const std::string& name,
                               std::shared_ptr<producer_view> view) {
  weir::feeder_options options;
  options.records_a_feed = 5;
  options.timeout = 20ms;
  options.ask_interval = 2ms;
  auto feed = std::make_shared<weir::feeder<fed_record>>(
      self, inbox, name,
      [name, view](weir::feeder<fed_record>& to) {
        while (to.kept() < 12 && to.next() <= fed_records)
          to.feed({name, to.next()});
        view->taken = to.next() - 1 - to.unsent();
      },
      options);
  feed->on_failure([view](const std::string& why) { view->failure = why; });
  return caf::behavior{feed->handlers().or_else(
      [feed, view](const caf::actor& other) {
        view->taken = feed->durable(); // what is not may be lost with the process that has taken it
        feed->connect(other);
      },
      [](tick_atom) {})};
}

/// Keeps to nothing but the protocol: sends records again and again, too early, and as bytes.
class wild_producer {
public:
  wild_producer(caf::event_based_actor* self, caf::actor inbox, std::string name, std::shared_ptr<producer_view> view,
                chance random)
      : self_(self), inbox_(std::move(inbox)), name_(std::move(name)), view_(std::move(view)), random_(random) {
    view_->taken = 0;
  }

  static caf::behavior run(caf::event_based_actor* self, const caf::actor& inbox, const std::string& name,
                           const std::shared_ptr<producer_view>& view, chance random) {
    auto me = std::make_shared<wild_producer>(self, inbox, name, view, random);
    return {[me](tick_atom) { me->send(); }, [me](weir::durable_atom, const std::string&, std::uint64_t) {},
            [me](weir::rewound_atom, const std::string&, std::uint64_t through) {
              me->view_->taken = std::min(me->view_->taken, through);
            },
            [me](const caf::actor& other) {
              me->inbox_ = other;
              me->view_->taken = 0;
            }};
  }

private:
  void send() {
    const std::uint64_t first = random_.between(1, std::min(view_->taken + 2, fed_records));
    const std::uint64_t last = std::min(first + random_.below(8), fed_records);
    std::vector<fed_record> records;
    for (std::uint64_t n = first; n <= last; ++n)
      records.push_back({name_, n});
    const auto taken = [this, to = inbox_](weir::taken_atom, std::uint64_t expected) {
      if (to == inbox_)
        view_->taken = expected - 1;
    };
    const auto refused = [this, to = inbox_](const caf::error& why) {
      if (to == inbox_ && why.category() == weir::feed_error_category &&
          why.code() == static_cast<std::uint8_t>(weir::feed_error::gap))
        view_->taken = why.context().get_as<std::uint64_t>(1) - 1;
    };
    if (random_.one_in(2))
      self_->request(inbox_, 5ms, weir::make_feed(name_, first, std::move(records))).then(taken, refused);
    else
      self_->request(inbox_, 5ms, weir::feed_atom::value, name_, first, weir::make_feed_bytes(records))
          .then(taken, refused);
  }

  caf::event_based_actor* self_;
  caf::actor inbox_;
  std::string name_;
  std::shared_ptr<producer_view> view_;
  chance random_;
};

/// Three producers, whose actors outlive the processes of the job unless they are killed; then others follow them.
class feeding_world final : public world {
public:
  explicit feeding_world(chance random) : random_(random), kills_left_(random_.below(4)) {
    for (const char* name : {"a", "b", "c"})
      producers_.push_back({name, random_.one_in(2), {}, std::make_shared<producer_view>()});
  }

  void begin_life(caf::actor_system& system) override {
    system_ = &system;
    source_.emplace(system, weir::feed_limits{.queue_records = 16});
    closed_ = false;
    for (producer& each : producers_)
      if (each.actor && random_.one_in(2))
        caf::anon_send(each.actor, source_->inbox());
      else
        spawn(each);
  }
  void end_life() override { source_.reset(); }
  void end() override {
    for (producer& each : producers_)
      caf::anon_send_exit(std::exchange(each.actor, {}), caf::exit_reason::kill);
  }
  void act() override {
    producer& some = random_.pick(producers_);
    if (kills_left_ != 0 && random_.one_in(20)) {
      --kills_left_;
      spawn(some);
    }
    caf::anon_send(some.actor, tick_atom::value);
    const bool all_taken = std::all_of(producers_.begin(), producers_.end(),
                                       [](const producer& each) { return each.view->taken == fed_records; });
    if (all_taken && !closed_ && random_.one_in(5)) {
      source_->close();
      closed_ = true;
    }
  }
  [[nodiscard]] std::size_t actors() const override { return count_.now(); }

  [[nodiscard]] const weir::actor_source<fed_record>& source() const { return *source_; }
  [[nodiscard]] std::string fault(const std::vector<std::string>& found) const {
    std::vector<std::string> wanted;
    for (const producer& each : producers_) {
      if (!each.view->failure.empty())
        return each.view->failure;
      for (std::uint64_t n = 1; n <= fed_records; ++n)
        wanted.push_back(each.name + " " + std::to_string(n));
    }
    return same_lines(found, wanted);
  }

private:
  struct producer {
    std::string name;
    bool patient = true;
    caf::actor actor;
    std::shared_ptr<producer_view> view;
  };

  /// A sender for a producer, instead of the one that it may have.
  void spawn(producer& which) {
    if (which.actor)
      caf::anon_send_exit(which.actor, caf::exit_reason::kill);
    *which.view = {0, which.view->failure};
    // What the former one hears until it is dead is not to be seen.
    which.view = std::make_shared<producer_view>(*which.view);
    which.actor = count_.counted(
        which.patient ? system_->spawn(patient_producer, source_->inbox(), which.name, which.view)
                      : system_->spawn(wild_producer::run, source_->inbox(), which.name, which.view, random_.fork()));
  }

  chance random_;
  std::uint64_t kills_left_;
  caf::actor_system* system_ = nullptr;
  std::optional<weir::actor_source<fed_record>> source_;
  std::vector<producer> producers_;
  actor_count count_;
  bool closed_ = false;
};

/// Says of each record which it is, and whether it comes in its turn.
struct check_order {
  struct state {
    std::uint64_t seen = 0;
    WEIR_FIELDS(seen)
  };
  void process(const fed_record& record, state& s, weir::keyed_context<std::string>& ctx,
               weir::collector<std::string>& out) const {
    out(ctx.key() + " " + std::to_string(record.number) + (record.number == ++s.seen ? "" : " out of turn"));
  }
};

composition fed() {
  return {"actor_source",
          [](weir::job& job, const surroundings& around) {
            job.source("fed", around.in<feeding_world>().source())
                .key_by([](const fed_record& r) { return r.producer; })
                .process("order", check_order{})
                .sink("out", to_ledger{around.out});
          },
          [](const surroundings& around) { return around.in<feeding_world>().fault(around.out->committed); },
          {},
          [](const surroundings&, chance random) { return std::make_shared<feeding_world>(random); }};
}

// -- to_actor

constexpr std::uint64_t delivered_records = 90;

/// What a receiving actor has. It is as durable as a program's own database: the actor's successors have it, too.
struct received {
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> last; ///< checkpoint by sink and subtask
  std::map<weir::delivery_id, std::vector<std::uint64_t>> all;
  std::vector<std::string> lines;
  std::string fault;
  std::uint64_t moods_left = 0; ///< deliveries that may still be refused or not answered

  void take(const weir::delivery<std::uint64_t>& got) {
    std::uint64_t& newest = last[{got.id.sink, got.id.subtask}];
    if (got.id.checkpoint <= newest) {
      const auto before = all.find(got.id);
      if (before == all.end())
        fault = "a delivery comes after a later one";
      else if (before->second != got.records)
        fault = "a delivery comes again with other records";
      return;
    }
    newest = got.id.checkpoint;
    all.emplace(got.id, got.records);
    for (const std::uint64_t n : got.records)
      lines.push_back(std::to_string(n));
  }
};

caf::behavior polite_receiver(caf::event_based_actor*, const std::shared_ptr<received>& into) {
  return caf::behavior{
      weir::on_delivery<std::uint64_t>([into](const weir::delivery<std::uint64_t>& got) { into->take(got); })};
}

/// Now and then refuses a delivery, or does not answer, whether it has taken it or not.
caf::behavior moody_receiver(caf::event_based_actor* self, const std::shared_ptr<received>& into, chance random) {
  auto unanswered = std::make_shared<std::vector<caf::response_promise>>();
  return {[=](weir::delivery_atom, const std::string& run, const std::string& sink, std::uint32_t subtask,
              std::uint64_t checkpoint, const std::vector<char>& bytes) mutable {
    caf::response_promise answer = self->make_response_promise();
    const std::uint64_t mood = into->moods_left == 0 ? 9 : random.below(10);
    if (mood < 3)
      --into->moods_left;
    if (mood != 0 && mood != 1)
      into->take({{run, sink, subtask, checkpoint},
                  weir::from_bytes<std::vector<std::uint64_t>>(std::as_bytes(std::span<const char>{bytes}))});
    if (mood == 0)
      answer.deliver(caf::make_error(caf::sec::runtime_error, "not now"));
    else if (mood < 3)
      unanswered->push_back(answer);
    else
      answer.deliver(weir::delivered_atom::value);
    return answer;
  }};
}

class receiving_world final : public world {
public:
  explicit receiving_world(chance random) : random_(random) { got_->moods_left = random_.below(5); }

  void begin_life(caf::actor_system& system) override {
    receiver_ = count_.counted(random_.one_in(3) ? system.spawn(polite_receiver, got_)
                                                 : system.spawn(moody_receiver, got_, random_.fork()));
  }
  void end_life() override { caf::anon_send_exit(std::exchange(receiver_, {}), caf::exit_reason::kill); }
  [[nodiscard]] std::size_t actors() const override { return count_.now(); }

  [[nodiscard]] const caf::actor& receiver() const { return receiver_; }
  [[nodiscard]] std::string fault() const {
    if (!got_->fault.empty())
      return got_->fault;
    std::vector<std::string> wanted;
    for (std::uint64_t n = 0; n != delivered_records; ++n)
      wanted.push_back(std::to_string(n));
    return same_lines(got_->lines, wanted);
  }

private:
  chance random_;
  caf::actor receiver_;
  actor_count count_;
  std::shared_ptr<received> got_ = std::make_shared<received>();
};

composition delivered() {
  return {"to_actor",
          [](weir::job& job, const surroundings& around) {
            job.source(
                   "numbers",
                   weir::generator<std::uint64_t>{delivered_records, [](std::uint64_t n) { return n; }}.rate(20'000))
                .sink("actor", weir::to_actor{around.in<receiving_world>().receiver(), 5ms});
          },
          [](const surroundings& around) { return around.in<receiving_world>().fault(); },
          {},
          [](const surroundings&, chance random) { return std::make_shared<receiving_world>(random); }};
}

} // namespace

std::vector<composition> actor_jobs() {
  return {fed(), delivered()};
}

} // namespace composed
