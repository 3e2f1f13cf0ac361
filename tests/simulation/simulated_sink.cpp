// The simulated sinks: what they prepare and commit goes into the world's ledgers, and is compared at once.
#include "simulation/parts.hpp"

#include <weir/operators/records.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace simulation {

namespace {

/// What a sink is given belongs to the model, and no more often than the model has it.
void note_output(world& w, std::size_t step, ledger& l, std::span<const event> events) {
  const simulation::step& s = w.plan.steps[step];
  l.committed.insert(l.committed.end(), events.begin(), events.end());
  if (!w.exact(step))
    return;
  if (l.outstanding.empty())
    for (const event& e : w.expected.outputs[step])
      ++l.outstanding[e];
  for (const event& e : events) {
    const auto found = l.outstanding.find(e);
    const char* wrong = found == l.outstanding.end()                           ? ", which the model does not have"
                        : s.style != sink_style::plain && found->second-- == 0 ? " more often than the model has it"
                                                                               : nullptr;
    if (wrong)
      w.violated("sink " + s.name + " has written number " + std::to_string(e.number) + " of origin " +
                 std::to_string(e.origin) + ", key " + std::to_string(e.key) + wrong);
  }
}

/// What a subtask prepared is committed in the order of its checkpoints, with none left out.
void check_no_gap(world& w, const std::string& sink, const ledger& l) {
  std::map<std::uint32_t, std::uint64_t> newest;
  for (const auto& [id, part] : l.prepared)
    if (part.committed)
      newest[part.subtask] = std::max(newest[part.subtask], part.checkpoint);
  for (const auto& [id, part] : l.prepared)
    if (!part.committed && !part.taken_back && part.checkpoint < newest[part.subtask])
      w.violated("subtask " + std::to_string(part.subtask) + " of sink " + sink + " has committed checkpoint " +
                 std::to_string(newest[part.subtask]) + ", but not what it prepared for " +
                 std::to_string(part.checkpoint));
}

class ledger_writer final : public weir::sink_writer {
public:
  ledger_writer(std::size_t step, const weir::sink_start& start)
      : step_(step),
        name_(world::now().plan.steps[step].name),
        two_phase_(world::now().plan.steps[step].style != sink_style::plain),
        subtask_(start.identity.subtask.value),
        life_(world::now().life),
        attempt_(start.identity.attempt.value) {
    world& w = world::now();
    w.pass("open_writer");
    if (!w.alive(life_))
      return;
    ledger& l = w.ledgers[name_];
    l.newest_attempt = std::max(l.newest_attempt, attempt_);
    for (auto& [id, part] : l.prepared)
      if (std::pair{part.life, part.attempt} < std::pair{life_, attempt_} &&
          part.checkpoint > start.restored_checkpoint.value)
        part.taken_back = true;
    commit_parts(start.pending);
  }

  void write(weir::any_batch& batch) override {
    world& w = world::now();
    w.pass("write");
    const auto& events = weir::as<event>(batch).values;
    if (two_phase_)
      written_.insert(written_.end(), events.begin(), events.end());
    else if (w.alive(life_))
      note_output(w, step_, w.ledgers[name_], {events.data(), events.size()});
  }

  std::string prepare(weir::checkpoint_id checkpoint) override {
    world& w = world::now();
    if (!two_phase_)
      return {};
    w.pass("prepare");
    if (written_.empty())
      return {};
    const std::string id = std::to_string(++w.prepared_ids);
    if (w.alive(life_))
      w.ledgers[name_].prepared.emplace(
          id, ledger::prepared_part{checkpoint.value, subtask_, life_, attempt_, std::move(written_)});
    written_.clear();
    w.pass("prepared");
    return id;
  }

  void commit(const std::vector<weir::prepared_output>& parts) override {
    world& w = world::now();
    w.pass("commit");
    commit_parts(parts);
    w.pass("committed");
  }

private:
  void commit_parts(const std::vector<weir::prepared_output>& parts) {
    world& w = world::now();
    if (!w.alive(life_) || parts.empty())
      return;
    ledger& l = w.ledgers[name_];
    if (attempt_ < l.newest_attempt)
      w.violated("sink " + name_ + " commits in attempt " + std::to_string(attempt_) + " while attempt " +
                 std::to_string(l.newest_attempt) + " runs");
    for (const weir::prepared_output& told : parts) {
      const auto found = l.prepared.find(told.id);
      if (found == l.prepared.end()) {
        w.violated("sink " + name_ + " is told to commit part " + told.id + ", which was never prepared");
        continue;
      }
      commit_part(l, found->second, told);
    }
    check_no_gap(w, name_, l);
  }

  void commit_part(ledger& l, ledger::prepared_part& part, const weir::prepared_output& told) {
    world& w = world::now();
    const std::string which = " part " + told.id + ", prepared for checkpoint " + std::to_string(part.checkpoint);
    if (part.checkpoint != told.checkpoint.value || part.subtask != told.subtask.value)
      w.violated("sink " + name_ + " is told to commit" + which + " by subtask " + std::to_string(part.subtask) +
                 ", as if it were for " + std::to_string(told.checkpoint.value) + " by subtask " +
                 std::to_string(told.subtask.value));
    if (part.checkpoint > w.newest_complete)
      w.violated("sink " + name_ + " commits" + which + ", which is not complete");
    if (part.taken_back)
      w.violated("sink " + name_ + " commits" + which + ", which an attempt has gone behind");
    if (part.committed)
      return;
    part.committed = true;
    l.newest_committed = std::max(l.newest_committed, part.checkpoint);
    note_output(w, step_, l, part.events);
  }

  std::size_t step_;
  std::string name_;
  bool two_phase_;
  std::uint32_t subtask_;
  std::uint64_t life_;
  std::uint64_t attempt_;
  std::vector<event> written_;
};

class simulated_sink final : public weir::any_sink {
public:
  explicit simulated_sink(std::size_t step) : step_(step) {}

  [[nodiscard]] bool blocking() const override { return style() == sink_style::two_phase_blocking; }
  [[nodiscard]] bool two_phase() const override { return style() != sink_style::plain; }
  [[nodiscard]] std::string guarantee() const override { return "For simulations."; }
  void prepare_output(const weir::sink_start& start) const override {
    world& w = world::now();
    w.pass("prepare_output");
    const std::string& name = w.plan.steps[step_].name;
    const ledger& l = w.ledgers[name];
    if (!w.dead && l.newest_committed > start.restored_checkpoint.value)
      w.violated("sink " + name + " has committed checkpoint " + std::to_string(l.newest_committed) +
                 ", but checkpoint " + std::to_string(start.restored_checkpoint.value) + " is restored");
  }
  [[nodiscard]] std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start& start) const override {
    return std::make_unique<ledger_writer>(step_, start);
  }

private:
  [[nodiscard]] sink_style style() const { return world::now().plan.steps[step_].style; }

  std::size_t step_;
};

} // namespace

std::shared_ptr<const weir::any_sink> ledger_sink::make() const {
  return std::make_shared<simulated_sink>(step);
}

} // namespace simulation
