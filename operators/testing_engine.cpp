#include "testing_engine.hpp"

#include "../persistence/error.hpp"
#include "../persistence/key_groups.hpp"
#include "testing_instances.hpp"

#include <algorithm>
#include <deque>
#include <optional>

namespace weir::inline v0::testing {

namespace {

/// So many wake-ups at one moment mean that they ask for each other without end.
constexpr std::size_t most_wakes_at_once = 100'000;

class source_of_nothing final : public any_source {
public:
  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t) const override { return {}; }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split&, const std::string&,
                                                         processing_time) const override {
    throw usage_error({"a testing::input", "a weir::testing::harness that pushes records", "a job that was run",
                       "give the job a source"});
  }
};

std::string problems_of(const job_graph& graph) {
  std::string all;
  for (const graph_problem& problem : graph.problems) {
    const error described{problem.text};
    all += (all.empty() ? "" : "; ") + (problem.operator_name.empty() ? "" : problem.operator_name + ": ") +
           described.what();
  }
  return all;
}

} // namespace

std::uint64_t snapshot::entries(const std::string& operator_name, const std::string& table) const {
  const auto found = tables_.find({operator_name, table});
  std::uint64_t sum = 0;
  if (found != tables_.end())
    for (const encoded_chunk& chunk : found->second.chunks)
      sum += chunk.entries;
  return sum;
}

std::shared_ptr<const any_source> pushed_source() {
  return std::make_shared<source_of_nothing>();
}

class engine::implementation {
public:
  using pushed = snapshot::pushed;
  using instance = inner::instance;
  using item = inner::item;

  implementation(const job_graph& graph, const harness_options& options, const snapshot* from)
      : graph_(graph), options_(options) {
    world_.now = from ? from->now_ : options.start;
    if (!graph.problems.empty())
      throw job_error({problems_of(graph), "", "", ""});
    for (node_index node = 0; node != graph.nodes.size(); ++node)
      add_node(node);
    for (node_index node = 0; node != graph.nodes.size(); ++node)
      for (const graph_edge& edge : graph.nodes[node].inputs)
        add_edge(node, edge);
    for (auto& each : instances_)
      start(*each, from);
    if (from) {
      waiting_.assign(from->waiting_.begin(), from->waiting_.end());
      settle();
    }
  }

  void push(const stream_origin& into, batch_ptr records) {
    const graph_edge& edge = into.edges().front();
    const bool known = edge.from < graph_.nodes.size() && into.edges().size() == 1 && edge.from_port == 0;
    if (!known || graph_.nodes[edge.from].kind != operator_kind::source ||
        graph_.nodes[edge.from].outputs.front().type != &records->type())
      throw usage_error({"a record that is pushed", "the stream of a source of this job", "another stream",
                         "push into what job.source(...) returned"});
    waiting_.push_back({item_kind::records, edge.from, std::move(records), {}});
    settle();
  }
  void push_watermark(event_time time) {
    waiting_.push_back({item_kind::watermark, 0, {}, time});
    settle();
  }
  void push_end() {
    waiting_.push_back({item_kind::end, 0, {}, {}});
    settle();
  }

  [[nodiscard]] processing_time now() const { return world_.now; }
  [[nodiscard]] std::vector<counter_value> counters() const { return counters_->values(); }

  void advance_to(processing_time time) {
    settle();
    while (!world_.wakes.empty() && world_.wakes.begin()->first <= time) {
      world_.now = std::max(world_.now, world_.wakes.begin()->first);
      settle();
    }
    world_.now = std::max(world_.now, time);
  }

  void work() {
    for (auto& each : instances_)
      if (each->context && each->context->woken->take())
        world_.wakes.emplace(world_.now, each->number);
    settle();
  }

  void visit_outputs(const stream_origin& of, const element_type& type,
                     const std::function<void(const any_batch&)>& visit) const {
    for (const auto& [port, records] : world_.outputs)
      for (const graph_edge& edge : of.edges())
        if (port == std::pair{edge.from, edge.from_port} && &records->type() == &type)
          visit(*records);
  }
  void forget_outputs() { world_.outputs.clear(); }

  [[nodiscard]] bool holding() const {
    return std::any_of(instances_.begin(), instances_.end(),
                       [](const auto& each) { return each->op && each->op->holding(); });
  }

  snapshot take_snapshot() {
    settle();
    while (run_one(true)) {
    }
    snapshot taken;
    taken.now_ = world_.now;
    // A watermark or an end that an operator holds back comes behind the barrier: it is told again after a restore.
    if (under_way_ &&
        std::any_of(instances_.begin(), instances_.end(), [](const auto& i) { return !i->queue.empty(); }))
      taken.waiting_.push_back(*under_way_);
    taken.waiting_.insert(taken.waiting_.end(), waiting_.begin(), waiting_.end());
    // As in a checkpoint: all are frozen before the first is encoded.
    for (auto& each : instances_)
      if (each->op)
        for (any_state_table* table : each->op->state_tables()) {
          table->require_base();
          table->mark();
        }
    for (auto& each : instances_)
      if (each->op)
        for (any_state_table* table : each->op->state_tables()) {
          auto& stored = taken.tables_[{graph_.nodes[each->node].name, table->name()}];
          stored.schema = table->schema_json();
          while (!table->encode(7, stored.chunks)) {
          }
        }
    return taken;
  }

private:
  [[nodiscard]] std::uint32_t parallelism_of(const graph_node& node) const {
    const std::uint32_t wanted = node.options.parallelism.value_or(options_.parallelism);
    return node.max_parallelism_limit == 0 ? wanted : std::min(wanted, node.max_parallelism_limit);
  }

