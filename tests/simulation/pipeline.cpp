#include "simulation/pipeline.hpp"

#include <algorithm>
#include <iterator>

namespace simulation {

const char* to_text(step_kind kind) {
  switch (kind) {
  case step_kind::source:
    return "source";
  case step_kind::map:
    return "map";
  case step_kind::filter:
    return "filter";
  case step_kind::flat_map:
    return "flat_map";
  case step_kind::count:
    return "count";
  case step_kind::aggregate:
    return "aggregate";
  case step_kind::keyed_process:
    return "keyed_process";
  case step_kind::side:
    return "side";
  case step_kind::process:
    return "process";
  case step_kind::unite:
    return "unite";
  case step_kind::connect_keyed:
    return "connect_keyed";
  case step_kind::connect:
    return "connect";
  case step_kind::sink:
    return "sink";
  }
  return "?";
}

std::string pipeline::to_text() const {
  std::string text;
  for (const step& s : steps) {
    text += "  " + s.name + " " + simulation::to_text(s.kind);
    for (const std::size_t input : s.inputs)
      text += " <" + steps[input].name;
    if (!s.splits.empty()) {
      text += " splits";
      for (const std::uint32_t n : s.splits)
        text += " " + std::to_string(n);
    }
    if (s.parallelism)
      text += " x" + std::to_string(*s.parallelism);
    if (s.dealt != dealing::forward)
      text += s.dealt == dealing::rebalance ? " rebalanced" : " broadcast";
    if (s.kind == step_kind::sink)
      text += s.style == sink_style::plain ? " plain" : " two-phase";
    if (s.blocking || s.style == sink_style::two_phase_blocking)
      text += " blocking";
    if (s.holds)
      text += " holds one";
    if (s.divides)
      text += " divides";
    text += s.in_order ? " ordered\n" : "\n";
  }
  return text;
}

// -- drawing ----------------------------------------------------------------------------------------------------------

namespace {

/// A stream while a pipeline is drawn.
struct open_stream {
  std::size_t step;
  bool in_order;
  std::set<std::uint32_t> origins;
  /// What the parallelism is said to be; streams of different ones are dealt out anew. 1000: of several.
  std::uint32_t parallelism;
  /// The streams that this one is a union of: a union takes each once.
  std::set<std::size_t> members = {};
};
constexpr std::uint32_t several = 1000;

class drawing {
public:
  explicit drawing(chance& random) : random_(random) {}

  pipeline draw() {
    const std::uint64_t sources = random_.between(1, 3);
    for (std::uint64_t i = 0; i != sources; ++i)
      add_source();
    const std::uint64_t more = random_.between(1, 7);
    for (std::uint64_t i = 0; i != more; ++i)
      add_step();
    for (const open_stream& stream : std::vector<open_stream>(streams_))
      if (unread_.count(stream.step) != 0)
        add_sink(stream);
    if (random_.one_in(4))
      add_sink(random_.pick(streams_));
    return std::move(p_);
  }

private:
  step& add(step_kind kind, std::vector<std::size_t> inputs) {
    step s;
    s.kind = kind;
    s.name = std::string{simulation::to_text(kind)} + "-" + std::to_string(p_.steps.size());
    s.inputs = std::move(inputs);
    s.salt = static_cast<std::uint32_t>(random_.next());
    s.modulus = static_cast<std::uint32_t>(random_.between(1, 7));
    if (random_.one_in(4))
      s.parallelism = static_cast<std::uint32_t>(random_.between(1, 5));
    if (random_.one_in(6))
      s.fusion = random_.one_in(2);
    for (const std::size_t input : s.inputs)
      unread_.erase(input);
    p_.steps.push_back(std::move(s));
    return p_.steps.back();
  }

  void open(const step& s, open_stream stream) {
    stream.step = static_cast<std::size_t>(&s - p_.steps.data());
    if (s.kind != step_kind::unite && s.kind != step_kind::side)
      stream.parallelism = s.parallelism.value_or(0);
    if (s.kind != step_kind::unite)
      stream.members = {stream.step};
    unread_.insert(stream.step);
    streams_.push_back(std::move(stream));
  }

  void add_source() {
    step& s = add(step_kind::source, {});
    open_stream stream{p_.steps.size() - 1, true, {}, 0};
    const std::uint64_t splits = random_.between(1, 4);
    for (std::uint32_t i = 0; i != splits; ++i) {
      s.splits.push_back(static_cast<std::uint32_t>(random_.one_in(8) ? 0 : random_.between(1, 40)));
      stream.origins.insert(static_cast<std::uint32_t>(p_.steps.size() - 1) * 16 + i);
    }
    s.blocking = random_.one_in(3);
    s.one_split_at_a_time = random_.one_in(2);
    open(s, std::move(stream));
  }

