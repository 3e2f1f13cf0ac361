#include "source_driver.hpp"

#include "../persistence/saturating_time.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace weir::inline v0 {

namespace {

/// Readers of a source that blocks which may be open at a time, so that a million files need no million descriptors.
/// Others hold nothing of the system's, and stay open: one that is opened is told that all before its position is
/// durable.
constexpr std::size_t most_open_readers = 64;
/// Reads of one split before another has its turn.
constexpr std::size_t reads_a_turn = 16;
/// How long a reader that has nothing and names no time is left alone.
constexpr std::chrono::microseconds idle_pause = std::chrono::milliseconds{10};
/// How much of the time that a reader was not asked it may make up for, if it does not block.
constexpr std::chrono::microseconds most_made_up = std::chrono::milliseconds{100};

} // namespace

split_readers::split_readers(const any_source& source, std::vector<source_operator::unread_split> splits,
                             std::shared_ptr<waker> wakes_readers, bool keep_ended)
    : source_(source),
      waiting_(std::make_move_iterator(splits.begin()), std::make_move_iterator(splits.end())),
      waker_(std::move(wakes_readers)),
      keep_ended_(keep_ended) {}

bool split_readers::read(any_collector& out, std::size_t max_records, processing_time now, monotonic_time monotonic,
                         bool every_position, result& into) {
  const bool one_at_a_time = source_.one_split_at_a_time();
  const std::size_t most_open = source_.blocking() ? most_open_readers : std::numeric_limits<std::size_t>::max();
  for (;;) {
    auto due =
        std::find_if(open_.begin(), open_.end(), [monotonic](const open_reader& r) { return r.due <= monotonic; });
    const bool may_open = !waiting_.empty() && open_.size() < most_open && (due == open_.end() || !one_at_a_time);
    if (may_open) {
      source_operator::unread_split next = std::move(waiting_.front());
      waiting_.pop_front();
      open_.push_back({next.split.id, next.split.description, source_.open_split(next.split, next.position, now),
                       monotonic, processing_time{}, 0});
      open_reader& opened = open_.back();
      opened.named = opened.reader->next_at();
      if (waker_)
        opened.reader->attach(waker_);
      continue;
    }
    if (due == open_.end() && !waiting_.empty() && idle_reads_ < open_.size() + waiting_.size()) {
      // All that are open have nothing: the one that is due last makes room for one that nobody has looked at.
      const auto last = std::max_element(open_.begin(), open_.end(),
                                         [](const open_reader& a, const open_reader& b) { return a.due < b.due; });
      waiting_.push_back({{last->split, last->description}, last->reader->position()});
      open_.erase(last);
      continue;
    }
    if (due == open_.end()) {
      idle_reads_ = 0;
      next_at_ = {};
      for (const open_reader& r : open_)
        next_at_ = next_at_ == monotonic_time{} ? r.due : std::min(next_at_, r.due);
      return false;
    }
    open_reader& r = *due;
    if (!begin_read(*r.reader))
      return false;
    into.status = r.reader->read(out, max_records);
    end_read();
    into.split = r.split;
    if (every_position || into.status == read_status::end)
      into.position = r.reader->position();
    if (into.status == read_status::end) {
      if (keep_ended_)
        ended_.push_back(std::move(r));
      open_.erase(due);
    } else {
      idle_reads_ = into.status == read_status::later ? idle_reads_ + 1 : 0;
      if (into.status == read_status::later) {
        if (std::string remark = r.reader->take_remark(); !remark.empty())
          remark_ = std::move(remark);
        const processing_time next = r.reader->next_at();
        r.due = due_after(r, next, now, monotonic);
        r.named = next;
      }
      if (!one_at_a_time && ++r.reads % reads_a_turn == 0) {
        open_reader last = std::move(r);
        open_.erase(due);
        open_.push_back(std::move(last));
      }
    }
    return true;
  }
}

monotonic_time split_readers::due_after(const open_reader& asked, processing_time next, processing_time now,
                                        monotonic_time monotonic) const {
  if (next == processing_time::max())
    return monotonic_time::max();
  if (next == processing_time{})
    return monotonic + idle_pause;
  std::chrono::microseconds wait = saturating_until(now, next);
  std::chrono::microseconds most_late = idle_pause;
  if (asked.named != processing_time{} && next > asked.named) {
    // Most readers have no clock, and count on from the time at which they began: what they add is how long they wait,
    // whatever the clock was set to since. One that looks at a clock of its own does not wait longer than that says.
    most_late = saturating_until(asked.named, next);
    const std::chrono::microseconds on = saturating_until(monotonic, saturating_add(asked.due, most_late));
    wait = wait.count() > 0 ? std::min(wait, on) : on;
  }
  if (wait.count() > 0)
    return saturating_add(monotonic, wait);
  // One that goes at a rate makes up for a little, so that what comes late now and then does not slow it down.
  if (!source_.blocking())
    return monotonic + std::max(wait, -most_made_up);
  // One that polls is late because it was busy: it is not to catch up. One that names a time that has just passed is
  // not late, and hardly waits.
  return monotonic - std::max(wait, -most_late);
}

