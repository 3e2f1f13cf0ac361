// The words of the store's enumerations, in both directions.
#include "checkpoint_records.hpp"

#include "error.hpp"

#include <array>
#include <utility>

namespace weir::inline v0 {

namespace {

template <class Enum, std::size_t N>
using words = std::array<std::pair<Enum, std::string_view>, N>;

constexpr words<run_status, 5> run_words{{{run_status::running, "running"},
                                          {run_status::stopped, "stopped"},
                                          {run_status::finished, "finished"},
                                          {run_status::failed, "failed"},
                                          {run_status::abandoned, "abandoned"}}};
constexpr words<checkpoint_status, 5> status_words{{{checkpoint_status::open, "open"},
                                                    {checkpoint_status::complete, "complete"},
                                                    {checkpoint_status::failed, "failed"},
                                                    {checkpoint_status::aborted, "aborted"},
                                                    {checkpoint_status::abandoned, "abandoned"}}};
constexpr words<checkpoint_trigger, 6> trigger_words{{{checkpoint_trigger::interval, "interval"},
                                                      {checkpoint_trigger::records, "records"},
                                                      {checkpoint_trigger::demand, "demand"},
                                                      {checkpoint_trigger::stop, "stop"},
                                                      {checkpoint_trigger::drain, "drain"},
                                                      {checkpoint_trigger::at_end, "final"}}};
constexpr words<snapshot_kind, 2> kind_words{{{snapshot_kind::base, "base"}, {snapshot_kind::delta, "delta"}}};
constexpr words<write_result, 6> result_words{{{write_result::stored, "stored"},
                                               {write_result::stored_late, "stored late"},
                                               {write_result::repeated, "repeated"},
                                               {write_result::refused_attempt, "refused: attempt"},
                                               {write_result::refused_parent, "refused: parent"},
                                               {write_result::refused_checkpoint, "refused: checkpoint"}}};

template <class Enum, std::size_t N>
std::string_view word_of(const words<Enum, N>& all, Enum value) {
  for (const auto& [candidate, word] : all)
    if (candidate == value)
      return word;
  return "unknown";
}

template <class Enum, std::size_t N>
Enum value_of(const words<Enum, N>& all, std::string_view text, const char* thing) {
  for (const auto& [value, word] : all)
    if (word == text)
      return value;
  std::string expected;
  for (const auto& [value, word] : all)
    expected += (expected.empty() ? "" : ", ") + std::string{word};
  throw damaged_error({thing, "one of " + expected, "\"" + std::string{text} + "\"", "restore the store from a copy"});
}

} // namespace

std::string_view to_text(run_status v) {
  return word_of(run_words, v);
}
std::string_view to_text(checkpoint_status v) {
  return word_of(status_words, v);
}
std::string_view to_text(checkpoint_trigger v) {
  return word_of(trigger_words, v);
}
std::string_view to_text(snapshot_kind v) {
  return word_of(kind_words, v);
}
std::string_view to_text(write_result v) {
  return word_of(result_words, v);
}

run_status run_status_from(std::string_view text) {
  return value_of(run_words, text, "the status of a run");
}
checkpoint_status checkpoint_status_from(std::string_view text) {
  return value_of(status_words, text, "the status of a checkpoint");
}
checkpoint_trigger checkpoint_trigger_from(std::string_view text) {
  return value_of(trigger_words, text, "the trigger of a checkpoint");
}
snapshot_kind snapshot_kind_from(std::string_view text) {
  return value_of(kind_words, text, "the kind of a chunk");
}

} // namespace weir::inline v0
