#include "simulation/parts.hpp"

#include <weir/operators/records.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace simulation {

// -- operators --------------------------------------------------------------------------------------------------------

void keyed_step::process(const event& e, state& s, weir::keyed_context<std::uint32_t>& ctx,
                         weir::collector<event>& out) const {
  world& w = world::now();
  w.pass("process");
  ++s.count;
  s.sum += e.value;
  if (in_order && w.exactly_once) {
    const auto [last, fresh] = s.last.try_emplace(std::uint64_t{e.origin} << 32 | e.key, e.number);
    if (!fresh && e.number < last->second)
      w.violated("out of order at " + world::now().plan.steps[step].name + ": number " + std::to_string(e.number) +
                 " of origin " + std::to_string(e.origin) + ", key " + std::to_string(e.key) + ", came after " +
                 std::to_string(last->second));
    last->second = e.number;
  }
  if (goes_aside(e))
    ctx.emit(aside, e);
  out(keyed_event(step, ctx.key(), s.count));
}

void keyed_meeting::process_left(const event& e, state& s, weir::keyed_context<std::uint32_t>& ctx,
                                 weir::collector<event>& out) const {
  world::now().pass("process");
  ++s.count;
  s.sum += e.value;
  out(keyed_event(step, ctx.key(), s.count));
}

// -- the source -------------------------------------------------------------------------------------------------------

