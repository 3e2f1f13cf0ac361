// The state machine of a job's checkpoints.
#include "checkpoint_tracker.hpp"

#include "duration_text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace weir::inline v0 {

namespace {

bool is_final(checkpoint_trigger trigger) {
  return trigger == checkpoint_trigger::drain || trigger == checkpoint_trigger::at_end;
}

} // namespace

checkpoint_tracker::checkpoint_tracker(checkpoint_settings settings, checkpoint_topology topology)
    : settings_(settings), topology_(std::move(topology)), regions_(topology_.regions()), schedule_(settings) {}

// ---- regions ----

void checkpoint_tracker::region_starting(region_id region, attempt_id attempt) {
  regions_.at(region.value) = {false, attempt};
  for (std::size_t member = 0; member != topology_.members().size(); ++member)
    if (topology_.members()[member].region == region)
      ended_.erase(member);
}

checkpoint_decisions checkpoint_tracker::region_running(region_id region, attempt_id attempt,
                                                        std::optional<checkpoint_id> restored, monotonic_time now) {
  checkpoint_decisions out;
  if (regions_.at(region.value).attempt != attempt)
    region_starting(region, attempt);
  regions_[region.value].running = true;
  const checkpoint_id from = restored.value_or(checkpoint_id{0});
  commits_of_lost_checkpoints(from, out);
  newest_complete_ = restored;
  for (std::size_t member = 0; member != topology_.members().size(); ++member)
    if (topology_.members()[member].region == region)
      commits_.confirm(member, from);
  settle_commits(out);
  if (all_running())
    schedule_.running(now);
  open_if_due(now, out);
  return out;
}

checkpoint_decisions checkpoint_tracker::region_failed(region_id region, std::string_view reason, monotonic_time now) {
  checkpoint_decisions out;
  region_starting(region, attempt_id{0}); // no attempt is the present one
  const std::string why{reason};
  std::vector<checkpoint_id> open;
  for (const auto& [id, checkpoint] : pending_)
    if (!checkpoint.completing)
      open.push_back(id);
  for (const checkpoint_id id : open)
    give_up(id, checkpoint_status::aborted, why, false, now, out);
  if (opening_ && !opening_void_)
    opening_void_ = why;
  if (final_ == ending::wanted)
    final_ = ending::none; // its subtasks will say again when they have ended

  // The region's barriers went with its channels.
  travelling_.gone([&](std::size_t member) { return topology_.members()[member].region == region; });
  return out;
}

// ---- reasons for a checkpoint ----

checkpoint_decisions checkpoint_tracker::tick(monotonic_time now) {
  checkpoint_decisions out;
  std::vector<checkpoint_id> overdue;
  for (const auto& [id, checkpoint] : pending_)
    if (!checkpoint.completing && now >= saturating_add(checkpoint.opened(), settings_.timeout))
      overdue.push_back(id);
  for (const checkpoint_id id : overdue)
    give_up(id, checkpoint_status::failed, "not complete after " + duration_text(settings_.timeout), true, now, out);
  for (const travelling_barriers::unheard& each : travelling_.tick(now)) {
    if (shut_)
      continue;
    repeat_abort_decision again{each.id, {}};
    for (const std::size_t member : each.missing)
      again.unheard.push_back(topology_.members()[member].id);
    out.emplace_back(std::move(again));
  }
  if (!commits_.empty() && !shut_ && now >= remind_at_) {
    out.emplace_back(remind_decision{commits_.newest()}); // it stands for all before it
    remind_at_ = saturating_add(now, commit_reminder_after);
  }
  open_if_due(now, out);
  return out;
}

checkpoint_decisions checkpoint_tracker::records_emitted(subtask_id subtask, attempt_id attempt, std::uint64_t records,
                                                         monotonic_time now) {
  checkpoint_decisions out;
  if (present(subtask, attempt)) {
    schedule_.emitted(records);
    open_if_due(now, out);
  }
  return out;
}

checkpoint_decisions checkpoint_tracker::subtask_ended(subtask_id subtask, attempt_id attempt, monotonic_time now) {
  checkpoint_decisions out;
  const auto member = present(subtask, attempt);
  if (!member)
    return out;
  ended_.insert(*member);
  want_final(out);
  open_if_due(now, out);
  return out;
}

