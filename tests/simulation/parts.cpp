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
  look.at(step, ctx.key(), s.count, s.sum);
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
  look.at(step, ctx.key(), s.count, s.sum);
  ++s.count;
  s.sum += e.value;
  out(keyed_event(step, ctx.key(), s.count));
}

void unkeyed_step::process(const event& e, state& s, weir::context& ctx, weir::collector<event>& out) const {
  world::now().pass("process");
  look.at(step, ctx.identity(), s.seen);
  ++s.seen;
  if (!holds)
    return out(e);
  s.held.push_back(e);
  for (std::size_t i = 0; i + 1 < s.held.size(); ++i) // several, if states were merged
    out(s.held[i]);
  s.held.erase(s.held.begin(), s.held.end() - 1);
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
    world::now().pass("enumerate");
    std::vector<weir::source_split> splits;
    for (std::size_t i = 0; i != world::now().plan.steps[step_].splits.size(); ++i)
      splits.push_back({std::to_string(i), std::to_string(i)});
    return splits;
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<weir::source_split>&) const override {
    world::now().pass("check_restored");
    return {};
  }
  [[nodiscard]] std::unique_ptr<weir::split_reader>
  open_split(const weir::source_split& split, const std::string& position, weir::processing_time) const override {
    world::now().pass("open_split");
    return std::make_unique<event_reader>(step_, number_in(split.id), number_in(position));
  }

private:
  std::size_t step_;
};

} // namespace

std::shared_ptr<const weir::any_source> event_source::source() const {
  return std::make_shared<simulated_source>(step);
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
                       .aggregate(s.name, count_aggregator{i, s.modulus}, options)
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
      if (s.divides)
        streams[i] = input().process(s.name, dividing_step{{i, s.holds}}, options);
      else
        streams[i] = input().process(s.name, unkeyed_step{i, s.holds}, options);
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
      input().sink(s.name, ledger_sink{i}, options);
      break;
    }
  }
  return job;
}

} // namespace simulation