  void add_node(node_index index) {
    const graph_node& node = graph_.nodes[index];
    const std::uint32_t parallelism = parallelism_of(node);
    of_node_.emplace_back();
    for (std::uint32_t subtask = 0; subtask != parallelism; ++subtask) {
      auto made = std::make_unique<instance>();
      made->number = instances_.size();
      made->node = index;
      made->subtask = subtask;
      for (std::size_t i = 0; i != node.outputs.size(); ++i)
        made->ports.push_back(std::make_unique<inner::output_port>(world_, index, i));
      if (node.kind == operator_kind::transform) {
        made->op = node.make();
        operator_identity identity;
        identity.job = graph_.job_name;
        identity.run = "00000000-0000-4000-8000-000000000000";
        identity.name = node.name;
        identity.subtask = subtask_index{subtask};
        identity.parallelism = parallelism;
        identity.max_parallelism = options_.max_parallelism;
        identity.key_groups = key_groups{options_.max_parallelism}.range_of(identity.subtask, parallelism);
        made->context = std::make_unique<inner::surroundings>(std::move(identity), world_, made->number);
        made->context->share_counters(counters_);
        std::vector<std::unique_ptr<any_collector>> collectors;
        for (std::size_t i = 0; i != node.outputs.size(); ++i) {
          collectors.push_back(node.outputs[i].type->make_collector());
          collectors.back()->connect(*made->ports[i], batch_size);
        }
        made->outputs = operator_outputs{std::move(collectors)};
      }
      of_node_.back().push_back(made.get());
      instances_.push_back(std::move(made));
    }
  }

  void add_edge(node_index to, const graph_edge& edge) {
    if (graph_.nodes[to].kind != operator_kind::transform)
      return;
    const auto& senders = of_node_[edge.from];
    const auto& receivers = of_node_[to];
    const bool straight = edge.how == partitioning::forward && senders.size() == receivers.size();
    for (instance* sender : senders) {
      auto route = std::make_unique<inner::route_out>();
      const partitioning how = edge.how == partitioning::forward && !straight ? partitioning::rebalance : edge.how;
      route->partitioner = edge.make_partitioner ? edge.make_partitioner() : make_partitioner(how, sender->subtask);
      if (straight)
        route->to = {receivers[sender->subtask]};
      else
        route->to = receivers;
      route->input = edge.input;
      route->channel = next_channel_++;
      route->partitioner->configure(route->to.size(), batch_size, options_.max_parallelism);
      for (instance* receiver : route->to)
        receiver->watermarks[route->channel] = event_time::min();
      sender->ports.at(edge.from_port)->routes.push_back(std::move(route));
    }
  }

  void start(instance& each, const snapshot* from) {
    if (!each.op)
      return;
    each.op->open(*each.context);
    if (from)
      for (any_state_table* table : each.op->state_tables())
        if (const auto found = from->tables_.find({graph_.nodes[each.node].name, table->name()});
            found != from->tables_.end()) {
          table->expect_stored_schema(found->second.schema);
          for (const encoded_chunk& chunk : found->second.chunks)
            table->load(chunk.bytes);
        }
    each.op->ready(*each.context, from != nullptr);
  }

  // ---- working off ----

