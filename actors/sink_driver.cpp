#include "sink_driver.hpp"

#include "../persistence/error.hpp"

#include <mutex>
#include <utility>

namespace weir::inline v0 {

template <class Work>
auto inline_sink::guarded(Work work) {
  try {
    return work();
  } catch (...) {
    answers_.threw();
    throw;
  }
}

void inline_sink::start(sink_start start) {
  writer_ = guarded([&] { return sink_.open_writer(start); });
}

bool inline_sink::accept(batch_ptr batch) {
  guarded([&] { writer_->write(*batch); });
  return true;
}

void inline_sink::prepare(checkpoint_id checkpoint) {
  answers_.prepared(checkpoint, guarded([&] { return writer_->prepare(checkpoint); }));
}

void inline_sink::commit(checkpoint_id up_to, std::vector<prepared_output> prepared) {
  guarded([&] { writer_->commit(prepared); });
  answers_.committed(up_to);
}

void inline_sink::flush() {
  guarded([&] { writer_->flush(); });
}

/// What has become of commits, told by others' threads.
class later_sink::answer_list {
public:
  struct answer {
    std::optional<checkpoint_id> up_to; ///< none: of what was pending at the start
    std::string error;
  };

  explicit answer_list(std::shared_ptr<waker> wakes) : wakes_(std::move(wakes)) {}

  void put(answer a) {
    {
      const std::lock_guard lock(mutex_);
      answers_.push_back(std::move(a));
    }
    wakes_->wake();
  }
  [[nodiscard]] std::vector<answer> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }

private:
  std::shared_ptr<waker> wakes_;
  std::mutex mutex_;
  std::vector<answer> answers_;
};

later_sink::later_sink(const any_sink& sink, sink_answers answers, std::shared_ptr<waker> wakes, std::size_t window)
    : sink_(sink),
      answers_(std::move(answers)),
      list_(std::make_shared<answer_list>(std::move(wakes))),
      window_(window) {}

later_sink::~later_sink() = default;

template <class Work>
auto later_sink::guarded(Work work) {
  try {
    return work();
  } catch (...) {
    answers_.threw();
    throw;
  }
}

void later_sink::start(sink_start start) {
  writer_ = guarded([&] { return sink_.open_writer(start); });
  if (start.pending.empty())
    started_ = true;
  else
    begin(std::nullopt, start.pending);
}

void later_sink::begin(std::optional<checkpoint_id> up_to, const std::vector<prepared_output>& prepared) {
  ++under_way_;
  guarded([&] {
    writer_->commit_later(prepared, [list = list_, up_to](std::string error) { list->put({up_to, std::move(error)}); });
  });
}

bool later_sink::accept(batch_ptr batch) {
  guarded([&] { writer_->write(*batch); });
  return !full();
}

void later_sink::prepare(checkpoint_id checkpoint) {
  answers_.prepared(checkpoint, guarded([&] { return writer_->prepare(checkpoint); }));
}

void later_sink::commit(checkpoint_id up_to, std::vector<prepared_output> prepared) {
  begin(up_to, prepared);
}

void later_sink::flush() {
  guarded([&] { writer_->flush(); });
}

bool later_sink::collect() {
  const bool before = started_;
  for (const answer_list::answer& a : list_->take()) {
    --under_way_;
    if (!a.error.empty())
      guarded([&] { throw error({"a commit", "", a.error, ""}); });
    if (a.up_to)
      answers_.committed(*a.up_to);
    else
      started_ = true;
  }
  return started_ && !before;
}

void companion_sink::start(sink_start start) {
  tell_({sink_command::start{std::move(start)}});
}

bool companion_sink::accept(batch_ptr batch) {
  ++under_way_;
  written_since_flush_ = true;
  tell_({sink_command::write{std::move(batch)}});
  return !full();
}

void companion_sink::prepare(checkpoint_id checkpoint) {
  tell_({sink_command::prepare{checkpoint}});
}

void companion_sink::commit(checkpoint_id up_to, std::vector<prepared_output> prepared) {
  tell_({sink_command::commit{up_to, std::move(prepared)}});
}

void companion_sink::flush() {
  if (std::exchange(written_since_flush_, false))
    tell_({sink_command::flush{}});
}

void companion_sink::on_answer(sink_answer answer) {
  if (std::holds_alternative<sink_answer::started>(answer.what))
    started_ = true;
  else if (const auto* written = std::get_if<sink_answer::written>(&answer.what))
    under_way_ -= written->batches;
  else if (auto* prepared = std::get_if<sink_answer::prepared>(&answer.what))
    answers_.prepared(prepared->checkpoint, std::move(prepared->id));
  else
    answers_.committed(std::get<sink_answer::committed>(answer.what).up_to);
}

sink_answer carry_out(sink_command command, const any_sink& sink, std::unique_ptr<sink_writer>& writer) {
  if (auto* start = std::get_if<sink_command::start>(&command.what)) {
    writer = sink.open_writer(start->with);
    return {sink_answer::started{}};
  }
  if (!writer)
    throw error({"a sink's writer", "to be started first", "another order before it", ""});
  if (auto* write = std::get_if<sink_command::write>(&command.what)) {
    writer->write(*write->batch);
    return {sink_answer::written{1}};
  }
  if (const auto* prepare = std::get_if<sink_command::prepare>(&command.what))
    return {sink_answer::prepared{prepare->checkpoint, writer->prepare(prepare->checkpoint)}};
  if (const auto* commit = std::get_if<sink_command::commit>(&command.what)) {
    writer->commit(commit->prepared);
    return {sink_answer::committed{commit->up_to}};
  }
  writer->flush();
  return {sink_answer::written{0}};
}

} // namespace weir::inline v0
