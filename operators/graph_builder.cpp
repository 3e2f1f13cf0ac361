#include "graph_builder.hpp"

#include "dead_letter.hpp"
#include "sink_operator.hpp"
#include "source_operator.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace weir::inline v0 {

namespace {

constexpr std::string_view name_rule = "lower-case letters, digits, '_' and '-'";

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

std::string operator_called(std::string_view name) {
  return "operator " + quoted(name);
}

std::string place(const call_site& where) {
  return std::string(where.file) + ":" + std::to_string(where.line);
}

// Composites prefix the names of their operators: "geo/parse".
bool is_valid_path(std::string_view name) noexcept {
  for (;;) {
    const std::size_t slash = name.find('/');
    if (!is_valid_name(name.substr(0, slash)))
      return false;
    if (slash == std::string_view::npos)
      return true;
    name.remove_prefix(slash + 1);
  }
}

std::string names_of_sides(const graph_node& node) {
  std::string names;
  for (std::size_t port = 1; port < node.outputs.size(); ++port)
    names += (names.empty() ? "" : ", ") + quoted(node.outputs[port].name);
  return names.empty() ? "none" : names;
}

} // namespace

bool is_valid_name(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

graph_builder::graph_builder(std::string job_name, call_site where) {
  if (!is_valid_name(job_name))
    add_problem({}, where,
                {"the job's name", std::string(name_rule), job_name.empty() ? "an empty name" : quoted(job_name),
                 "give the job a name such as 'word-count'; its store is named after it"});
  graph_.job_name = std::move(job_name);
}

graph_builder::scope::scope(graph_builder& builder, const std::string& name)
    : builder_(builder), outer_size_(builder.prefix_.size()) {
  builder_.prefix_ += name + '/';
}

graph_builder::scope::~scope() {
  builder_.prefix_.resize(outer_size_);
}

node_index graph_builder::add(graph_node node) {
  node.name = full_name(node.name);
  check_name(node);
  check_side_outputs(node);
  check_poison_policy(node);
  check_time_to_live(node);
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.size() - 1;
}

void graph_builder::add_problem(std::string operator_name, call_site where, error_text text) {
  graph_.problems.push_back({std::move(operator_name), where, std::move(text)});
}

void graph_builder::add_problems(const graph_node& node, std::vector<error_text> texts) {
  for (error_text& text : texts)
    add_problem(full_name(node.name), node.where, std::move(text));
}

void graph_builder::set_source(graph_node& node, std::shared_ptr<const any_source> source) {
  node.kind = operator_kind::source;
  node.stateful = true;
  node.input_count = 0;
  if (!source)
    return add_problem(full_name(node.name), node.where,
                       {"its settings", "a source", "a null pointer", "let source() return an any_source"});
  node.blocking = source->blocking();
  node.make = [source]() -> std::unique_ptr<any_operator> { return std::make_unique<source_operator>(source); };
}

void graph_builder::set_sink(graph_node& node, std::shared_ptr<const any_sink> sink) {
  node.kind = operator_kind::sink;
  if (!sink)
    return add_problem(full_name(node.name), node.where,
                       {"its settings", "a sink", "a null pointer", "let sink<T>() return an any_sink"});
  node.blocking = sink->blocking();
  node.stateful = sink->two_phase();
  node.make = [sink]() -> std::unique_ptr<any_operator> { return std::make_unique<sink_operator>(sink); };
}

void graph_builder::ask_spec(const graph_node& node, const std::function<void()>& ask) {
  try {
    ask();
  } catch (const error& e) {
    add_problem(full_name(node.name), node.where, e.text());
  } catch (const std::exception& e) {
    add_problem(full_name(node.name), node.where, {"its settings", {}, e.what(), {}});
  }
}

void graph_builder::check_top_k(const std::string& name, std::size_t k, call_site where) {
  if (k == 0)
    add_problem(full_name(name), where, {"its k", "at least 1", "0", "say how many records it is to rank"});
}

void graph_builder::check_rate(const graph_node& node, double records_per_second) {
  if (!(records_per_second > 0) || !std::isfinite(records_per_second))
    add_problem(full_name(node.name), node.where,
                {"its rate", "a number of records a second above 0", std::to_string(records_per_second),
                 "give it a rate such as 100, or 0.5 for a record every two seconds"});
}

void graph_builder::check_poison_policy(const graph_node& node) {
  if (node.options.poison != poison_policy::fail && node.kind != operator_kind::transform)
    add_problem(node.name, node.where,
                {"its poison policy", "none, for it calls no code that takes records", "one",
                 "give it to the operators whose functions may throw"});
}

void graph_builder::check_time_to_live(const graph_node& node) {
  if (!node.options.state_ttl)
    return;
  if (!node.state_expires)
    add_problem(node.name, node.where,
                {"its time to live", "none, for it has no state by key that could expire", "one",
                 "give it to the operators behind key_by that have state"});
  if (const std::chrono::microseconds after = node.options.state_ttl->after; after.count() <= 0)
    add_problem(node.name, node.where,
                {"its time to live", "more than 0", std::to_string(after.count()) + " us",
                 "give it a duration such as 24h, or leave the option out"});
}

void graph_builder::check_name(const graph_node& node) {
  if (!is_valid_path(node.name))
    add_problem(node.name, node.where,
                {"its name", std::string(name_rule), node.name.empty() ? "an empty name" : quoted(node.name),
                 "give it a name such as 'parse-lines'"});
  for (const graph_node& earlier : graph_.nodes)
    if (earlier.name == node.name && !node.name.empty()) {
      add_problem(node.name, node.where,
                  {"its name", "a name that no other operator has",
                   "the name of the " + earlier.kind_name + " at " + place(earlier.where),
                   "rename one of the two; state is stored under an operator's name"});
      break;
    }
  const std::string& old_name = node.options.renamed_from;
  if (!old_name.empty() && (old_name == node.name || !is_valid_path(old_name)))
    add_problem(node.name, node.where,
                {"its renamed_from", "the name that it had in earlier runs", quoted(old_name),
                 "give the old name, or leave the option out"});
}

void graph_builder::check_side_outputs(const graph_node& node) {
  for (std::size_t port = 1; port < node.outputs.size(); ++port) {
    const std::string& name = node.outputs[port].name;
    if (!is_valid_name(name))
      add_problem(node.name, node.where,
                  {"the name of a side output", std::string(name_rule), name.empty() ? "an empty name" : quoted(name),
                   "give it a name such as 'rejected'"});
    for (std::size_t earlier = 1; earlier != port; ++earlier)
      if (node.outputs[earlier].name == name) {
        add_problem(node.name, node.where,
                    {"side output " + quoted(name), "a name of its own", "two side outputs with this name",
                     "rename one of the two"});
        break;
      }
  }
}

std::size_t graph_builder::side_port(node_index from, const std::string& name, const element_type& type,
                                     call_site where) {
  graph_node& node = graph_.nodes[from];
  error_text problem{"side output " + quoted(name), "one of those that it lists", {}, {}};
  for (std::size_t port = 1; port < node.outputs.size(); ++port)
    if (node.outputs[port].name == name) {
      if (node.outputs[port].type == &type)
        return port;
      problem.expected = "a side output of " + std::string(type.name);
      problem.found = "one of " + std::string(node.outputs[port].type->name);
      problem.remedy = "use the same side_output object in both places";
    }
  if (problem.found.empty()) {
    problem.found = names_of_sides(node);
    problem.remedy = "list it in side_outputs() of the operator's struct, or take it from the operator that emits it";
  }
  add_problem(node.name, where, std::move(problem));
  return add_output(from, name, type);
}

std::size_t graph_builder::add_output(node_index of, const std::string& name, const element_type& type) {
  graph_node& node = graph_.nodes[of];
  node.outputs.push_back({name, &type});
  return node.outputs.size() - 1;
}

stream_origin::stream_origin(std::shared_ptr<graph_builder> builder, node_index from, std::size_t port)
    : builder_(std::move(builder)) {
  edges_.push_back({from, port, 0, partitioning::forward, {}});
}

stream_origin stream_origin::dealt(partitioning how, in_flight_factory in_flight) const {
  stream_origin changed = *this;
  for (graph_edge& edge : changed.edges_) {
    edge.how = how;
    edge.make_partitioner = {};
    edge.make_in_flight = in_flight;
  }
  return changed;
}

stream_origin stream_origin::keyed(std::function<std::unique_ptr<any_partitioner>()> make_partitioner,
                                   in_flight_factory in_flight) const {
  stream_origin changed = *this;
  for (graph_edge& edge : changed.edges_) {
    edge.how = partitioning::hash;
    edge.make_partitioner = make_partitioner;
    edge.make_in_flight = in_flight;
  }
  return changed;
}

stream_origin stream_origin::dealt_by(std::function<std::unique_ptr<any_partitioner>()> make_partitioner) const {
  stream_origin changed = *this;
  for (graph_edge& edge : changed.edges_) {
    edge.how = partitioning::custom;
    edge.make_partitioner = make_partitioner;
    edge.make_in_flight = nullptr;
  }
  return changed;
}

stream_origin stream_origin::united_with(const stream_origin& other, call_site where) const {
  const std::string& own_name = builder_->graph().nodes[edges_.front().from].name;
  stream_origin both = *this;
  if (other.builder_ != builder_) {
    builder_->add_problem(own_name, where,
                          {"its union with another stream", "streams of one job",
                           "one of job " + quoted(builder_->graph().job_name) + " and one of job " +
                               quoted(other.builder_->graph().job_name),
                           "compose both in the same job"});
    return both;
  }
  for (const graph_edge& edge : other.edges_) {
    const bool twice = std::any_of(both.edges_.begin(), both.edges_.end(), [&](const graph_edge& known) {
      return known.from == edge.from && known.from_port == edge.from_port;
    });
    if (twice)
      builder_->add_problem(builder_->graph().nodes[edge.from].name, where,
                            {"its union with another stream", "different streams",
                             "the output of " + operator_called(builder_->graph().nodes[edge.from].name) + " twice",
                             "leave it out once, or emit every record twice with a flat_map"});
    else
      both.edges_.push_back(edge);
  }
  return both;
}

stream_origin stream_origin::side(const std::string& name, const element_type& type, call_site where) const {
  const graph_edge& first = edges_.front();
  if (edges_.size() != 1 || first.from_port != 0)
    builder_->add_problem(builder_->graph().nodes[first.from].name, where,
                          {"side output " + quoted(name), "the stream that the operator's call returned",
                           edges_.size() != 1 ? "a union of streams" : "a side output of its own",
                           "call side() on the operator's main stream"});
  return {builder_, first.from, builder_->side_port(first.from, name, type, where)};
}

void stream_origin::keep_parallelism(graph_node& node) const {
  const graph_edge& edge = edges_.front();
  if (node.options.parallelism || edges_.size() != 1 || edge.how != partitioning::forward)
    return;
  const graph_node& before = builder_->graph().nodes[edge.from];
  node.options.parallelism = before.options.parallelism;
  node.max_parallelism_limit = before.max_parallelism_limit;
}

stream_origin stream_origin::dead_letters(call_site where) const {
  const graph_node& node = builder_->graph().nodes[edges_.front().from];
  if (edges_.size() == 1 && edges_.front().from_port == 0 && node.options.poison != poison_policy::dead_letter)
    builder_->add_problem(node.name, where,
                          {"its dead letters", "the poison policy dead_letter", "another one",
                           "give the operator {.poison = weir::poison_policy::dead_letter}"});
  else
    return side(dead_letters_name, element_type_of<dead_letter>(), where);
  return {builder_, edges_.front().from,
          builder_->add_output(edges_.front().from, dead_letters_name, element_type_of<dead_letter>())};
}

stream_origin stream_origin::then(graph_node node) const {
  node.inputs = edges_;
  return {builder_, builder_->add(std::move(node))};
}

stream_origin stream_origin::then(graph_node node, const stream_origin& second) const {
  node.input_count = 2;
  node.inputs = edges_;
  if (second.builder_ == builder_) {
    for (graph_edge edge : second.edges_) {
      edge.input = 1;
      node.inputs.push_back(std::move(edge));
    }
  } else {
    builder_->add_problems(node, {{"its inputs", "two streams of one job",
                                   "one of job " + quoted(builder_->graph().job_name) + " and one of job " +
                                       quoted(second.builder_->graph().job_name),
                                   "compose both in the same job"}});
  }
  return {builder_, builder_->add(std::move(node))};
}

graph_node make_node(std::string_view kind_name, std::string name, operator_options options, call_site where,
                     const element_type* main) {
  graph_node node;
  node.name = std::move(name);
  node.kind_name = kind_name;
  node.where = where;
  node.options = std::move(options);
  if (main)
    node.outputs.push_back({{}, main});
  return node;
}

} // namespace weir::inline v0
