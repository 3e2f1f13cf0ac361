// What goes wrong in a simulated run, and when.
#include "simulation/simulated_run.hpp"

#include <weir/coordinator/coordinator_messages.hpp>

#include <caf/send.hpp>

#include <algorithm>
#include <future>
#include <set>
#include <utility>

namespace simulation {

using weir_test::faulty_disk;

namespace {

bool is_subtask(const std::string& name) {
  return name.compare(0, 13, "weir.subtask ") == 0;
}
bool is_companion(const std::string& name) {
  return name.compare(0, 9, "weir.sink") == 0 || name.compare(0, 11, "weir.source") == 0;
}

/// Failpoints that a start passes, more or less.
constexpr std::uint64_t failpoints_of_a_start = 16;
/// Writes, syncs and locks of a start, more or less.
constexpr std::uint64_t operations_of_a_start = 40;

} // namespace

bool lives(const caf::actor& actor) {
  return !caf::actor_cast<caf::abstract_actor*>(actor)->getf(caf::abstract_actor::is_terminated_flag);
}

void simulated_run::begin_troubles() {
  while (next_planned_ < planned_.size() && planned_[next_planned_].from_step <= result_.steps) {
    const planned_trouble t = planned_[next_planned_++];
    begin(t);
    if (dying_)
      return;
  }
}

void simulated_run::begin(const planned_trouble& t) {
  const std::string& what = t.kind->what;
  switch (t.kind->action) {
  case trouble_action::harm_message:
  case trouble_action::kill_before_sink:
    harms_.push_back(t);
    break;
  case trouble_action::throw_in_user_code:
    world_.arm_exception(what, 1 + t.skip);
    break;
  case trouble_action::kill_subtask:
  case trouble_action::kill_companion:
    if (kill_one(t.kind->action == trouble_action::kill_subtask ? is_subtask : is_companion)) {
      happened(*t.kind);
      region_is_harmed();
    }
    break;
  case trouble_action::lose_node:
    lose_node(t);
    break;
  case trouble_action::kill_store:
    if (kill_one([](const std::string& name) { return name == "weir.store"; })) {
      before_.store_killed = true;
      happened(*t.kind);
    }
    break;
  case trouble_action::kill_coordinator:
    if (coordinator_) {
      caf::anon_send_exit(*coordinator_, caf::exit_reason::kill);
      before_.coordinator_killed = true;
      happened(*t.kind);
    }
    break;
  case trouble_action::lose_power:
    lose_power_ = true; // counted when it happens
    die();
    break;
  case trouble_action::die:
    happened(*t.kind);
    die();
    break;
  case trouble_action::die_at_failpoint:
    // Some are passed a thousand times a run, some once: half of the deaths are at one that is chosen.
    die_at_ = random_.one_in(2) && !failpoints_in_reach().empty() ? random_.pick(failpoints_in_reach()) : std::string{};
    die_in_ = 1 + (die_at_.empty() ? t.skip : random_.below(3));
    break;
  case trouble_action::harm_disk:
    harm_disk(t);
    break;
  case trouble_action::ask:
    ask(t);
    break;
  }
}

/// Something may go wrong while the process starts.
void simulated_run::arm_for_start() {
  if (starts_to_trouble_ == 0 || result_.steps >= troubles_end || !random_.one_in(result_.lives == 1 ? 8 : 2))
    return;
  --starts_to_trouble_;
  const trouble_kind& kind = random_.pick(start_troubles());
  if (needs_power_loss(kind) && !may_lose_power_)
    return;
  say("planned for this start: " + kind.name);
  die_at_.clear();
  switch (kind.action) {
  case trouble_action::lose_power:
    lose_power_ = true;
    die_in_ = 1 + random_.below(failpoints_of_a_start);
    break;
  case trouble_action::die_at_failpoint:
    die_in_ = 1 + random_.below(failpoints_of_a_start);
    break;
  case trouble_action::throw_in_user_code:
    world_.arm_exception(kind.what, 1 + random_.below(2));
    break;
  default:
    harm_disk({&kind, 0, random_.below(operations_of_a_start)});
    break;
  }
}

/// What was meant for the start and found no opportunity there is no fault of the disk later.
void simulated_run::disarm_after_start() {
  disarm_disk();
  if (!dying_)
    lose_power_ = false;
}

void simulated_run::happened(const trouble_kind& kind) {
  world_.happened(kind.name);
  say("TROUBLE: " + kind.name);
  if (const std::string_view also = in_a_restart(kind.action); world_.restarting && !also.empty())
    world_.happened(std::string{also});
}

/// Regions have a reason to fail. Sometimes the next trouble does not wait until they run again.
void simulated_run::region_is_harmed(std::uint64_t regions) {
  before_.region_killers += regions;
  if (seconds_to_trouble_ == 0 || result_.steps + 500 > troubles_end || !random_.one_in(2))
    return;
  --seconds_to_trouble_;
  const planned_trouble second{&draw_second_trouble(random_), result_.steps + random_.below(250), random_.below(4)};
  if (needs_power_loss(*second.kind) && !may_lose_power_)
    return;
  say("planned: " + second.kind->name + " from step " + std::to_string(second.from_step));
  const auto after = [](const planned_trouble& a, const planned_trouble& b) { return a.from_step < b.from_step; };
  planned_.insert(
      std::upper_bound(planned_.begin() + static_cast<std::ptrdiff_t>(next_planned_), planned_.end(), second, after),
      second);
}

bool simulated_run::kill_one(const std::function<bool(const std::string& name)>& which) {
  std::vector<caf::actor> candidates;
  for (const auto& [name, actor] : actors_)
    if (which(name) && lives(actor))
      candidates.push_back(actor);
  if (candidates.empty())
    return false;
  caf::anon_send_exit(random_.pick(candidates), caf::exit_reason::kill);
  return true;
}

std::uint64_t simulated_run::node_of(const std::string& subtask) const {
  std::uint32_t hash = node_salt_;
  for (const char c : subtask)
    hash = jumble(hash, static_cast<unsigned char>(c));
  return hash % nodes_;
}

void simulated_run::lose_node(const planned_trouble& t) {
  const std::uint64_t node = random_.below(nodes_);
  std::set<weir::region_id> regions;
  for (const auto& [name, actor] : actors_)
    if (const auto found = subtasks_.find(name); found != subtasks_.end())
      if (node_of(plan_.name_of(found->second)) == node && lives(actor)) {
        caf::anon_send_exit(actor, caf::exit_reason::kill);
        regions.insert(plan_.region_of(found->second));
      }
  if (regions.empty())
    return;
  happened(*t.kind);
  region_is_harmed(regions.size());
}

bool simulated_run::between_nodes(weir::channel_id channel) const {
  if (channel.value >= plan_.channels.size())
    return false;
  const weir::channel_plan& c = plan_.channel(channel);
  return node_of(plan_.name_of(c.from)) != node_of(plan_.name_of(c.to));
}

std::optional<weir::region_id> simulated_run::region_of(const std::string& actor_name) const {
  const auto found = subtasks_.find(actor_name);
  return found == subtasks_.end() ? std::nullopt : std::optional{plan_.region_of(found->second)};
}

/// Whether the message is lost.
bool simulated_run::harm(caf::scheduled_actor& receiver, const seen_message& message) {
  const auto channel = message.channel();
  const auto lose = [&message] {
    message.lose();
    return true;
  };
  if (deaf_for_ != 0 && message.grant && channel == deaf_) {
    --deaf_for_;
    credits_.disturbed(*message.grant);
    return lose();
  }
  const auto found = std::find_if(harms_.begin(), harms_.end(),
                                  [&](const planned_trouble& t) { return t.kind->what == message.kind; });
  if (found == harms_.end() || (channel && !between_nodes(*channel)))
    return false;
  if (found->skip != 0) {
    --found->skip;
    return false;
  }
  const trouble_kind& kind = *found->kind;
  if (kind.how == mishap::from_old_attempt) {
    if (!keep_for_next_attempt(receiver, message, kind))
      return false;
    harms_.erase(found);
    if (message.grant)
      credits_.disturbed(*message.grant);
    // Some get through, too: the one that is late is then a repeat.
    return (message.snapshot || random_.one_in(2)) && lose();
  }
  harms_.erase(found);
  happened(kind);
  if (message.on_channel)
    region_is_harmed();
  if (message.grant)
    credits_.disturbed(*message.grant);
  auto to = caf::actor_cast<caf::actor>(&receiver);
  if (kind.how == mishap::lost) {
    if (message.grant) { // a later grant makes up for one: several in a row are lost
      deaf_ = channel;
      deaf_for_ = random_.below(4);
    }
    return lose();
  }
  auto send = message.copy({});
  if (kind.how == mishap::repeated && random_.one_in(2))
    send(to);
  else
    late_.push_back({result_.steps + random_.between(1, 400), &kind, receiver.name(), to, std::move(send)});
  return kind.how == mishap::late && lose();
}

/// The message will come to whoever has its receiver's place in the next attempt. Its region is harmed, so that there
/// is one; counted is the trouble when it comes.
bool simulated_run::keep_for_next_attempt(caf::scheduled_actor& receiver, const seen_message& message,
                                          const trouble_kind& kind) {
  late_message late;
  late.kind = &kind;
  late.name = receiver.name();
  late.waits = true;
  late.receiver = receiver.id();
  if (const auto attempt = message.attempt()) {
    std::tie(late.region, late.attempt) = *attempt;
  } else if (const auto region = region_of(late.name)) {
    late.region = *region;
  } else {
    return false;
  }
  const bool killed = kill_one([&](const std::string& name) {
    const auto region = region_of(name);
    return region && *region == late.region;
  });
  if (!killed)
    return false;
  late.send = message.copy(listener_);
  say("kept for the next attempt: " + message.text());
  late_.push_back(std::move(late));
  region_is_harmed();
  return true;
}

/// Who has the place of a message's receiver in a later attempt; nobody while there is no such attempt.
caf::actor simulated_run::receiver_in_next_attempt(const late_message& m) const {
  if (m.name == "weir.coordinator" || m.name == "weir.store") {
    const auto loaded = loaded_.find(m.region);
    if (loaded == loaded_.end() || loaded->second <= m.attempt)
      return {};
    if (m.name == "weir.coordinator")
      return coordinator_.value_or(caf::actor{});
  }
  const auto found = actors_.find(m.name);
  if (found == actors_.end() || !lives(found->second) || (m.name != "weir.store" && found->second.id() == m.receiver))
    return {};
  return found->second;
}

void simulated_run::send_late() {
  for (std::size_t i = 0; i != late_.size();) {
    late_message& m = late_[i];
    if (m.waits && receiver_in_next_attempt(m)) {
      m.waits = false;
      m.at_step = result_.steps + (random_.one_in(2) ? 0 : random_.below(200));
    }
    const bool old = m.receiver != 0;
    const caf::actor to = old ? receiver_in_next_attempt(m) : m.to;
    if (m.waits || m.at_step > result_.steps || !to) {
      ++i;
      continue;
    }
    if (old)
      happened(*m.kind);
    say("sent late: " + m.kind->what);
    m.send(to);
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void simulated_run::harm_disk(const planned_trouble& t) {
  using operation = faulty_disk::operation;
  using trouble = faulty_disk::trouble;
  faulty_disk::fault f;
  f.of = operation::write;
  f.nth = static_cast<long>(1 + t.skip);
  const std::string& what = t.kind->what;
  if (what == "write failed for good") {
    f.from_then_on = true;
  } else if (what == "sync failed") {
    f.of = operation::sync;
  } else if (what == "disk full") {
    f.what = trouble::full;
    f.from_then_on = random_.one_in(2);
  } else if (what == "write torn") {
    f.what = trouble::torn;
  } else if (what == "write shortened") {
    f.what = trouble::shortened;
  } else if (what == "lock busy") {
    f.of = operation::lock;
    f.what = trouble::delayed;
  }
  disk_watches_.push_back({t.kind, disk_.arm(f)});
}

/// Counts what the disk has really done.
void simulated_run::watch_disk() {
  std::erase_if(disk_watches_, [this](const disk_watch& w) {
    if (disk_.struck(w.fault) == 0)
      return false;
    happened(*w.kind);
    say(disk_.last_trouble());
    return true;
  });
}

void simulated_run::disarm_disk() {
  disk_.disarm();
  disk_watches_.clear();
}

void simulated_run::ask(const planned_trouble& t) {
  if (!coordinator_)
    return;
  using kind = weir::job_request::kind;
  const std::string& what = t.kind->what;
  happened(*t.kind);
  if (what == "checkpoint") {
    auto answer = std::make_shared<std::promise<weir::checkpoint_id>>();
    demands_.push_back({answer->get_future(), newest_opened_});
    caf::anon_send(*coordinator_, weir::job_request{kind::checkpoint, std::move(answer)});
  } else
    caf::anon_send(*coordinator_, weir::job_request{what == "stop"    ? kind::stop
                                                    : what == "drain" ? kind::drain
                                                                      : kind::cancel,
                                                    nullptr});
  drained_ = drained_ || what == "drain";
}

void simulated_run::at_failpoint(std::string_view name) {
  if (die_in_ == 0 || dying_ || (!die_at_.empty() && name != die_at_) || --die_in_ != 0)
    return;
  world_.happened(world_.starting ? "process died in a start" : "process died at a failpoint");
  world_.happened("died at " + std::string{name});
  if (world_.restarting && !world_.starting)
    world_.happened(std::string{in_a_restart(trouble_action::die_at_failpoint)});
  say("TROUBLE: the process dies at " + std::string{name});
  die();
}

void simulated_run::give_up_troubles() {
  next_planned_ = planned_.size();
  harms_.clear();
  deaf_for_ = 0;
  late_.clear();
  world_.disarm_exceptions();
  disarm_disk();
  die_in_ = 0;
  lose_power_ = false;
  troubles_ended_us_ = world_.time->now_us();
}

} // namespace simulation
