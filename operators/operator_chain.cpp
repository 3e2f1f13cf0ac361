#include "operator_chain.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

namespace {

/// Sends what a port emits to all of its receivers. More than one receiver share the batch.
class port_receiver final : public batch_receiver {
public:
  bool accept(batch_ptr batch) override {
    bool room = true;
    for (std::size_t i = 0; i + 1 < receivers_.size(); ++i)
      room = receivers_[i]->accept(batch) && room;
    if (!receivers_.empty())
      room = receivers_.back()->accept(std::move(batch)) && room;
    return room;
  }
  void add(batch_receiver& to) { receivers_.push_back(&to); }

private:
  std::vector<batch_receiver*> receivers_;
};

/// The first guess of what a record costs, until it was measured.
constexpr double first_guess_us_per_record = 0.5;
/// A measured cost counts this much against what is known.
constexpr double measured_share = 0.25;

} // namespace

struct operator_chain::stage {
  struct pending_batch {
    std::size_t input;
    batch_ptr batch;
  };
  /// One input of this stage as a receiver for an earlier stage's port.
  class input_receiver final : public batch_receiver {
  public:
    input_receiver(operator_chain& owner, stage& to, std::size_t input) : owner_(owner), to_(to), input_(input) {}
    bool accept(batch_ptr batch) override {
      if (to_.writer)
        return to_.write(std::move(batch));
      to_.pending.push_back({input_, std::move(batch)});
      ++owner_.pending_batches_;
      return false; // a batch waits downstream: it goes first
    }

  private:
    operator_chain& owner_;
    stage& to_;
    std::size_t input_;
  };

  bool write(batch_ptr batch) {
    records_in += batch->size();
    return writer->accept(std::move(batch)) && !writer->full();
  }

  std::unique_ptr<any_operator> op;
  std::unique_ptr<operator_context> context;
  operator_outputs outputs;
  std::vector<std::unique_ptr<port_receiver>> ports;
  std::vector<std::unique_ptr<input_receiver>> inputs;
  std::vector<std::size_t> next; ///< the stages that take its output
  chain_output* writer = nullptr;
  std::deque<pending_batch> pending;
  std::size_t position = 0; ///< of the first record of the first pending batch that is not processed
  double us_per_record = first_guess_us_per_record;
  std::uint64_t records_in = 0;
  std::uint64_t emitted_elsewhere = 0;
  bool wake_due = false;
  bool ended = false; ///< all of its input has ended: what it emitted at a wake-up would come too late
  bool holds = false; ///< as its operator said after its latest call
};

operator_chain::operator_chain(environment& env, std::size_t batch_size, std::chrono::microseconds slice)
    : env_(env), batch_size_(batch_size), slice_(slice) {}

operator_chain::~operator_chain() = default;

std::size_t operator_chain::add(std::unique_ptr<any_operator> op, std::unique_ptr<operator_context> context,
                                const std::vector<const element_type*>& ports) {
  auto s = std::make_unique<stage>();
  s->op = std::move(op);
  s->context = std::move(context);
  std::vector<std::unique_ptr<any_collector>> collectors;
  for (const element_type* type : ports) {
    collectors.push_back(type->make_collector());
    s->ports.push_back(std::make_unique<port_receiver>());
    collectors.back()->connect(*s->ports.back(), batch_size_);
  }
  s->outputs = operator_outputs{std::move(collectors)};
  stages_.push_back(std::move(s));
  return stages_.size() - 1;
}

void operator_chain::connect(std::size_t from, std::size_t port, std::size_t to_stage, std::size_t input) {
  stage& to = *stages_[to_stage];
  to.inputs.push_back(std::make_unique<stage::input_receiver>(*this, to, input));
  stages_[from]->ports[port]->add(*to.inputs.back());
  stages_[from]->next.push_back(to_stage);
}

void operator_chain::connect(std::size_t from, std::size_t port, chain_output& to) {
  stages_[from]->ports[port]->add(to);
  leaving_.push_back(&to);
}

