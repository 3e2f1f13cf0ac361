// What a crash job must write and keep.
#include "crash_loop/job_model.hpp"

#include "crash_loop/crash_jobs.hpp"

#include <weir/operators/aggregate_functions.hpp>
#include <weir/operators/flat_json.hpp>
#include <weir/operators/state_table.hpp>
#include <weir/operators/text_range.hpp>
#include <weir/persistence/hash.hpp>
#include <weir/persistence/key_groups.hpp>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace weir_test {

namespace {

[[noreturn]] void refuse(std::string_view what) {
  throw std::runtime_error{"the job never writes " + std::string{what}};
}

std::uint64_t number_from(const std::string& text) {
  std::size_t end = 0;
  const std::uint64_t number = std::stoull(text, &end);
  if (end != text.size())
    refuse(text);
  return number;
}

/// Calls `use(key, value)` for each entry of a keyed table at a checkpoint.
template <class Key, class Value, class Use>
void read_entries(const weir::checkpoint_reader& store, weir::checkpoint_id checkpoint, std::string_view operator_name,
                  Use use) {
  const std::uint32_t groups = store.max_parallelism().value();
  weir::state_table<Key, Value> table{"state"};
  table.configure({0, groups}, groups, false);
  store.for_each_chunk(checkpoint, operator_name, "state", {0, groups},
                       [&](const weir::stored_chunk& chunk) { table.load(chunk.bytes); });
  table.for_each_entry(use);
}

/// Calls `use(record number)` for all that was read of a generator's splits.
template <class Use>
void for_each_generated(const source_positions& positions, Use use) {
  for (const auto& [id, split] : positions) {
    const auto range = weir::flat_json::parse(split.description, "a split");
    const std::uint64_t first = range.number("first");
    std::uint64_t done = split.finished ? range.number("count") : 0;
    if (!split.finished && !split.position.empty())
      done = weir::flat_json::parse(split.position, "a position").number("next");
    for (std::uint64_t i = 0; i != done; ++i)
      use(first + i);
  }
}

class words_model final : public job_model {
public:
  words_model(std::string text, std::uint64_t pause_us)
      : job_model("words", "lines", "counts", {"--pause-us", std::to_string(pause_us)},
                  pause_us == 0 ? 100'000 : 2e6 / static_cast<double>(pause_us), true) {
    input_ = std::move(text);
    for (std::size_t at = 0; at < input_.size();) {
      const std::size_t end = std::min(input_.find('\n', at), input_.size());
      lines_.push_back({at, count_words(input_.substr(at, end - at))});
      at = end + 1;
    }
    for (const auto& line : lines_)
      add(line, total_);
  }

  key_counts consumed(const source_positions& positions) const override {
    key_counts all;
    for (const auto& [id, split] : positions) {
      const auto range = weir::text_range::parse(split.description);
      std::uint64_t end = split.finished ? range.last : range.first;
      if (!split.finished && !split.position.empty())
        end = std::min(range.last, weir::flat_json::parse(split.position, "a position").number("offset"));
      const auto by_start = [](const text_line& line, std::uint64_t at) { return line.start < at; };
      for (auto line = std::lower_bound(lines_.begin(), lines_.end(), range.first, by_start);
           line != lines_.end() && line->start < end; ++line)
        add(*line, all);
    }
    return all;
  }

  output_entry read_line(std::string_view line) const override {
    char word[200];
    unsigned long long count = 0;
    if (std::sscanf(std::string{line}.c_str(), "{key: \"%199[a-z]\", count: %llu}", word, &count) != 2 ||
        line != "{key: \"" + std::string{word} + "\", count: " + std::to_string(count) + "}")
      refuse(line);
    return {word, count};
  }

  key_counts read_table(database& file) const override {
    key_counts all;
    for (const auto& row : file.rows("SELECT key, count FROM counts"))
      all[row.at(0)] = number_from(row.at(1));
    return all;
  }

  std::optional<key_counts> read_state(const weir::checkpoint_reader& store,
                                       weir::checkpoint_id checkpoint) const override {
    key_counts all;
    read_entries<std::string, weir::count_state>(
        store, checkpoint, "counts",
        [&](const std::string& key, const weir::count_state& state) { all[key] = state.count; });
    return all;
  }

  std::uint32_t subtask_of(std::string_view key, std::uint32_t parallelism,
                           std::uint32_t max_parallelism) const override {
    const weir::key_groups groups{max_parallelism};
    return groups.subtask_of(groups.of(weir::key_hash(key)), parallelism).value;
  }

private:
  struct text_line {
    std::uint64_t start;
    std::map<std::string, long long, std::less<>> words;
  };
  static void add(const text_line& line, key_counts& to) {
    for (const auto& [word, count] : line.words)
      to[word] += static_cast<std::uint64_t>(count);
  }

  std::vector<text_line> lines_;
};

class orders_model final : public job_model {
public:
  orders_model(std::uint64_t records, double rate)
      : job_model("orders", "events", "orders", {"--records", std::to_string(records), "--rate", std::to_string(rate)},
                  rate, true) {
    if (records % (order_sources * orders_of_block * events_of_order) != 0)
      throw std::runtime_error{"the sources must have whole blocks of orders"};
    for (std::uint64_t n = 0; n != records; ++n)
      ++total_[std::to_string(order_event_at(n).order)];
  }

