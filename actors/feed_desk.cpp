#include "feed_desk.hpp"

#include "../operators/flat_json.hpp"
#include "../persistence/error.hpp"
#include "../persistence/hash.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace weir::inline v0 {

namespace {

constexpr std::size_t longest_name = 200;

feed_answer refusal(std::string why) {
  return {feed_verdict::refused, 0, std::move(why)};
}

} // namespace

feed_desk::split_state* feed_desk::split_of(std::string_view producer) {
  if (splits_.empty())
    return nullptr;
  return &splits_[split_of_producer(producer, splits_.size())];
}

std::size_t split_of_producer(std::string_view producer, std::size_t splits) {
  return key_hash(producer) % splits;
}

std::size_t feed_desk::splits() {
  const std::lock_guard lock(mutex_);
  return splits_.size();
}

feed_answer feed_desk::offer(const std::string& producer, std::uint64_t first, batch_ptr records, bool behind_others) {
  std::shared_ptr<waker> wakes;
  feed_answer answer;
  {
    const std::lock_guard lock(mutex_);
    answer = offer_locked(producer, first, std::move(records), behind_others);
    room_wanted_ = room_wanted_ || answer.verdict == feed_verdict::full || answer.verdict == feed_verdict::waiting;
    if (const split_state* s = split_of(producer); s && !s->queue.empty())
      wakes = s->wakes;
  }
  if (wakes)
    wakes->wake();
  return answer;
}

feed_answer feed_desk::offer_locked(const std::string& producer, std::uint64_t first, batch_ptr records,
                                    bool behind_others) {
  const std::size_t count = records->size();
  if (producer.empty() || producer.size() > longest_name)
    return refusal("a producer's name has from 1 to " + std::to_string(longest_name) + " bytes");
  if (first == 0 || count == 0 || first > std::numeric_limits<std::uint64_t>::max() - count)
    return refusal("a feed has at least one record, and numbers from 1 on");
  if (count > limits_.queue_records)
    return refusal(std::to_string(count) + " records in one feed; send at most " +
                   std::to_string(limits_.queue_records));
  split_state* s = split_of(producer);
  if (!s || !s->begun)
    return {feed_verdict::waiting, 0, ""};
  auto at = s->producers.find(producer);
  const producer_state known = at == s->producers.end() ? producer_state{} : at->second;
  const std::uint64_t expected = known.accepted + 1;
  if (first > expected)
    return {feed_verdict::gap, expected, ""};
  const std::uint64_t past = first + count;
  // Of a closed source only what it has taken before is asked for again.
  const std::uint64_t last = s->ended ? known.accepted : known.last.value_or(0);
  const std::uint64_t end = closed_ || s->ended ? std::min(past, last + 1) : past;
  const feed_verdict verdict = end == past ? feed_verdict::taken : feed_verdict::closed;
  if (end <= expected)
    return {verdict, expected, ""};
  if (at == s->producers.end() && s->producers.size() >= limits_.producers)
    return refusal("more than " + std::to_string(limits_.producers) + " producers");
  const auto fresh = static_cast<std::size_t>(end - expected);
  if (behind_others || s->records + fresh > limits_.queue_records)
    return {feed_verdict::full, expected, ""};
  if (at == s->producers.end())
    at = s->producers.emplace(producer, producer_state{}).first;
  at->second.accepted = end - 1;
  s->records += fresh;
  s->queue.push_back({producer, first, std::move(records), static_cast<std::size_t>(expected - first),
                      static_cast<std::size_t>(end - first)});
  return {verdict, end, ""};
}

std::optional<feed_desk::standing> feed_desk::where(std::string_view producer) {
  const std::lock_guard lock(mutex_);
  const split_state* s = split_of(producer);
  if (!s || !s->begun) {
    room_wanted_ = true;
    return std::nullopt;
  }
  const auto at = s->producers.find(producer);
  if (at == s->producers.end())
    return standing{};
  return standing{at->second.accepted + 1, at->second.durable};
}

std::vector<std::shared_ptr<waker>> feed_desk::all_wakers() const {
  std::vector<std::shared_ptr<waker>> all;
  for (const split_state& s : splits_)
    if (s.wakes)
      all.push_back(s.wakes);
  return all;
}

void feed_desk::abandon() {
  std::vector<std::shared_ptr<waker>> wakes;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    wakes = all_wakers();
  }
  for (const auto& each : wakes)
    each->wake();
}

void feed_desk::close() {
  std::vector<std::shared_ptr<waker>> wakes;
  {
    std::unique_lock lock(mutex_);
    if (std::exchange(closed_, true))
      return;
    for (split_state& s : splits_)
      for (auto& [name, producer] : s.producers)
        producer.last = producer.accepted;
    wakes = all_wakers();
    // What was kept waiting hears that it comes too late.
    news_.room = untold_ = true;
    tell_news(std::move(lock));
  }
  for (const auto& each : wakes)
    each->wake();
}

