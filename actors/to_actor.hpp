// The sink that delivers to an actor.
#pragma once

#include "../operators/sink.hpp"
#include "../persistence/archive.hpp"
#include "../persistence/error.hpp"
#include "../persistence/fields.hpp"
#include "actor_source.hpp"

#include <caf/actor.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/message_handler.hpp>
#include <caf/result.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// delivery_atom, run, sink, subtask, checkpoint, archive bytes of a `std::vector<T>`; answered by delivered_atom.
using delivery_atom = caf::atom_constant<caf::atom("weir_bring")>;
using delivered_atom = caf::atom_constant<caf::atom("weir_have")>;

/// What identifies a delivery: the same when it comes again. Of one sink and subtask they come in the order of their
/// checkpoints.
struct delivery_id {
  std::string run;
  std::string sink;
  std::uint32_t subtask = 0;
  std::uint64_t checkpoint = 0;
  WEIR_FIELDS(run, sink, subtask, checkpoint)

  friend bool operator==(const delivery_id&, const delivery_id&) = default;
  friend auto operator<=>(const delivery_id&, const delivery_id&) = default;
};

/// The records that one sink subtask has got between two checkpoints.
template <class T>
struct delivery {
  delivery_id id;
  std::vector<T> records;
};

namespace detail {

/// Makes the writer's records bytes, without knowing their type.
class delivery_buffer {
public:
  virtual ~delivery_buffer();
  virtual void add(any_batch& batch) = 0;
  /// How many records there are.
  [[nodiscard]] virtual std::size_t size() const = 0;
  /// Their archive bytes; empties the buffer.
  [[nodiscard]] virtual std::vector<std::byte> take() = 0;
};

template <class T>
class typed_delivery_buffer final : public delivery_buffer {
public:
  void add(any_batch& batch) override {
    const auto& values = as<T>(batch).values;
    records_.insert(records_.end(), values.begin(), values.end());
  }
  [[nodiscard]] std::size_t size() const override { return records_.size(); }
  [[nodiscard]] std::vector<std::byte> take() override { return to_bytes(std::exchange(records_, {})); }

private:
  std::vector<T> records_;
};

[[nodiscard]] std::shared_ptr<const any_sink> make_actor_sink(caf::actor to, std::chrono::milliseconds timeout,
                                                              std::unique_ptr<delivery_buffer> (*make_buffer)());
[[nodiscard]] std::vector<error_text> to_actor_problems(const caf::actor& to);
[[nodiscard]] std::string to_actor_guarantee();

} // namespace detail

/// Delivers records to an actor, of this process or of another. What came between two checkpoints is in the second one,
/// and is delivered when that is complete; `on_delivery` makes the handler for it. The actor's answer acknowledges it:
/// until then it is delivered again after a failure. One that does not answer within the timeout, or that is gone,
/// fails the region, which then delivers again. While several deliveries are not acknowledged the job waits.
class to_actor {
public:
  static constexpr std::string_view kind_name = "to_actor";

  explicit to_actor(caf::actor to, std::chrono::milliseconds timeout = std::chrono::seconds{30})
      : to_(std::move(to)), timeout_(timeout) {}

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    static_assert(serializable<T>, "weir: the records of to_actor must be storable, for they wait in the checkpoint; "
                                   "write WEIR_FIELDS(member, ...) into the class");
    return detail::make_actor_sink(to_, timeout_, []() -> std::unique_ptr<detail::delivery_buffer> {
      return std::make_unique<detail::typed_delivery_buffer<T>>();
    });
  }
  template <class T>
  [[nodiscard]] std::vector<error_text> problems() const {
    return detail::to_actor_problems(to_);
  }
  [[nodiscard]] std::string guarantee() const { return detail::to_actor_guarantee(); }

private:
  caf::actor to_;
  std::chrono::milliseconds timeout_;
};

/// The handler of deliveries for an actor's behavior: calls `function(const weir::delivery<T>&)`, and acknowledges when
/// that has returned. The function should make what it does durable together with the delivery's id, or do the same
/// when a delivery with the same id comes again: then each record counts once. Bytes that are no records of type `T`
/// are answered by an error.
template <class T, class F>
[[nodiscard]] caf::message_handler on_delivery(F function) {
  return {[function = std::move(function)](delivery_atom, const std::string& run, const std::string& sink,
                                           std::uint32_t subtask, std::uint64_t checkpoint,
                                           const std::vector<char>& bytes) mutable -> caf::result<delivered_atom> {
    delivery<T> got{{run, sink, subtask, checkpoint}, {}};
    try {
      got.records = from_bytes<std::vector<T>>(std::as_bytes(std::span<const char>{bytes}));
    } catch (const error& e) {
      return caf::error{1, caf::atom("weir_bring"), caf::make_message(std::string{e.what()})};
    }
    function(std::as_const(got));
    return delivered_atom::value;
  }};
}

} // namespace weir::inline v0
