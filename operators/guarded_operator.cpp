#include "guarded_operator.hpp"

#include "../persistence/error.hpp"

#include <exception>
#include <new>

namespace weir::inline v0 {

namespace {

constexpr std::size_t kept_batch_size = 1024;

/// While it lives, a batch has a second owner, so that nothing is moved out of its records.
class second_owner {
public:
  explicit second_owner(const any_batch* batch) : batch_(batch) {
    if (batch_)
      batch_->retain();
  }
  second_owner(const second_owner&) = delete;
  second_owner& operator=(const second_owner&) = delete;
  ~second_owner() {
    if (batch_)
      batch_->release();
  }

private:
  const any_batch* batch_;
};

} // namespace

/// Keeps what the operator emits on one port, with a mark to which it can be taken back.
class guarded_operator::kept_port final : public batch_receiver {
public:
  explicit kept_port(any_collector& collector) : collector_(collector) { collector.connect(*this, kept_batch_size); }

  bool accept(batch_ptr batch) override {
    full_batches_.push_back(std::move(batch));
    return true;
  }
  /// Everything so far is good.
  void set_mark() {
    marked_batches_ = full_batches_.size();
    marked_records_ = collector_.open_records();
  }
  void take_back() {
    if (full_batches_.size() == marked_batches_) {
      collector_.truncate(marked_records_);
      return;
    }
    // The batch that was open at the mark went out since, with what came behind the mark.
    collector_.truncate(0);
    batch_ptr torn = std::move(full_batches_[marked_batches_]);
    full_batches_.resize(marked_batches_);
    if (marked_records_ == 0)
      return;
    batch_ptr good = torn->type().make_batch(marked_records_);
    good->append_copy(*torn, 0, marked_records_);
    full_batches_.push_back(std::move(good));
  }
  void pass_on(any_collector& out) {
    for (batch_ptr& batch : full_batches_)
      out.pass_on(std::move(batch));
    full_batches_.clear();
  }

private:
  any_collector& collector_;
  std::vector<batch_ptr> full_batches_;
  std::size_t marked_batches_ = 0;
  std::size_t marked_records_ = 0;
};

guarded_operator::guarded_operator(std::unique_ptr<any_operator> inner, poison_policy policy,
                                   std::vector<const element_type*> ports,
                                   std::vector<detail::describe_record> describe)
    : inner_(std::move(inner)), policy_(policy), describe_(std::move(describe)) {
  std::vector<std::unique_ptr<any_collector>> collectors;
  for (const element_type* type : ports) {
    collectors.push_back(type->make_collector());
    kept_.push_back(std::make_unique<kept_port>(*collectors.back()));
  }
  inner_outputs_ = operator_outputs{std::move(collectors)};
}

guarded_operator::~guarded_operator() = default;

void guarded_operator::open(operator_context& surroundings) {
  surroundings_ = &surroundings;
  poison_records_ = surroundings.counters().find(surroundings.identity().name, poison_counter_name);
  inner_->open(surroundings);
}

std::size_t guarded_operator::process(std::size_t input, any_batch& in, std::size_t from, std::size_t to,
                                      operator_outputs& out) {
  const second_owner owner{policy_ == poison_policy::dead_letter ? &in : nullptr};
  std::size_t i = from;
  while (i != to && (i == from || !out.full())) {
    set_marks();
    try {
      if (inner_->process(input, in, i, i + 1, inner_outputs_) == i)
        break; // it holds
    } catch (const usage_error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& e) {
      reject(input, in, i, e.what(), out);
    } catch (...) {
      reject(input, in, i, "an exception that is no std::exception", out);
    }
    ++i;
    pass_on(out);
  }
  flush(out);
  return i;
}

void guarded_operator::set_marks() {
  for (auto& port : kept_)
    port->set_mark();
}

void guarded_operator::take_back() {
  for (auto& port : kept_)
    port->take_back();
}

void guarded_operator::pass_on(operator_outputs& out) {
  for (std::size_t port = 0; port != kept_.size(); ++port)
    kept_[port]->pass_on(out.any_port(port));
}

void guarded_operator::flush(operator_outputs& out) {
  for (std::size_t port = 0; port != kept_.size(); ++port)
    inner_outputs_.any_port(port).flush();
  pass_on(out);
}

void guarded_operator::reject(std::size_t input, const any_batch& in, std::size_t index, std::string error,
                              operator_outputs& out) {
  take_back();
  poison_records_->add();
  if (policy_ != poison_policy::dead_letter)
    return;
  const operator_identity& identity = surroundings_->identity();
  dead_letter letter{identity.name, identity.subtask.value, std::move(error), {}, std::nullopt};
  if (const detail::describe_record describe = describe_[input])
    describe(in, index, letter.record);
  auto& port = out.port<dead_letter>(kept_.size());
  if (in.times.empty()) {
    port.clear_time();
  } else {
    letter.time = in.times[index];
    port.set_time(in.times[index]);
  }
  port(std::move(letter));
}

void detail::add_guard(graph_node& node, std::vector<describe_record> describe) {
  std::vector<const element_type*> ports;
  for (const graph_output& output : node.outputs)
    ports.push_back(output.type);
  const poison_policy policy = node.options.poison;
  if (policy == poison_policy::dead_letter)
    node.outputs.push_back({dead_letters_name, &element_type_of<dead_letter>()});
  node.make = [make = std::move(node.make), policy, ports = std::move(ports),
               describe = std::move(describe)]() -> std::unique_ptr<any_operator> {
    return std::make_unique<guarded_operator>(make(), policy, ports, describe);
  };
}

} // namespace weir::inline v0
