// The options that choose how a job runs.
#include "option_table.hpp"

#include "duration_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace weir::inline v0 {

namespace {

[[noreturn]] void refuse(const std::string& name, std::string expected, const std::string& found) {
  throw usage_error{{"option --" + name, std::move(expected), "\"" + found + "\"", "see --help"}};
}

template <class Value>
using member = Value job_options::*;

class table_builder {
public:
  explicit table_builder(const job_options& defaults) : defaults_(defaults) {}

  void group(std::string name) { group_ = std::move(name); }

  template <class Number>
  void number(const std::string& name, member<Number> field, const std::string& help, Number least,
              const char* zero = nullptr) {
    const Number value = defaults_.*field;
    add(name, "N", help, value == 0 && zero ? zero : std::to_string(value),
        [name, field, least](job_options& to, const std::string& text) {
          Number read{};
          const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), read);
          if (fault != std::errc{} || end != text.data() + text.size() || read < least)
            refuse(name,
                   "a whole number from " + std::to_string(least) + " to " +
                       std::to_string(std::numeric_limits<Number>::max()),
                   text);
          to.*field = read;
        });
  }

  void duration(const std::string& name, member<std::chrono::microseconds> field, const std::string& help,
                const char* zero = nullptr) {
    const auto value = defaults_.*field;
    add(name, "TIME", help, value.count() == 0 && zero ? zero : duration_text(value),
        [name, field](job_options& to, const std::string& text) {
          const auto read = parse_duration(text);
          if (!read)
            refuse(name, "a duration such as 100ms, 2s or 5min", text);
          to.*field = *read;
        });
  }

  template <class Enum, std::size_t Count>
  void choice(const std::string& name, const std::string& value_name, member<Enum> field, const std::string& help,
              std::array<Enum, Count> values) {
    std::string words;
    for (const Enum value : values)
      words += (words.empty() ? "" : ", ") + std::string{to_text(value)};
    add(name, value_name, help + ": " + words, std::string{to_text(defaults_.*field)},
        [name, field, values, words](job_options& to, const std::string& text) {
          const auto found =
              std::find_if(values.begin(), values.end(), [&](Enum value) { return to_text(value) == text; });
          if (found == values.end())
            refuse(name, "one of " + words, text);
          to.*field = *found;
        });
  }

  /// A flag that sets the member to `value`.
  void flag(const std::string& name, member<bool> field, const std::string& help, bool value = true) {
    add(name, "", help, "", [name, field, value](job_options& to, const std::string& text) {
      if (text != "true" && text != "false")
        refuse(name, "no value, or true or false", text);
      to.*field = (text == "true") == value;
    });
  }

  /// The name of a file that nobody names by default.
  void text(const std::string& name, member<std::string> field, const std::string& help) {
    add(name, "FILE", help, defaults_.*field, [name, field](job_options& to, const std::string& text) {
      if (text.empty())
        refuse(name, "the name of a file", text);
      to.*field = text;
    });
  }

  void add(const std::string& name, const std::string& value_name, const std::string& help,
           const std::string& default_text, std::function<void(job_options&, const std::string&)> read) {
    rows.push_back({group_, name, value_name, help, default_text, std::move(read)});
  }

  std::vector<option_row> rows;

private:
  const job_options& defaults_;
  std::string group_;
};

} // namespace

std::vector<option_row> option_table(std::string_view job_name, const job_options& defaults) {
  using o = job_options;
  table_builder table{defaults};

  table.group("Store");
  table.add("store", "FILE", "the SQLite file with checkpoints and state",
            defaults.store.empty() ? "./" + std::string{job_name} + ".weir" : defaults.store,
            [](job_options& to, const std::string& text) {
              if (text.empty())
                refuse("store", "the name of a file", text);
              to.store = text;
            });
  table.text("from", &o::from_savepoint, "begin the store with the state of this savepoint");
  table.text("savepoint", &o::savepoint_at_end, "write a savepoint when the job has stopped or finished");
  table.flag("fresh", &o::fresh, "begin a new run; a store that is there is renamed");
  table.number<std::uint32_t>("retain", &o::retain, "complete checkpoints to keep", 1);
  table.flag("no-checkpoints", &o::checkpoints, "take and store no checkpoints", false);

  table.group("Parallelism");
  table.number<std::uint32_t>("parallelism", &o::parallelism, "subtasks of each operator", 1);
  table.number<std::uint32_t>("max-parallelism", &o::max_parallelism, "key groups, fixed for the life of a run", 1);
  table.number<std::uint32_t>("threads", &o::threads, "threads that run the actors", 1);
  table.flag("no-fusion", &o::fusion, "give every operator an actor of its own", false);

  table.group("Checkpoints");
  table.duration("checkpoint-interval", &o::checkpoint_interval, "from one to the next; 0: none by time", "none");
  table.number<std::uint64_t>("checkpoint-records", &o::checkpoint_records, "after so many records; 0: none by count",
                              0, "none");
  table.choice("mode", "MODE", &o::mode, "what barriers guarantee",
               std::array{delivery_mode::exactly_once, delivery_mode::at_least_once});
  table.duration("checkpoint-timeout", &o::checkpoint_timeout, "after which one is aborted");
  table.duration("min-pause", &o::min_pause, "from the end of one to the next", "none");
  table.number<std::uint32_t>("max-concurrent", &o::max_concurrent, "under way at once; 1 where barriers may overtake",
                              1);
  table.flag("unaligned", &o::unaligned, "barriers overtake batches, which are stored");
  table.duration("alignment-timeout", &o::alignment_timeout, "after which a barrier overtakes; 0: never", "never");
  table.number<std::uint32_t>("tolerable-failures", &o::tolerable_failures, "failed ones in a row before the job fails",
                              0);
  table.flag("compress-checkpoints", &o::compress_checkpoints, "compress them, and savepoints, with zstd");

  table.group("Failures");
  table.add("restart", "HOW",
            "none; fixed:<count>,<delay>; rate:<max>,<interval>,<delay>; or\n"
            "exponential:<initial>,<max>,<multiplier>,<jitter>,<reset after>,<count>\n",
            to_text(defaults.restart),
            [](job_options& to, const std::string& text) { to.restart = parse_restart_settings(text); });
  table.flag("drop-state", &o::drop_state, "start although no operator takes some of the state");
  table.flag("allow-duplicates", &o::allow_duplicates, "start although committed output will come again");
  table.flag("replace-output", &o::replace_output, "remove the output of another run");

  table.group("Batches and logging");
  table.number<std::uint32_t>("batch-size", &o::batch_size, "records in a batch", 1);
  table.duration("flush-interval", &o::flush_interval, "the longest wait for a full batch", "none");
  table.choice("log-level", "LEVEL", &o::log, "how much to log",
               std::array{log_level::trace, log_level::debug, log_level::info, log_level::warning, log_level::error,
                          log_level::off});
  return std::move(table.rows);
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates) {
  // Damerau-Levenshtein, restricted: two letters swapped are one edit.
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
      for (std::size_t j = 0; j <= b.size(); ++j) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
        d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + differs});
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
          d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    return d[a.size()][b.size()];
  };
  std::string nearest;
  if (word.size() > 64)
    return nearest;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates)
    if (const std::size_t edits = distance(word, candidate); edits < least && edits < candidate.size()) {
      least = edits;
      nearest = candidate;
    }
  return nearest;
}

} // namespace weir::inline v0
