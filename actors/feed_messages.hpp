// What producers and an actor source say to each other.
#pragma once

#include "../operators/batch.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>

#include <cstdint>
#include <string>

namespace weir::inline v0 {

// All messages but `local_feed` are atoms, strings, whole numbers and bytes, so that no type needs to be registered,
// and each may come from another node. A producer's name comes second, the number of a record third.

/// feed_atom, producer, number of the first record, archive bytes of a `std::vector<T>`; answered by taken_atom and the
/// number of the record that is expected next, or by an error of `feed_error_category`.
using feed_atom = caf::atom_constant<caf::atom("weir_feed")>;
using taken_atom = caf::atom_constant<caf::atom("weir_taken")>;
/// where_atom, producer; answered, once the source's readers have begun, by where_atom, the number of the record that
/// is expected next, and the number of the last one that is durable.
using where_atom = caf::atom_constant<caf::atom("weir_where")>;
/// To the latest sender of a producer's records: through which number they are durable.
using durable_atom = caf::atom_constant<caf::atom("weir_saved")>;
/// To the latest sender: what comes after this number is lost, and must be sent again.
using rewound_atom = caf::atom_constant<caf::atom("weir_again")>;

/// The category of the errors that a feed can be answered with; their context is a sentence and the number that is
/// expected next, 0 if that is not known.
inline constexpr caf::atom_value feed_error_category = caf::atom("weir_feed");

/// Why nothing of a feed was taken.
enum class feed_error : std::uint8_t {
  refused = 1, ///< no room, and another feed of the producer waits for it already
  gap,         ///< records before it are missing
  closed,      ///< the source is closed
  wrong,       ///< not what a producer sends: other records, damaged bytes, bad numbers
  ended        ///< the source is gone
};

/// Within a process: records as they are.
struct local_feed {
  std::string producer;
  std::uint64_t first = 1;
  batch_ptr records;
};

/// To an inbox, from its desk: there is news.
struct desk_news {};
/// To an inbox: no more records are wanted.
struct close_desk {};
/// To an actor, from its feeder: time has passed.
struct feeder_tick {};

} // namespace weir::inline v0

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::local_feed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::desk_news)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::close_desk)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(weir::feeder_tick)