checkpoint_decisions checkpoint_tracker::request(checkpoint_trigger trigger, monotonic_time now) {
  checkpoint_decisions out;
  if (shut_ || stop_ >= ending::complete || final_ >= ending::complete)
    return {refuse_decision{trigger, "the job is over"}};
  switch (trigger) {
  case checkpoint_trigger::demand:
    if (stop_ != ending::none || final_ != ending::none)
      return {refuse_decision{trigger, "the job is ending, with a checkpoint of its own"}};
    demanded_ = true;
    break;
  case checkpoint_trigger::stop:
    if (final_ != ending::none)
      return {refuse_decision{trigger, "all input has ended; the final checkpoint ends the job"}};
    if (stop_ == ending::none)
      stop_ = ending::wanted;
    break;
  case checkpoint_trigger::drain:
    if (stop_ != ending::none)
      return {refuse_decision{trigger, "the job is stopping"}};
    draining_ = true;
    break;
  case checkpoint_trigger::interval:
  case checkpoint_trigger::records:
  case checkpoint_trigger::at_end:
    return {refuse_decision{trigger, "a checkpoint of this kind is not asked for; it comes by itself"}};
  }
  open_if_due(now, out);
  return out;
}

// ---- the store's words ----

checkpoint_decisions checkpoint_tracker::opened(checkpoint_id id, monotonic_time now) {
  checkpoint_decisions out;
  if (!opening_)
    return out;
  const checkpoint_trigger trigger = *std::exchange(opening_, std::nullopt);
  if (const auto reason = std::exchange(opening_void_, std::nullopt)) {
    out.emplace_back(abort_decision{id, trigger, checkpoint_status::aborted, *reason, {}});
    ended_without_success(trigger, out);
  } else {
    pending_.emplace(id, pending_checkpoint{trigger, now, topology_});
    complete_if_ready(id, out); // a job without subtasks
  }
  open_if_due(now, out);
  return out;
}

checkpoint_decisions checkpoint_tracker::open_failed(std::string_view reason, monotonic_time now) {
  checkpoint_decisions out;
  if (!opening_)
    return out;
  const checkpoint_trigger trigger = *std::exchange(opening_, std::nullopt);
  opening_void_.reset();
  const std::string why = "the store could not open it: " + std::string{reason};
  if (trigger == checkpoint_trigger::demand || trigger == checkpoint_trigger::stop)
    out.emplace_back(refuse_decision{trigger, why});
  schedule_.refused(now);
  ended_without_success(trigger, out);
  count_failure(why, out);
  open_if_due(now, out);
  return out;
}

checkpoint_decisions checkpoint_tracker::completed(checkpoint_id id, monotonic_time now) {
  checkpoint_decisions out;
  const auto found = pending_.find(id);
  if (found == pending_.end() || !found->second.completing)
    return out;
  const checkpoint_trigger trigger = found->second.trigger();
  const std::set<std::size_t> committing = found->second.committing();
  pending_.erase(found);
  newest_complete_ = id;
  consecutive_failures_ = 0;
  schedule_.ended(now);
  std::vector<checkpoint_id> older;
  for (auto at = pending_.begin(); at != pending_.lower_bound(id); ++at)
    older.push_back(at->first);
  for (const checkpoint_id each : older)
    give_up(each, checkpoint_status::aborted, "overtaken by checkpoint " + to_string(id), false, now, out);
  if (shut_)
    return out; // what it prepared is committed when the job goes on

  out.emplace_back(commit_decision{id, trigger});
  commits_.add(id, trigger, committing);
  remind_at_ = saturating_add(now, commit_reminder_after);
  if (trigger == checkpoint_trigger::stop)
    stop_ = ending::complete;
  if (is_final(trigger))
    final_ = ending::complete;
  settle_commits(out);
  open_if_due(now, out);
  return out;
}

checkpoint_decisions checkpoint_tracker::complete_failed(checkpoint_id id, std::string_view reason,
                                                         monotonic_time now) {
  checkpoint_decisions out;
  const auto found = pending_.find(id);
  if (found == pending_.end() || !found->second.completing)
    return out;
  give_up(id, checkpoint_status::failed, "the store could not complete it: " + std::string{reason}, true, now, out);
  for (auto at = pending_.rbegin(); at != pending_.rend(); ++at)
    complete_if_ready(at->first, out); // an older one may have waited for this one's end
  open_if_due(now, out);
  return out;
}

// ---- the subtasks' words ----

checkpoint_tracker::acknowledged checkpoint_tracker::acknowledge(subtask_id subtask, attempt_id attempt,
                                                                 const checkpoint_acknowledged& ack,
                                                                 monotonic_time now) {
  if (!topology_.index_of(subtask))
    return {acknowledgement_result::unknown_subtask, {}};
  const auto member = present(subtask, attempt);
  if (!member)
    return {acknowledgement_result::old_attempt, {}};
  acknowledged result;
  travelling_.passed(ack.checkpoint, *member); // barriers keep their order
  const auto found = pending_.find(ack.checkpoint);
  if (found == pending_.end()) {
    result.result = acknowledgement_result::late;
  } else if (found->second.has(*member)) {
    result.result = acknowledgement_result::repeated;
    return result;
  } else if (const std::string fault = found->second.accept(*member, ack, topology_); !fault.empty()) {
    give_up(ack.checkpoint, checkpoint_status::failed, fault, true, now, result.decisions);
  } else {
    complete_if_ready(ack.checkpoint, result.decisions);
  }
  open_if_due(now, result.decisions);
  return result;
}