void operator_chain::set_writer(std::size_t index, chain_output& writer) {
  stages_[index]->writer = &writer;
  leaving_.push_back(&writer);
}

void operator_chain::open() {
  for (current_ = 0; current_ != stages_.size(); ++current_)
    stages_[current_]->op->open(*stages_[current_]->context);
  current_ = 0;
}

void operator_chain::ready(bool restored) {
  for (current_ = 0; current_ != stages_.size(); ++current_)
    stages_[current_]->op->ready(*stages_[current_]->context, restored);
  current_ = 0;
  for (const auto& s : stages_)
    settle(*s);
}

void operator_chain::accept(std::size_t input, batch_ptr batch) {
  stage& head = *stages_.front();
  if (head.writer) {
    current_ = 0;
    head.write(std::move(batch));
    return;
  }
  head.pending.push_back({input, std::move(batch)});
  ++pending_batches_;
}

void operator_chain::advance_to(event_time time) {
  controls_.push_back({control::kind::watermark, time});
}

void operator_chain::end_input() {
  controls_.push_back({control::kind::end_of_input});
}

void operator_chain::wake() {
  for (const auto& s : stages_)
    if (!s->ended && !std::exchange(s->wake_due, true))
      ++stages_to_wake_;
}

bool operator_chain::output_full() const noexcept {
  return std::any_of(leaving_.begin(), leaving_.end(), [](const chain_output* to) { return to->full(); });
}

bool operator_chain::held_behind(std::size_t index) const noexcept {
  if (stages_holding_ == 0)
    return false;
  const std::vector<std::size_t>& next = stages_[index]->next;
  return std::any_of(next.begin(), next.end(), [this](std::size_t i) { return stages_[i]->holds || held_behind(i); });
}

bool operator_chain::control_is_held() const noexcept {
  const std::size_t next = controls_.front().next_stage;
  return stages_holding_ != 0 && next != stages_.size() && (stages_[next]->holds || held_behind(next));
}

bool operator_chain::settled() const noexcept {
  return pending_batches_ == 0 && (controls_.empty() || control_is_held());
}

chain_progress operator_chain::work(bool barrier_waits) {
  if (idle())
    return chain_progress::idle;
  if (output_full())
    return chain_progress::blocked;
  if (pending_batches_ != 0)
    for (std::size_t i = stages_.size(); i-- != 0;) {
      stage& s = *stages_[i];
      if (!s.pending.empty() && (barrier_waits || (!s.holds && !held_behind(i)))) {
        current_ = i;
        return work_batch(s);
      }
    }
  if (stages_to_wake_ != 0)
    for (std::size_t i = stages_.size(); i-- != 0;)
      if (stages_[i]->wake_due && !held_behind(i)) {
        current_ = i;
        return work_wake(*stages_[i]);
      }
  if (pending_batches_ != 0 || controls_.empty() || control_is_held())
    return chain_progress::blocked;
  return work_control();
}

bool operator_chain::settled_behind_head() const noexcept {
  const std::size_t of_head = stages_.front()->pending.size();
  return pending_batches_ == of_head && (of_head != 0 || controls_.empty() || control_is_held());
}

bool operator_chain::batches_pending_behind_head() const noexcept {
  return pending_batches_ != stages_.front()->pending.size();
}

std::optional<operator_chain::rest> operator_chain::rest_of_head() const {
  const stage& head = *stages_.front();
  if (head.pending.empty())
    return std::nullopt;
  const auto& [input, batch] = head.pending.front();
  return rest{input, batch, head.position};
}

chain_progress operator_chain::work_off(bool with_head) {
  for (std::size_t i = stages_.size(); i-- != (with_head ? 0U : 1U);)
    if (!stages_[i]->pending.empty()) {
      current_ = i;
      return work_batch(*stages_[i]);
    }
  if (pending_batches_ != 0 || controls_.empty() || control_is_held())
    return chain_progress::idle;
  return work_control();
}

