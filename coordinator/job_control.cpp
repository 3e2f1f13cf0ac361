#include "job_control.hpp"

#include "../actors/dispatch.hpp"
#include "../actors/error_report.hpp"
#include "../persistence/error.hpp"
#include "../persistence/thread_pace.hpp"
#include "coordinator_messages.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

std::string_view to_text(job_state state) {
  switch (state) {
  case job_state::starting:
    return "starting";
  case job_state::running:
    return "running";
  case job_state::restarting:
    return "restarting";
  case job_state::stopping:
    return "stopping";
  case job_state::finished:
    return "finished";
  case job_state::stopped:
    return "stopped";
  case job_state::cancelled:
    return "cancelled";
  case job_state::failed:
    return "failed";
  }
  return "unknown";
}

job_control::job_control(job_status first, std::shared_ptr<environment> env, bool compress_savepoints)
    : status_(std::move(first)),
      env_(std::move(env)),
      begun_(env_->monotonic()),
      compress_savepoints_(compress_savepoints) {}

void checkpoint_answer::set_value(checkpoint_id id) const {
  if (promise_)
    promise_->set_value(id);
  else if (call_)
    call_(id, nullptr);
}

void checkpoint_answer::set_exception(const std::exception_ptr& why) const {
  if (promise_)
    promise_->set_exception(why);
  else if (call_)
    call_({}, why);
}

void job_control::on_end(end_function call) {
  {
    const std::lock_guard lock(mutex_);
    if (!end_) {
      at_end_.push_back(std::move(call));
      return;
    }
  }
  call(status_.state, failure_ ? sentence_of(failure_) : std::string{}); // both stay as they are
}

void job_control::attach(caf::actor coordinator) {
  const std::lock_guard lock(mutex_);
  if (!end_) // a short job may be over by now
    coordinator_ = std::move(coordinator);
}

void job_control::ask(job_request request) {
  caf::actor to;
  {
    const std::lock_guard lock(mutex_);
    to = coordinator_;
  }
  if (to)
    post(to, std::move(request));
  else if (request.answer)
    request.answer->set_exception(std::make_exception_ptr(
        error({"job \"" + status_.job + "\"", "a running job", "one that has ended", "start it again"})));
}

void job_control::set_counters(subtask_id id, const std::string& task, bool source,
                               std::shared_ptr<subtask_counters> counters) {
  const std::lock_guard lock(mutex_);
  counted& c = counters_[id];
  if (c.now && source)
    c.read_before += c.now->records_in.load(std::memory_order_relaxed);
  c.task = task;
  c.source = source;
  c.now = std::move(counters);
}

void job_control::finish(job_state state, std::exception_ptr failure) {
  std::vector<end_function> told;
  {
    const std::lock_guard lock(mutex_);
    if (end_)
      return;
    end_ = env_->monotonic();
    status_.state = state;
    failure_ = std::move(failure);
    coordinator_ = nullptr;
    told = std::exchange(at_end_, {});
  }
  ended_.notify_all();
  for (const end_function& call : told)
    call(state, failure_ ? sentence_of(failure_) : std::string{});
}

job_status job_control::status_locked() const {
  job_status status = status_;
  status.counters = user_counters_->values();
  status.running_for = end_.value_or(env_->monotonic()) - begun_;
  for (const auto& [id, c] : counters_) {
    auto at = std::find_if(status.tasks.begin(), status.tasks.end(),
                           [&task = c.task](const task_status& t) { return t.name == task; });
    if (at == status.tasks.end()) {
      status.tasks.push_back({});
      at = std::prev(status.tasks.end());
      at->name = c.task;
      at->parallelism = 0;
    }
    ++at->parallelism;
    const std::uint64_t in = c.now->records_in.load(std::memory_order_relaxed);
    at->records_in += in;
    at->records_out += c.now->records_out.load(std::memory_order_relaxed);
    at->batches_queued += c.now->batches_queued.load(std::memory_order_relaxed);
    at->batches_queued_most =
        std::max<std::uint64_t>(at->batches_queued_most, c.now->batches_queued_most.load(std::memory_order_relaxed));
    at->longest_pause =
        std::max(at->longest_pause, std::chrono::microseconds{c.now->longest_pause_us.load(std::memory_order_relaxed)});
    at->longest_pause_work =
        std::max(at->longest_pause_work,
                 std::chrono::microseconds{c.now->longest_pause_work_us.load(std::memory_order_relaxed)});
    status.restore.entries_loaded += c.now->entries_loaded.load(std::memory_order_relaxed);
    status.restore.entries += c.now->entries_to_load.load(std::memory_order_relaxed);
    status.restore.bytes_loaded += c.now->bytes_loaded.load(std::memory_order_relaxed);
    status.restore.bytes += c.now->bytes_to_load.load(std::memory_order_relaxed);
    if (c.source)
      status.records_read += in + c.read_before;
  }
  return status;
}

job_status job_control::status() const {
  const std::lock_guard lock(mutex_);
  return status_locked();
}

job_status job_control::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return end_.has_value(); });
  if (failure_)
    std::rethrow_exception(failure_);
  return status_locked();
}

bool job_control::wait_for(std::chrono::microseconds time) const {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, time, [this] { return end_.has_value(); });
}

job_handle::job_handle(std::shared_ptr<job_control> control) : control_(std::move(control)) {}

checkpoint_id job_handle::checkpoint() {
  auto answer = std::make_shared<std::promise<checkpoint_id>>();
  std::future<checkpoint_id> future = answer->get_future();
  control_->ask({job_request::kind::checkpoint, std::move(answer)});
  try {
    return future.get();
  } catch (const std::future_error&) {
    throw error({"checkpoint", "a running job", "one that ended meanwhile", "start it again"});
  }
}

written_savepoint job_handle::savepoint(const std::string& to) {
  const std::string store = store_for_savepoint();
  require_savepoint_place(to);
  const job_control::no_pruning hold{*control_};
  const thread_pace pace{system_pacing()}; // beside the running job
  return write_savepoint(store, checkpoint(), to, control_->now(), control_->compress_savepoints());
}

written_savepoint job_handle::stop_with_savepoint(const std::string& to) {
  const std::string store = store_for_savepoint();
  require_savepoint_place(to); // else the job would be stopped for nothing
  stop();
  static_cast<void>(wait());
  return write_savepoint(store, std::nullopt, to, control_->now(), control_->compress_savepoints());
}

std::string job_handle::store_for_savepoint() const {
  job_status now = status();
  if (now.store.empty())
    throw usage_error({"a savepoint of job \"" + now.job + "\"", "a job with a store", "one without checkpoints",
                       "start it with checkpoints"});
  return std::move(now.store);
}

void job_handle::stop() {
  control_->ask({job_request::kind::stop, nullptr});
}
void job_handle::drain() {
  control_->ask({job_request::kind::drain, nullptr});
}
void job_handle::cancel() {
  control_->ask({job_request::kind::cancel, nullptr});
}
job_status job_handle::status() const {
  return control_->status();
}
job_status job_handle::wait() {
  return control_->wait();
}
bool job_handle::wait_for(std::chrono::microseconds time) const {
  return control_->wait_for(time);
}

} // namespace weir::inline v0