checkpoint_decisions checkpoint_tracker::decline(checkpoint_id id, subtask_id subtask, attempt_id attempt,
                                                 std::string_view reason, monotonic_time now, bool busy) {
  checkpoint_decisions out;
  const auto member = present(subtask, attempt);
  if (!member)
    return out;
  const auto found = pending_.find(id);
  if (found != pending_.end() && !found->second.completing) {
    found->second.remark(*member, reason);
    give_up(id, busy ? checkpoint_status::aborted : checkpoint_status::failed,
            topology_.members()[*member].name + " declined it: " + std::string{reason}, !busy, now, out);
  }
  travelling_.passed(id, *member);
  open_if_due(now, out);
  return out;
}

checkpoint_decisions checkpoint_tracker::barrier_skipped(checkpoint_id id, subtask_id subtask, attempt_id attempt,
                                                         monotonic_time now) {
  checkpoint_decisions out;
  if (const auto member = present(subtask, attempt)) {
    travelling_.heard(id, *member);
    open_if_due(now, out);
  }
  return out;
}

void checkpoint_tracker::remark(subtask_id subtask, attempt_id attempt, std::string_view text) {
  if (const auto member = present(subtask, attempt))
    for (auto& [id, checkpoint] : pending_)
      checkpoint.remark(*member, text);
}

checkpoint_decisions checkpoint_tracker::committed(checkpoint_id id, subtask_id subtask, attempt_id attempt,
                                                   monotonic_time now) {
  checkpoint_decisions out;
  // One that does not run yet has no state that it could know its commits by; they are confirmed when it runs.
  const auto member = present(subtask, attempt);
  if (member && regions_[topology_.members()[*member].region.value].running) {
    commits_.confirm(*member, id);
    settle_commits(out);
    open_if_due(now, out);
  }
  return out;
}

// ---- the end ----

checkpoint_decisions checkpoint_tracker::shut_down(std::string_view reason) {
  checkpoint_decisions out;
  const std::string why{reason};
  shut_ = true;
  std::vector<checkpoint_id> open;
  for (const auto& [id, checkpoint] : pending_)
    if (!checkpoint.completing)
      open.push_back(id);
  for (const checkpoint_id id : open)
    give_up(id, checkpoint_status::aborted, why, false, schedule_.pause_until(), out);
  if (opening_ && !opening_void_)
    opening_void_ = why;
  if (std::exchange(demanded_, false))
    out.emplace_back(refuse_decision{checkpoint_trigger::demand, why});
  if (stop_ == ending::wanted) {
    stop_ = ending::none;
    out.emplace_back(refuse_decision{checkpoint_trigger::stop, why});
  }
  return out;
}

// ---- what can be asked ----

std::optional<monotonic_time> checkpoint_tracker::next_deadline() const {
  std::optional<monotonic_time> first = next_opening();
  const auto consider = [&](monotonic_time at) { first = first ? std::min(*first, at) : at; };
  for (const auto& [id, checkpoint] : pending_)
    if (!checkpoint.completing)
      consider(saturating_add(checkpoint.opened(), settings_.timeout));
  if (const auto due = travelling_.next())
    consider(*due);
  if (!commits_.empty() && !shut_)
    consider(remind_at_);
  return first;
}

std::vector<late_subtask> checkpoint_tracker::late(checkpoint_id id) const {
  const auto found = pending_.find(id);
  return found == pending_.end() ? std::vector<late_subtask>{} : found->second.late(topology_);
}

// ---- inside ----

std::optional<std::size_t> checkpoint_tracker::present(subtask_id subtask, attempt_id attempt) const {
  const auto member = topology_.index_of(subtask);
  if (!member)
    return std::nullopt;
  const region_state& region = regions_[topology_.members()[*member].region.value];
  if (attempt == attempt_id{0} || region.attempt != attempt)
    return std::nullopt;
  return member;
}

bool checkpoint_tracker::all_running() const {
  return std::all_of(regions_.begin(), regions_.end(), [](const region_state& region) { return region.running; });
}

bool checkpoint_tracker::may_open() const {
  return !shut_ && !opening_ && all_running() && stop_ <= ending::wanted && final_ <= ending::wanted &&
         pending_.size() + travelling_.size() < settings_.max_concurrent;
}

std::optional<checkpoint_trigger> checkpoint_tracker::next_trigger(monotonic_time now) const {
  if (final_ == ending::wanted) {
    if (final_failed_ && schedule_.pausing(now))
      return std::nullopt;
    return draining_ ? checkpoint_trigger::drain : checkpoint_trigger::at_end;
  }
  if (stop_ == ending::wanted)
    return checkpoint_trigger::stop;
  if (demanded_)
    return checkpoint_trigger::demand;
  return schedule_.due(now);
}