chain_progress operator_chain::work_batch(stage& s) {
  auto& [input, batch] = s.pending.front();
  const std::size_t size = batch->size();
  const auto affordable = static_cast<std::size_t>(static_cast<double>(slice_.count()) / s.us_per_record) + 1;
  const std::size_t to = size - s.position > affordable ? s.position + affordable : size;
  resume(s);
  const monotonic_time before = env_.monotonic();
  const std::size_t from = s.position;
  s.position = s.op->process(input, *batch, from, to, s.outputs);
  const auto taken = static_cast<double>((env_.monotonic() - before).count());
  const std::size_t done = s.position - from;
  s.records_in += done;
  if (done != 0) {
    const double measured = std::max(taken / static_cast<double>(done), 1e-4);
    // A cost that jumps up counts at once: a slow function must not hold the actor for a batch.
    s.us_per_record =
        measured > s.us_per_record * 4 ? measured : s.us_per_record + (measured - s.us_per_record) * measured_share;
  }
  if (s.position == size) {
    s.pending.pop_front();
    s.position = 0;
    --pending_batches_;
  }
  settle(s);
  return chain_progress::worked;
}

chain_progress operator_chain::work_wake(stage& s) {
  resume(s);
  if (s.op->on_wake(env_.now(), s.outputs)) {
    s.wake_due = false;
    --stages_to_wake_;
  }
  settle(s);
  return chain_progress::worked;
}

chain_progress operator_chain::work_control() {
  control& c = controls_.front();
  if (c.next_stage == stages_.size()) {
    controls_.pop_front();
    return chain_progress::worked;
  }
  current_ = c.next_stage;
  stage& s = *stages_[c.next_stage];
  resume(s);
  bool done = true;
  switch (c.what) {
  case control::kind::watermark:
    done = s.op->watermark(c.time, s.outputs);
    break;
  case control::kind::end_of_input:
    done = s.op->end_of_input(s.outputs);
    if (done) {
      s.ended = true;
      if (std::exchange(s.wake_due, false))
        --stages_to_wake_;
    }
    break;
  }
  settle(s);
  if (done)
    ++c.next_stage;
  if (c.next_stage == stages_.size())
    controls_.pop_front();
  return chain_progress::worked;
}

void operator_chain::resume(stage& s) {
  for (std::size_t port = 0; port != s.outputs.size(); ++port)
    s.outputs.any_port(port).resume();
}

// What follows every call of an operator.
void operator_chain::settle(stage& s) {
  flush(s);
  if (const bool holds = s.op->holding(); holds != s.holds) {
    s.holds = holds;
    if (holds)
      ++stages_holding_;
    else
      --stages_holding_;
  }
}

void operator_chain::flush(stage& s) {
  for (std::size_t port = 0; port != s.outputs.size(); ++port)
    s.outputs.any_port(port).flush();
}

any_operator& operator_chain::at(std::size_t index) noexcept {
  return *stages_[index]->op;
}

operator_context& operator_chain::context(std::size_t index) noexcept {
  return *stages_[index]->context;
}

operator_outputs& operator_chain::head_outputs() noexcept {
  return stages_.front()->outputs;
}

void operator_chain::flush_head() {
  flush(*stages_.front());
}

void operator_chain::emit_from_head(batch_ptr batch) {
  stages_.front()->emitted_elsewhere += batch->size();
  stages_.front()->ports.front()->accept(std::move(batch));
}

const std::string& operator_chain::current_operator() const noexcept {
  return stages_[current_]->context->identity().name;
}

std::uint64_t operator_chain::records_in(std::size_t index) const noexcept {
  return stages_[index]->records_in;
}

std::uint64_t operator_chain::records_out(std::size_t index) const noexcept {
  const stage& s = *stages_[index];
  std::uint64_t sum = s.emitted_elsewhere;
  for (std::size_t port = 0; port != s.outputs.size(); ++port)
    sum += s.outputs.any_port(port).emitted();
  return sum;
}

} // namespace weir::inline v0