  /// Whether what goes from one step to the next by "forward" stays in order.
  static bool keeps_order(const open_stream& from, const step& to) {
    return from.in_order && from.parallelism == to.parallelism.value_or(0);
  }

  void add_step() {
    const open_stream from = random_.pick(streams_);
    switch (random_.below(11)) {
    case 0:
    case 1: {
      step& s = add(step_kind::map, {from.step});
      if (const std::uint64_t how = random_.below(5); how == 0) {
        s.dealt = dealing::rebalance;
      } else if (how == 1) {
        s.dealt = dealing::broadcast; // once to every subtask: their number is part of the result
        s.parallelism = static_cast<std::uint32_t>(random_.between(1, 3));
      }
      open_stream to = from;
      to.in_order = s.dealt == dealing::forward && keeps_order(from, s);
      open(s, to);
      break;
    }
    case 2:
      add_forward(step_kind::filter, from);
      break;
    case 3:
      add_forward(step_kind::flat_map, from);
      break;
    case 4:
      add_process(from);
      break;
    case 5:
      add_keyed(step_kind::count, {from});
      break;
    case 6:
      add_keyed(step_kind::aggregate, {from});
      break;
    case 7:
    case 8: {
      const std::size_t at = add_keyed(step_kind::keyed_process, {from});
      if (random_.one_in(2)) {
        step& side = add(step_kind::side, {at});
        // Records of an origin and a key pass one subtask, which keeps their order.
        open_stream to = from;
        to.parallelism = p_.steps[at].parallelism.value_or(0);
        open(side, to);
        unread_.insert(at); // its main output is a stream of its own
      }
      break;
    }
    case 9: {
      const open_stream other = random_.pick(streams_);
      open_stream to = from;
      const bool apart = std::none_of(other.origins.begin(), other.origins.end(),
                                      [&](std::uint32_t origin) { return from.origins.count(origin) != 0; });
      to.in_order = from.in_order && other.in_order && apart && from.parallelism == other.parallelism;
      to.origins.insert(other.origins.begin(), other.origins.end());
      if (from.parallelism != other.parallelism)
        to.parallelism = several;
      if (std::any_of(other.members.begin(), other.members.end(),
                      [&](std::size_t member) { return from.members.count(member) != 0; }))
        break; // a stream with itself is refused
      to.members.insert(other.members.begin(), other.members.end());
      open(add(step_kind::unite, {from.step, other.step}), to);
      break;
    }
    default: {
      const open_stream other = random_.pick(streams_);
      if (random_.one_in(2)) {
        add_keyed(step_kind::connect_keyed, {from, other});
        break;
      }
      step& s = add(step_kind::connect, {from.step, other.step});
      open_stream to = from;
      to.in_order = false;
      to.origins.insert(other.origins.begin(), other.origins.end());
      open(s, to);
      break;
    }
    }
  }

  void add_forward(step_kind kind, const open_stream& from) {
    step& s = add(kind, {from.step});
    open_stream to = from;
    to.in_order = keeps_order(from, s);
    open(s, to);
  }

  void add_process(const open_stream& from) {
    step& s = add(step_kind::process, {from.step});
    s.holds = random_.one_in(2);
    s.divides = p_.steps.size() % 2 == 0;
    open_stream to = from;
    // What a subtask held back goes to another one when the parallelism changes.
    to.in_order = keeps_order(from, s) && !s.holds;
    open(s, to);
  }

  std::size_t add_keyed(step_kind kind, const std::vector<open_stream>& from) {
    std::vector<std::size_t> inputs;
    bool in_order = from.size() == 1;
    for (const open_stream& stream : from) {
      inputs.push_back(stream.step);
      in_order = in_order && stream.in_order;
    }
    step& s = add(kind, inputs);
    s.in_order = in_order;
    const std::size_t at = p_.steps.size() - 1;
    open(s, {at, true, {static_cast<std::uint32_t>(1000 + at)}, 0});
    return at;
  }

  void add_sink(const open_stream& from) {
    step& s = add(step_kind::sink, {from.step});
    s.style = static_cast<sink_style>(random_.below(3));
    s.in_order = keeps_order(from, s) && s.style != sink_style::plain;
  }