namespace {

std::uint32_t number_in(const std::string& text) {
  std::uint32_t n = 0;
  if (!text.empty())
    std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

class event_reader final : public weir::split_reader {
public:
  event_reader(std::size_t step, std::uint32_t split, std::uint32_t at) : step_(step), split_(split), at_(at) {}

  weir::read_status read(weir::any_collector& out, std::size_t max_records) override {
    world& w = world::now();
    w.pass("read");
    auto& typed = static_cast<weir::collector<event>&>(out);
    const simulation::step& s = w.plan.steps[step_];
    const std::uint64_t most = std::min<std::uint64_t>(max_records, s.splits[split_] - at_);
    const std::uint64_t n = most == 0 ? 0 : w.random.between(w.random.one_in(6) ? 0 : 1, most);
    for (std::uint64_t i = 0; i != n; ++i)
      typed(source_event(step_, split_, at_++, s.salt));
    if (at_ == s.splits[split_])
      return weir::read_status::end;
    if (!w.random.one_in(5))
      return weir::read_status::more;
    next_ = w.time->now() + std::chrono::microseconds{w.random.below(3000)};
    return weir::read_status::later;
  }
  [[nodiscard]] std::string position() const override { return std::to_string(at_); }
  [[nodiscard]] weir::processing_time next_at() const override { return next_; }

private:
  std::size_t step_;
  std::uint32_t split_;
  std::uint32_t at_;
  weir::processing_time next_{};
};

class simulated_source final : public weir::any_source {
public:
  explicit simulated_source(std::size_t step) : step_(step) {}

  [[nodiscard]] bool blocking() const override { return world::now().plan.steps[step_].blocking; }
  [[nodiscard]] bool one_split_at_a_time() const override { return world::now().plan.steps[step_].one_split_at_a_time; }
  [[nodiscard]] std::vector<weir::source_split> enumerate(std::uint32_t) const override {
    std::vector<weir::source_split> splits;
    for (std::size_t i = 0; i != world::now().plan.steps[step_].splits.size(); ++i)
      splits.push_back({std::to_string(i), std::to_string(i)});
    return splits;
  }
  [[nodiscard]] std::unique_ptr<weir::split_reader>
  open_split(const weir::source_split& split, const std::string& position, weir::processing_time) const override {
    world::now().pass("open_split");
    return std::make_unique<event_reader>(step_, number_in(split.id), number_in(position));
  }

private:
  std::size_t step_;
};

// -- the sink ---------------------------------------------------------------------------------------------------------

class ledger_writer final : public weir::sink_writer {
public:
  ledger_writer(std::string name, bool two_phase, const weir::sink_start& start)
      : name_(std::move(name)),
        two_phase_(two_phase),
        life_(world::now().life),
        attempt_(start.identity.attempt.value) {
    world& w = world::now();
    w.pass("open_writer");
    if (!w.alive(life_))
      return;
    ledger& l = w.ledgers[name_];
    l.newest_attempt = std::max(l.newest_attempt, attempt_);
    commit_parts(start.pending);
  }

  void write(weir::any_batch& batch) override {
    world& w = world::now();
    w.pass("write");
    const auto& events = weir::as<event>(batch).values;
    if (two_phase_)
      written_.insert(written_.end(), events.begin(), events.end());
    else if (w.alive(life_))
      w.ledgers[name_].committed.insert(w.ledgers[name_].committed.end(), events.begin(), events.end());
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
      w.ledgers[name_].prepared.emplace(id, ledger::prepared_part{checkpoint.value, std::move(written_)});
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
    for (const weir::prepared_output& part : parts) {
      if (part.checkpoint.value > w.newest_complete)
        w.violated("sink " + name_ + " commits what was prepared for checkpoint " +
                   std::to_string(part.checkpoint.value) + ", which is not complete");
      const auto found = l.prepared.find(part.id);
      if (found == l.prepared.end()) {
        w.violated("sink " + name_ + " is told to commit part " + part.id + ", which was never prepared");
        continue;
      }
      if (!l.committed_ids.insert(part.id).second)
        continue;
      l.newest_committed = std::max(l.newest_committed, found->second.checkpoint);
      l.committed.insert(l.committed.end(), found->second.events.begin(), found->second.events.end());
    }
  }

  std::string name_;
  bool two_phase_;
  std::uint64_t life_;
  std::uint64_t attempt_;
  std::vector<event> written_;
};

class simulated_sink final : public weir::any_sink {
public:
  simulated_sink(std::string name, sink_style style) : name_(std::move(name)), style_(style) {}

  [[nodiscard]] bool blocking() const override { return style_ == sink_style::two_phase_blocking; }
  [[nodiscard]] bool two_phase() const override { return style_ != sink_style::plain; }
  [[nodiscard]] std::string guarantee() const override { return "For simulations."; }
  void prepare_output(const weir::sink_start& start) const override {
    world& w = world::now();
    const ledger& l = w.ledgers[name_];
    if (!w.dead && l.newest_committed > start.restored_checkpoint.value)
      w.violated("sink " + name_ + " has committed checkpoint " + std::to_string(l.newest_committed) +
                 ", but checkpoint " + std::to_string(start.restored_checkpoint.value) + " is restored");
  }
  [[nodiscard]] std::unique_ptr<weir::sink_writer> open_writer(const weir::sink_start& start) const override {
    return std::make_unique<ledger_writer>(name_, two_phase(), start);
  }

private:
  std::string name_;
  sink_style style_;
};

} // namespace

std::shared_ptr<const weir::any_source> event_source::source() const {
  return std::make_shared<simulated_source>(step);
}

std::shared_ptr<const weir::any_sink> ledger_sink::make() const {
  return std::make_shared<simulated_sink>(name, style);
}

// -- the job ----------------------------------------------------------------------------------------------------------

weir::job make_job() {
  const pipeline& p = world::now().plan;
  weir::job job{"simulated"};
  std::vector<std::optional<weir::stream<event>>> streams(p.steps.size());
  for (std::size_t i = 0; i != p.steps.size(); ++i) {
    const step& s = p.steps[i];
    const weir::operator_options options{s.parallelism, s.fusion, {}};
    const auto input = [&](std::size_t n = 0) -> const weir::stream<event>& { return *streams[s.inputs.at(n)]; };
    const auto key = [modulus = s.modulus](const event& e) { return e.key % modulus; };
    switch (s.kind) {
    case step_kind::source:
      streams[i] = job.source(s.name, event_source{i}, options);
      break;
    case step_kind::map: {
      const auto function = [salt = s.salt](const event& e) {
        world::now().pass("process");
        return mapped(e, salt);
      };
      const auto from = s.dealt == dealing::rebalance   ? input().rebalance()
                        : s.dealt == dealing::broadcast ? input().broadcast()
                                                        : input();
      streams[i] = from.map(s.name, function, options);
      break;
    }
    case step_kind::filter:
      streams[i] = input().filter(
          s.name, [salt = s.salt](const event& e) { return kept(e, salt); }, options);
      break;
    case step_kind::flat_map:
      streams[i] = input().flat_map(
          s.name,
          [salt = s.salt](const event& e, weir::collector<event>& out) {
            for (std::uint32_t n = 0; n != copies_of(e, salt); ++n)
              out(mapped(e, salt));
          },
          options);
      break;
    case step_kind::count:
      streams[i] = input()
                       .key_by(key)
                       .count(s.name, options)
                       .map(
                           s.name + "-event",
                           [i](const weir::counted<std::uint32_t>& c) {
                             return keyed_event(i, c.key, static_cast<std::uint32_t>(c.count));
                           },
                           options);
      break;
    case step_kind::aggregate:
      streams[i] = input()
                       .key_by(key)
                       .aggregate(s.name, count_aggregator{}, options)
                       .map(
                           s.name + "-event",
                           [i](const weir::aggregated<std::uint32_t, std::uint32_t>& a) {
                             return keyed_event(i, a.key, a.value);
                           },
                           options);
      break;
    case step_kind::keyed_process:
      streams[i] = input().key_by(key).process(s.name, keyed_step{i, s.in_order}, options);
      break;
    case step_kind::side:
      streams[i] = input().side(weir::side_output<event>{"aside"});
      break;
    case step_kind::process:
      streams[i] = input().process(s.name, unkeyed_step{}, options);
      break;
    case step_kind::unite:
      streams[i] = input(0).union_with(input(1));
      break;
    case step_kind::connect_keyed:
      streams[i] = input(0).key_by(key).connect(input(1).key_by(key)).process(s.name, keyed_meeting{i}, options);
      break;
    case step_kind::connect:
      streams[i] = input(0).connect(input(1)).process(s.name, unkeyed_meeting{}, options);
      break;
    case step_kind::sink:
      input().sink(s.name, ledger_sink{s.name, s.style}, options);
      break;
    }
  }
  return job;
}

} // namespace simulation