  key_counts consumed(const source_positions& positions) const override {
    key_counts all;
    for_each_generated(positions, [&](std::uint64_t n) { ++all[std::to_string(order_event_at(n).order)]; });
    return all;
  }

  output_entry read_line(std::string_view line) const override {
    unsigned long long order = 0;
    unsigned long long events = 0;
    if (std::sscanf(std::string{line}.c_str(), "{order: %llu, events: %llu", &order, &events) != 2)
      refuse(line);
    const order_change right = change_of(order, at(order, events));
    if (line != "{order: " + std::to_string(order) + ", events: " + std::to_string(events) + ", state: \"" +
                    right.state + "\", refused: " + std::to_string(right.refused) + "}")
      refuse(line);
    return {std::to_string(order), events};
  }

  key_counts read_table(database& file) const override {
    key_counts all;
    for (const auto& row : file.rows("SELECT \"order\", events, state, refused FROM orders")) {
      const std::uint64_t order = number_from(row.at(0));
      const std::uint64_t events = number_from(row.at(1));
      const order_change right = change_of(order, at(order, events));
      if (row.at(2) != right.state || row.at(3) != std::to_string(right.refused))
        refuse("the row " + row.at(0) + ", " + row.at(1) + ", " + row.at(2) + ", " + row.at(3));
      all[row.at(0)] = events;
    }
    return all;
  }

  std::optional<key_counts> read_state(const weir::checkpoint_reader& store,
                                       weir::checkpoint_id checkpoint) const override {
    key_counts all;
    read_entries<std::uint64_t, followed_order>(store, checkpoint, "follow",
                                                [&](std::uint64_t order, const followed_order& state) {
                                                  if (state != at(order, state.events))
                                                    refuse("this state of order " + std::to_string(order));
                                                  all[std::to_string(order)] = state.events;
                                                });
    return all;
  }

  std::uint32_t subtask_of(std::string_view key, std::uint32_t parallelism,
                           std::uint32_t max_parallelism) const override {
    const weir::key_groups groups{max_parallelism};
    return groups.subtask_of(groups.of(weir::key_hash(number_from(std::string{key}))), parallelism).value;
  }

private:
  /// An order after so many events.
  static followed_order at(std::uint64_t order, std::uint64_t events) {
    if (events > events_of_order)
      refuse(std::to_string(events) + " events of an order");
    followed_order now;
    for (std::uint64_t step = 0; step != events; ++step)
      now.take(order_event_at(number_of_event(order, step)).to);
    return now;
  }
};

class readings_model final : public job_model {
public:
  readings_model(std::uint64_t records, double rate)
      : job_model("readings", "sensors", "", {"--records", std::to_string(records), "--rate", std::to_string(rate)},
                  rate, false),
        records_(records) {
    if (records % sensors != 0)
      throw std::runtime_error{"the sensors must have equally many readings"};
    for (std::uint32_t sensor = 0; sensor != sensors; ++sensor)
      total_[std::to_string(sensor)] = records / sensors;
  }

  key_counts consumed(const source_positions& positions) const override {
    key_counts all;
    for_each_generated(positions, [&](std::uint64_t n) { ++all[std::to_string(reading_at(n, records_).sensor)]; });
    return all;
  }

  output_entry read_line(std::string_view line) const override {
    unsigned long long sensor = 0;
    unsigned long long number = 0;
    if (std::sscanf(std::string{line}.c_str(), "{sensor: %llu, number: %llu", &sensor, &number) != 2 ||
        sensor >= sensors || number == 0 || number > records_ / sensors)
      refuse(line);
    const reading right = reading_at(sensor * (records_ / sensors) + number - 1, records_);
    if (line != "{sensor: " + std::to_string(sensor) + ", number: " + std::to_string(number) +
                    ", value: " + std::to_string(right.value) + "}")
      refuse(line);
    return {std::to_string(sensor), number};
  }

  key_counts read_table(database&) const override { return {}; }
  std::optional<key_counts> read_state(const weir::checkpoint_reader&, weir::checkpoint_id) const override {
    return std::nullopt;
  }

  std::uint32_t subtask_of(std::string_view key, std::uint32_t, std::uint32_t) const override {
    return static_cast<std::uint32_t>(number_from(std::string{key})); // each source has a writer of its own
  }

private:
  std::uint64_t records_;
};

} // namespace

job_model::job_model(std::string name, std::string source, std::string table, std::vector<std::string> options,
                     double pace, bool rescales)
    : name_(std::move(name)),
      source_(std::move(source)),
      table_(std::move(table)),
      options_(std::move(options)),
      pace_(pace),
      rescales_(rescales) {}

job_model::~job_model() = default;

std::unique_ptr<job_model> make_words_model(std::string text, std::uint64_t pause_us) {
  return std::make_unique<words_model>(std::move(text), pause_us);
}

std::unique_ptr<job_model> make_orders_model(std::uint64_t records, double rate) {
  return std::make_unique<orders_model>(records, rate);
}

std::unique_ptr<job_model> make_readings_model(std::uint64_t records, double rate) {
  return std::make_unique<readings_model>(records, rate);
}

} // namespace weir_test