  chance& random_;
  pipeline p_;
  std::vector<open_stream> streams_;
  std::set<std::size_t> unread_;
};

} // namespace

pipeline draw_pipeline(chance& random) {
  return drawing{random}.draw();
}

// -- the model --------------------------------------------------------------------------------------------------------

event source_event(std::size_t step, std::uint32_t split, std::uint32_t number, std::uint32_t salt) {
  const std::uint32_t bits = jumble(salt + split, number);
  return {static_cast<std::uint32_t>(step) * 16 + split, number, bits % 23, (bits >> 8) % 1000};
}

event mapped(event e, std::uint32_t salt) {
  e.value = jumble(e.value, salt) % 1000;
  return e;
}

bool kept(const event& e, std::uint32_t salt) {
  return (e.value + salt) % 3 != 0;
}

std::uint32_t copies_of(const event& e, std::uint32_t salt) {
  return (e.value + salt) % 3;
}

bool goes_aside(const event& e) {
  return e.value % 4 == 0;
}

event keyed_event(std::size_t step, std::uint32_t key, std::uint32_t number) {
  return {static_cast<std::uint32_t>(1000 + step), number, key, jumble(key, number) % 1000};
}

namespace {

/// Takes each of `held` away once, if it is there. Returns how many are not.
std::uint64_t hold_back(std::vector<event>& out, std::vector<event> held) {
  std::sort(out.begin(), out.end());
  std::sort(held.begin(), held.end());
  std::vector<event> left;
  std::set_difference(out.begin(), out.end(), held.begin(), held.end(), std::back_inserter(left));
  const std::uint64_t strange = held.size() + left.size() - out.size();
  out = std::move(left);
  return strange;
}

} // namespace

expectation evaluate(const pipeline& p, const std::function<std::uint32_t(std::size_t, std::uint32_t)>& read,
                     const held_records& held, const in_flight_records& in_flight) {
  expectation result;
  result.strange.resize(p.steps.size());
  std::vector<std::vector<event>> taken(p.steps.size()); // by each step
  result.outputs.resize(p.steps.size());
  result.inputs.resize(p.steps.size());
  result.keyed_state.resize(p.steps.size());
  for (std::size_t i = 0; i != p.steps.size(); ++i) {
    const step& s = p.steps[i];
    std::vector<event>& out = result.outputs[i];
    for (const std::size_t input : s.inputs)
      taken[i].insert(taken[i].end(), result.outputs[input].begin(), result.outputs[input].end());
    if (i < in_flight.size() && !in_flight[i].empty())
      result.strange[i] = hold_back(taken[i], in_flight[i]);
    const auto for_each_input = [&](auto use) {
      for (const event& e : taken[i]) {
        ++result.inputs[i];
        use(e);
      }
    };
    switch (s.kind) {
    case step_kind::source:
      for (std::uint32_t split = 0; split != s.splits.size(); ++split)
        for (std::uint32_t n = 0; n != read(i, split); ++n)
          out.push_back(source_event(i, split, n, s.salt));
      break;
    case step_kind::map:
      for_each_input([&](const event& e) {
        for (std::uint32_t n = 0; n != (s.dealt == dealing::broadcast ? *s.parallelism : 1); ++n)
          out.push_back(mapped(e, s.salt));
      });
      break;
    case step_kind::filter:
      for_each_input([&](const event& e) {
        if (kept(e, s.salt))
          out.push_back(e);
      });
      break;
    case step_kind::flat_map:
      for_each_input([&](const event& e) { out.insert(out.end(), copies_of(e, s.salt), mapped(e, s.salt)); });
      break;
    case step_kind::count:
    case step_kind::aggregate:
    case step_kind::keyed_process:
    case step_kind::connect_keyed:
      for_each_input([&](const event& e) {
        key_summary& state = result.keyed_state[i][e.key % s.modulus];
        ++state.count;
        state.sum += e.value;
        out.push_back(keyed_event(i, e.key % s.modulus, state.count));
      });
      break;
    case step_kind::side:
      for (const event& e : taken[s.inputs[0]])
        if (goes_aside(e))
          out.push_back(e);
      break;
    case step_kind::process:
      for_each_input([&](const event& e) { out.push_back(e); });
      if (i < held.size() && !held[i].empty())
        hold_back(out, held[i]);
      break;
    case step_kind::unite:
    case step_kind::connect:
    case step_kind::sink:
      for_each_input([&](const event& e) { out.push_back(e); });
      break;
    }
  }
  return result;
}

expectation evaluate_all(const pipeline& p) {
  return evaluate(p, [&](std::size_t step, std::uint32_t split) { return p.steps[step].splits[split]; });
}

} // namespace simulation