feed_desk::news feed_desk::take_news() {
  const std::lock_guard lock(mutex_);
  told_ = false;
  return std::exchange(news_, {});
}

void feed_desk::tell_news(std::unique_lock<std::mutex> lock) {
  if (!std::exchange(untold_, false) || std::exchange(told_, true))
    return;
  lock.unlock();
  if (tell_)
    tell_();
}

void feed_desk::set_marks(std::size_t split, std::size_t splits, const producer_marks& marks) {
  if (splits == 0 || split >= splits || (!splits_.empty() && splits_.size() != splits))
    throw damaged_error({"a split of actor_source", "one of " + std::to_string(splits_.size()) + " splits",
                         "number " + std::to_string(split) + " of " + std::to_string(splits),
                         "begin anew with --fresh"});
  if (splits_.empty())
    splits_.resize(splits);
  split_state& s = splits_[split];
  if (s.has_reader)
    throw usage_error({"actor_source", "one reader for each of its splits", "a second one",
                       "give each source of each job an actor_source of its own"});
  for (auto& [name, producer] : s.producers) {
    const auto mark = marks.find(name);
    const std::uint64_t through = mark == marks.end() ? 0 : mark->second;
    if (producer.accepted > through) {
      news_.rewound[name] = through;
      news_.durable.erase(name);
      untold_ = true;
    }
    producer.accepted = producer.durable = through;
  }
  for (const auto& [name, through] : marks) {
    producer_state& producer = s.producers[name];
    producer.accepted = producer.durable = through;
    if (closed_)
      producer.last = std::max(producer.last.value_or(0), through);
  }
  s.begun = true;
  s.ended = s.read_out = false;
  if (std::exchange(room_wanted_, false))
    news_.room = untold_ = true;
}

void feed_desk::begin(std::size_t split, std::size_t splits, const producer_marks& marks) {
  std::unique_lock lock(mutex_);
  set_marks(split, splits, marks);
  splits_[split].has_reader = true;
  tell_news(std::move(lock));
}

void feed_desk::ended(std::size_t split, std::size_t splits, const producer_marks& marks) {
  std::unique_lock lock(mutex_);
  set_marks(split, splits, marks);
  splits_[split].ended = true;
  tell_news(std::move(lock));
}

void feed_desk::attach(std::size_t split, std::shared_ptr<waker> wakes_reader) {
  const std::lock_guard lock(mutex_);
  splits_[split].wakes = std::move(wakes_reader);
}

bool feed_desk::whole(const split_state& s) const {
  return closed_ && std::all_of(s.producers.begin(), s.producers.end(),
                                [](const auto& each) { return each.second.accepted >= each.second.last.value_or(0); });
}

std::optional<fed_records> feed_desk::take(std::size_t split, bool& end) {
  std::unique_lock lock(mutex_);
  split_state& s = splits_[split];
  end = false;
  if (s.queue.empty()) {
    end = s.read_out = whole(s);
    if (abandoned_ && !end)
      throw usage_error({"actor_source", "an inbox as long as a job reads", "it has ended",
                         "end the stream by close(), not the inbox; then start the job again"});
    return std::nullopt;
  }
  fed_records next = std::move(s.queue.front());
  s.queue.pop_front();
  s.records -= next.to - next.from;
  if (std::exchange(room_wanted_, false))
    news_.room = untold_ = true;
  tell_news(std::move(lock));
  return next;
}

producer_marks feed_desk::awaited(std::size_t split) {
  const std::lock_guard lock(mutex_);
  producer_marks all;
  if (!closed_)
    return all;
  for (const auto& [name, producer] : splits_[split].producers)
    if (producer.accepted < producer.last.value_or(0))
      all[name] = *producer.last;
  return all;
}

void feed_desk::durable(std::size_t split, const producer_marks& marks) {
  std::unique_lock lock(mutex_);
  split_state& s = splits_[split];
  for (const auto& [name, through] : marks) {
    const auto at = s.producers.find(name);
    if (at == s.producers.end() || at->second.durable >= through)
      continue;
    at->second.durable = through;
    news_.durable[name] = through;
    untold_ = true;
  }
  tell_news(std::move(lock));
}

void feed_desk::leave(std::size_t split) {
  const std::lock_guard lock(mutex_);
  split_state& s = splits_[split];
  s.has_reader = false;
  // Whoever still brings something hears that it comes too late: no reader will begin to whom it could be told.
  s.begun = s.ended = s.read_out;
  s.queue.clear();
  s.records = 0;
  s.wakes.reset();
}

std::string to_position(const producer_marks& marks) {
  std::string text = "{";
  for (const auto& [name, through] : marks) {
    if (text.size() > 1)
      text += ',';
    append_json_text(text, name);
    text += ':';
    text += std::to_string(through);
  }
  return text += '}';
}

producer_marks from_position(const std::string& position) {
  if (position.empty())
    return {};
  return flat_json::parse(position, "a position of actor_source").numbers();
}

} // namespace weir::inline v0
