// The source that actors feed.
#pragma once

#include "../persistence/archive.hpp"
#include "feed_messages.hpp"
#include "feed_source.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// The desk of an actor source, and its inbox, which ends with the last who holds this.
class actor_source_core {
public:
  actor_source_core(caf::actor_system& system, fed_type type, feed_limits limits);
  ~actor_source_core();
  actor_source_core(const actor_source_core&) = delete;
  actor_source_core& operator=(const actor_source_core&) = delete;

  [[nodiscard]] const caf::actor& inbox() const noexcept { return inbox_; }
  [[nodiscard]] const std::shared_ptr<feed_desk>& desk() const noexcept { return desk_; }

private:
  std::shared_ptr<feed_desk> desk_;
  caf::actor inbox_;
};

[[nodiscard]] std::string actor_source_guarantee();

/// Records as a batch.
template <class T>
[[nodiscard]] batch_ptr batch_of_records(std::vector<T> records) {
  batch_ptr all = element_type_of<T>().make_batch(records.size());
  for (auto&& record : records)
    as<T>(*all).values.emplace_back(static_cast<T>(std::move(record)));
  return all;
}

template <class T>
[[nodiscard]] fed_type fed_type_of() {
  return {&element_type_of<T>(),
          [](std::span<const std::byte> bytes) { return batch_of_records(from_bytes<std::vector<T>>(bytes)); },
          [](any_collector& out, any_batch& records, std::size_t from, std::size_t to) {
            auto& typed = static_cast<collector<T>&>(out);
            auto& values = as<T>(records).values;
            const bool mine = records.sole_owner();
            for (std::size_t i = from; i != to; ++i) {
              if (mine)
                typed(std::move(values[i]));
              else
                typed(std::as_const(values[i]));
            }
          }};
}

} // namespace detail

/// A source that any actor feeds, of this process or, through CAF's middleman, of another. Copies are the same source;
/// it feeds one source of one job. Must not outlive the actor system.
///
/// A producer is a name. It numbers its records from 1, and sends them in feeds to `inbox()`: `weir::feeder` does all
/// of it for the actor that holds one. A feed is answered when its records are taken into a bounded queue, which holds
/// a producer back that waits for answers. When a complete checkpoint has them, the producer's latest sender is told;
/// until then it has to keep them, since a failure of the job or of the process loses what is not in a checkpoint.
/// Records that come again are dropped by their numbers; a gap is refused.
///
///     weir::actor_source<reading> readings{system};
///     job.source("readings", readings).…
///     system.spawn(sensor, readings.inbox());
template <class T>
class actor_source {
  static_assert(serializable<T>, "weir: the records of an actor_source must be storable, so that they can come from "
                                 "another node; write WEIR_FIELDS(member, …) into the class");

public:
  using value_type = T;
  static constexpr std::string_view kind_name = "actor_source";

  explicit actor_source(caf::actor_system& system, feed_limits limits = {})
      : core_(std::make_shared<detail::actor_source_core>(system, detail::fed_type_of<T>(), limits)) {}

  /// Where producers send to. It ends with this source and the jobs that have it.
  [[nodiscard]] caf::actor inbox() const { return core_->inbox(); }
  /// Ends the stream: when all that was taken is read, the source ends. Feeds that come later are refused, except for
  /// what was taken before and was lost by a failure. From any thread.
  void close() const { core_->desk()->close(); }

  [[nodiscard]] std::shared_ptr<const any_source> source() const {
    return make_feed_source(core_->desk(), detail::fed_type_of<T>(), core_);
  }
  [[nodiscard]] std::string guarantee() const { return detail::actor_source_guarantee(); }

private:
  std::shared_ptr<detail::actor_source_core> core_;
};

/// A feed for an actor source in the same process: record `first` of the producer, and those after it.
template <class T>
[[nodiscard]] local_feed make_feed(std::string producer, std::uint64_t first, std::vector<T> records) {
  return {std::move(producer), first, detail::batch_of_records(std::move(records))};
}

/// The bytes of a feed for another node: sent as feed_atom, producer, first number, bytes.
template <class T>
[[nodiscard]] std::vector<char> make_feed_bytes(const std::vector<T>& records) {
  const std::vector<std::byte> bytes = to_bytes(records);
  std::vector<char> all(bytes.size());
  std::transform(bytes.begin(), bytes.end(), all.begin(), [](std::byte b) { return static_cast<char>(b); });
  return all;
}

} // namespace weir::inline v0