std::vector<split_readers::result> split_readers::positions() const {
  std::vector<result> all;
  for (const open_reader& r : open_)
    all.push_back({r.split, r.reader->position(), read_status::more});
  for (const source_operator::unread_split& w : waiting_)
    if (!w.position.empty()) // it was open before
      all.push_back({w.split.id, w.position, read_status::more});
  return all;
}

std::vector<split_readers::result> split_readers::kept_ends() const {
  std::vector<result> all;
  for (const open_reader& r : ended_)
    all.push_back({r.split, r.reader->position(), read_status::end});
  return all;
}

void split_readers::durable(const result& at) {
  const auto of_split = [&at](const open_reader& r) { return r.split == at.split; };
  if (const auto open = std::find_if(open_.begin(), open_.end(), of_split); open != open_.end())
    return open->reader->durable(at.position);
  const auto ended = std::find_if(ended_.begin(), ended_.end(), of_split);
  if (ended == ended_.end())
    return;
  ended->reader->durable(at.position);
  if (at.status == read_status::end)
    ended_.erase(ended);
}

void split_readers::wake() {
  for (open_reader& r : open_)
    if (r.due == monotonic_time::max())
      r.due = {};
}

bool split_readers::begin_read(split_reader& reader) {
  const std::lock_guard lock(interrupt_mutex_);
  reading_ = &reader;
  return !interrupted_;
}

void split_readers::end_read() {
  const std::lock_guard lock(interrupt_mutex_);
  reading_ = nullptr;
}

void split_readers::interrupt() noexcept {
  const std::lock_guard lock(interrupt_mutex_);
  interrupted_ = true;
  if (reading_)
    reading_->interrupt();
}

source_driver::~source_driver() = default;

inline_source::inline_source(source_operator& op, operator_chain& chain, environment& env, std::size_t batch_size,
                             std::shared_ptr<waker> wakes_readers, bool checkpointing)
    : op_(op),
      chain_(chain),
      env_(env),
      batch_size_(batch_size),
      checkpointing_(checkpointing),
      readers_(*op.as_source(), op.unread(), std::move(wakes_readers), checkpointing) {
  for (const source_operator::unread_split& read : op.finished())
    op.as_source()->already_read(read.split, read.position);
}

source_progress inline_source::produce() {
  if (halted_ || readers_.exhausted())
    return source_progress::ended;
  any_collector& out = chain_.head_outputs().any_port(0);
  out.resume();
  split_readers::result result;
  if (!readers_.read(out, batch_size_, env_.now(), env_.monotonic(), false, result))
    return readers_.exhausted() ? source_progress::ended : source_progress::waiting;
  chain_.flush_head();
  if (result.status == read_status::end)
    op_.advance(result.split, std::move(result.position), true);
  return source_progress::produced;
}

void inline_source::note_positions(checkpoint_id checkpoint) {
  std::vector<split_readers::result> open = readers_.positions();
  for (const split_readers::result& at : open)
    op_.advance(at.split, at.position, false);
  if (!checkpointing_)
    return;
  for (split_readers::result& at : readers_.kept_ends())
    open.push_back(std::move(at));
  in_flight_[checkpoint] = std::move(open);
}

void inline_source::completed(checkpoint_id checkpoint) {
  const auto at = in_flight_.find(checkpoint);
  if (at == in_flight_.end())
    return;
  const std::vector<split_readers::result> positions = std::move(at->second);
  in_flight_.erase(in_flight_.begin(), std::next(at));
  for (const split_readers::result& each : positions)
    readers_.durable(each);
}

companion_source::companion_source(source_operator& op, operator_chain& chain, std::function<void()> ask,
                                   std::size_t reads_ahead)
    : op_(op), chain_(chain), ask_(std::move(ask)), reads_ahead_(reads_ahead) {}

void companion_source::ask_more() {
  while (!all_ended_ && !halted_ && asked_ + ready_.size() < reads_ahead_) {
    ++asked_;
    ask_();
  }
}

void companion_source::on_read(companion_read read) {
  --asked_;
  all_ended_ = all_ended_ || read.all_ended;
  if (!read.split.empty())
    ready_.push_back(std::move(read));
}

source_progress companion_source::produce() {
  if (halted_)
    return source_progress::ended;
  if (ready_.empty()) {
    ask_more();
    return all_ended_ && asked_ == 0 ? source_progress::ended : source_progress::waiting;
  }
  companion_read next = std::move(ready_.front());
  ready_.pop_front();
  ask_more();
  for (batch_ptr& batch : next.batches)
    chain_.emit_from_head(std::move(batch));
  op_.advance(next.split, std::move(next.position), next.split_ended);
  return source_progress::produced;
}

} // namespace weir::inline v0