  void settle() {
    std::size_t wakes = 0;
    for (;;) {
      if (run_one(false))
        continue;
      if (!world_.wakes.empty() && world_.wakes.begin()->first <= world_.now) {
        if (++wakes == most_wakes_at_once)
          throw usage_error({"operator \"" + graph_.nodes[instances_[world_.wakes.begin()->second]->node].name + '"',
                             "wake-ups that end", std::to_string(wakes) + " at one moment",
                             "let a timer set itself for a later time"});
        instance& due = *instances_[world_.wakes.begin()->second];
        world_.wakes.erase(world_.wakes.begin());
        if (!due.watermarks.empty() || due.op->holding()) // not after the end, but for one that holds it back
          call(due, [&] { return due.op->on_wake(world_.now, due.outputs); });
        continue;
      }
      if (waiting_.empty() || holding())
        return;
      begin(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }

  /// Hands what was pushed to the first operators.
  void begin(pushed next) {
    under_way_.reset();
    if (next.what == item_kind::records) {
      auto& sources = of_node_[next.source];
      inner::output_port& out = *sources[turn_++ % sources.size()]->ports.front();
      out.accept(std::move(next.records));
      out.flush();
      return;
    }
    under_way_ = next;
    for (node_index node = 0; node != graph_.nodes.size(); ++node)
      if (graph_.nodes[node].kind == operator_kind::source)
        for (instance* source : of_node_[node])
          tell(*source, next.what, next.time);
  }

  /// Sends a watermark or an end to all that is behind an instance.
  static void tell(instance& from, item_kind what, event_time time) {
    for (auto& out : from.ports)
      for (auto& route : out->routes)
        for (instance* to : route->to)
          to->queue.push_back({what, route->input, route->channel, {}, time, 0});
  }

  /// Works off one item, of what is furthest downstream. False if there is none that can be.
  bool run_one(bool barrier_waits) {
    for (std::size_t i = instances_.size(); i-- != 0;) {
      instance& each = *instances_[i];
      if (each.queue.empty())
        continue;
      if (each.queue.front().what == item_kind::records) {
        if (each.op->holding() && !barrier_waits)
          continue;
        run_records(each, barrier_waits);
        return true;
      }
      if (each.op->holding())
        continue;
      const item next = each.queue.front();
      if (run_control(each, next))
        each.queue.pop_front();
      return true;
    }
    return false;
  }

  void run_records(instance& each, bool barrier_waits) {
    item& next = each.queue.front();
    const std::size_t size = next.records->size();
    try {
      call(each, [&] {
        next.position = each.op->process(next.input, *next.records, next.position, size, each.outputs);
        return next.position == size || (each.op->holding() && !barrier_waits);
      });
    } catch (...) {
      each.queue.pop_front(); // a test may look on, without what was not processed
      throw;
    }
    if (next.position == size)
      each.queue.pop_front();
  }

  /// False if the operator has begun to hold instead: it is told again when it does not hold any more.
  bool run_control(instance& each, const item& next) {
    if (next.what == item_kind::end)
      each.watermarks.erase(next.channel);
    else
      each.watermarks[next.channel] = std::max(each.watermarks[next.channel], next.time);
    if (each.watermarks.empty()) {
      const bool done = call_control(each, [&] { return each.op->end_of_input(each.outputs); });
      if (done)
        tell(each, item_kind::end, {});
      return done;
    }
    event_time lowest = event_time::max();
    for (const auto& [channel, time] : each.watermarks)
      lowest = std::min(lowest, time);
    if (lowest <= each.watermark)
      return true;
    if (!call_control(each, [&] { return each.op->watermark(lowest, each.outputs); }))
      return false;
    each.watermark = lowest;
    tell(each, item_kind::watermark, lowest);
    return true;
  }

  /// Calls until it returns true, or the operator holds. Returns whether it is done.
  template <class Call>
  static bool call_control(instance& each, Call one_call) {
    bool done = false;
    call(each, [&] {
      done = one_call();
      return done || each.op->holding();
    });
    return done;
  }

  /// Calls until it returns true, and hands on what was emitted.
  template <class Call>
  static void call(instance& each, Call one_call) {
    for (bool done = false; !done;) {
      for (std::size_t i = 0; i != each.outputs.size(); ++i)
        each.outputs.any_port(i).resume();
      done = one_call();
      for (std::size_t i = 0; i != each.outputs.size(); ++i) {
        each.outputs.any_port(i).flush();
        each.ports[i]->flush();
      }
    }
  }

  static constexpr std::size_t batch_size = 1024;

  const job_graph& graph_;
  std::shared_ptr<counter_board> counters_ = std::make_shared<counter_board>();
  harness_options options_;
  inner::world world_;
  std::vector<std::unique_ptr<instance>> instances_;
  std::vector<std::vector<instance*>> of_node_;
  std::size_t next_channel_ = 0;
  std::size_t turn_ = 0;
  std::deque<pushed> waiting_;
  std::optional<pushed> under_way_; ///< the watermark or end that was pushed last
};

engine::engine(const job_graph& graph, harness_options options, const snapshot* from)
    : implementation_(std::make_unique<implementation>(graph, options, from)) {}

engine::~engine() = default;

void engine::push(const stream_origin& into, batch_ptr records) {
  implementation_->push(into, std::move(records));
}
void engine::push_watermark(event_time time) {
  implementation_->push_watermark(time);
}
void engine::push_end() {
  implementation_->push_end();
}
processing_time engine::now() const {
  return implementation_->now();
}
void engine::advance_to(processing_time time) {
  implementation_->advance_to(time);
}
void engine::work() {
  implementation_->work();
}
void engine::visit_outputs(const stream_origin& of, const element_type& type,
                           const std::function<void(const any_batch&)>& visit) const {
  implementation_->visit_outputs(of, type, visit);
}
std::vector<counter_value> engine::counters() const {
  return implementation_->counters();
}
void engine::forget_outputs() {
  implementation_->forget_outputs();
}
bool engine::holding() const {
  return implementation_->holding();
}
snapshot engine::take_snapshot() {
  return implementation_->take_snapshot();
}

} // namespace weir::inline v0::testing