std::optional<monotonic_time> checkpoint_tracker::next_opening() const {
  if (!may_open())
    return std::nullopt;
  // What is asked for and needs no pause has been opened already.
  return final_ == ending::wanted ? schedule_.pause_until() : schedule_.next();
}

void checkpoint_tracker::open_if_due(monotonic_time now, checkpoint_decisions& out) {
  if (!may_open())
    return;
  const auto trigger = next_trigger(now);
  if (!trigger)
    return;
  opening_ = trigger;
  schedule_.opened(now);
  if (*trigger == checkpoint_trigger::demand)
    demanded_ = false;
  if (*trigger == checkpoint_trigger::stop)
    stop_ = ending::under_way;
  if (is_final(*trigger))
    final_ = ending::under_way;
  out.emplace_back(open_decision{*trigger});
}

void checkpoint_tracker::complete_if_ready(checkpoint_id id, checkpoint_decisions& out) {
  const auto found = pending_.find(id);
  if (found == pending_.end() || !found->second.complete() || found->second.completing)
    return;
  // The store completes in the order of ids: while a newer one is being completed, this one is overtaken, or gets its
  // turn when the newer one fails.
  if (std::any_of(std::next(found), pending_.end(), [](const auto& each) { return each.second.completing; }))
    return;
  found->second.completing = true;
  out.emplace_back(complete_decision{id});
}

void checkpoint_tracker::want_final(checkpoint_decisions& out) {
  if (shut_ || final_ != ending::none || stop_ > ending::wanted || !all_ended())
    return;
  final_ = ending::wanted;
  if (stop_ == ending::wanted) {
    stop_ = ending::none;
    out.emplace_back(
        refuse_decision{checkpoint_trigger::stop, "all input has ended; the final checkpoint ends the job"});
  }
}

void checkpoint_tracker::give_up(checkpoint_id id, checkpoint_status status, const std::string& reason, bool counts,
                                 monotonic_time now, checkpoint_decisions& out) {
  const auto found = pending_.find(id);
  const checkpoint_trigger trigger = found->second.trigger();
  out.emplace_back(abort_decision{id, trigger, status, reason, found->second.late(topology_)});
  std::set<std::size_t> not_passed = found->second.missing();
  std::erase_if(not_passed, [&](std::size_t member) {
    return !regions_[topology_.members()[member].region.value].running; // its barriers went with its channels
  });
  travelling_.add(id, std::move(not_passed), now, saturating_add(now, settings_.timeout));
  pending_.erase(found);
  schedule_.ended(now);
  ended_without_success(trigger, out);
  if (counts)
    count_failure(reason, out);
}

void checkpoint_tracker::count_failure(const std::string& reason, checkpoint_decisions& out) {
  if (shut_)
    return;
  ++consecutive_failures_;
  if (consecutive_failures_ <= settings_.tolerable_failures)
    return;
  shut_ = true;
  out.emplace_back(fail_job_decision{(consecutive_failures_ == 1 ? "a checkpoint failed: "
                                                                 : std::to_string(consecutive_failures_) +
                                                                       " checkpoints in a row failed; the last: ") +
                                     reason});
}

void checkpoint_tracker::ended_without_success(checkpoint_trigger trigger, checkpoint_decisions& out) {
  if (trigger == checkpoint_trigger::stop) {
    stop_ = ending::none;
    out.emplace_back(resume_decision{});
  }
  if (is_final(trigger)) {
    final_ = ending::none;
    final_failed_ = true;
  }
  want_final(out);
}

void checkpoint_tracker::commits_of_lost_checkpoints(checkpoint_id newer_than, checkpoint_decisions& out) {
  for (const auto& [id, trigger] : commits_.take_newer(newer_than)) {
    if (trigger == checkpoint_trigger::stop)
      out.emplace_back(refuse_decision{trigger, "checkpoint " + to_string(id) + " could not be restored"});
    ended_without_success(trigger, out);
  }
}

void checkpoint_tracker::settle_commits(checkpoint_decisions& out) {
  for (const auto& [id, trigger] : commits_.take_committed()) {
    out.emplace_back(committed_decision{id});
    const bool stops = trigger == checkpoint_trigger::stop && stop_ == ending::complete;
    const bool ends = is_final(trigger) && final_ == ending::complete;
    if (!stops && !ends)
      continue;
    (stops ? stop_ : final_) = ending::over;
    if (std::exchange(demanded_, false))
      out.emplace_back(refuse_decision{checkpoint_trigger::demand, "the job is over"});
    out.emplace_back(end_decision{id, trigger});
  }
}

} // namespace weir::inline v0
