// Where records that come from outside wait for the readers of their source: numbered by producer, and bounded.
#pragma once

#include "../operators/batch.hpp"
#include "../operators/waker.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::inline v0 {

/// The bounds of a source that is fed from outside.
struct feed_limits {
  /// Records that wait in each split; no feed may have more.
  std::size_t queue_records = 8192;
  /// Producers of each split: the position of a split has a number for each that ever was.
  std::size_t producers = 10'000;
};

/// What became of a feed.
enum class feed_verdict : std::uint8_t {
  taken,   ///< all of it; records that came before are dropped
  full,    ///< nothing: there is no room for now
  waiting, ///< nothing: no reader has begun yet, so that nobody knows what has come before
  gap,     ///< nothing: records before it are missing
  closed,  ///< no record from the number expected on will be taken any more
  refused  ///< nothing: it can't be what a producer sends
};

/// What a producer is told of its records.
struct feed_answer {
  feed_verdict verdict = feed_verdict::taken;
  std::uint64_t expected = 1; ///< the number that the producer's next record has
  std::string why = {};       ///< of a refusal
};

/// A producer, and a number of one of its records; 0 comes before the first.
using producer_marks = std::map<std::string, std::uint64_t, std::less<>>;

/// Records of one producer with successive numbers, or a part of them.
struct fed_records {
  std::string producer;
  std::uint64_t first = 1; ///< the number of the batch's first record
  batch_ptr batch;
  std::size_t from = 0; ///< the part that counts
  std::size_t to = 0;
};

/// Decides which records are taken, and keeps them until a reader does. Thread-safe: one side is whoever brings
/// records, the other the readers of the splits. A producer belongs to one split by the hash of its name, so that its
/// order is kept. What is taken is lost with its reader, until a complete checkpoint has it: then it is durable, and
/// its producer may forget it.
class feed_desk {
public:
  explicit feed_desk(feed_limits limits) : limits_(limits) {}

  // -- for whoever brings records

  /// Called whenever there is news, at most once before each `take_news`. Set before anything else is called.
  void on_news(std::function<void()> tell) { tell_ = std::move(tell); }
  /// Records `first`, `first` + 1, … of a producer. `behind_others`: what would need room is not taken, for there are
  /// others that wait for it.
  feed_answer offer(const std::string& producer, std::uint64_t first, batch_ptr records, bool behind_others = false);
  /// How many splits there are; 0 before the first has begun.
  [[nodiscard]] std::size_t splits();
  /// Nobody brings records any more, and none that are lost either: readers that would wait for some fail.
  void abandon();
  /// Where a producer stands; none before the reader of its split has begun.
  struct standing {
    std::uint64_t next = 1;    ///< the number of the record that is expected
    std::uint64_t durable = 0; ///< the number of the last one that a complete checkpoint has
  };
  [[nodiscard]] std::optional<standing> where(std::string_view producer);
  /// From now on only records that were taken before are taken, again; when all are read, the splits end.
  void close();
  /// What has happened since the last call.
  struct news {
    bool room = false;      ///< what was full or waiting may be offered again
    producer_marks durable; ///< through which records are durable
    producer_marks rewound; ///< a reader has begun anew behind these: what comes after them is to be brought again
  };
  [[nodiscard]] news take_news();

  // -- for readers, by the number of their split

  /// A reader begins behind `marks`, which are durable. Throws `usage_error` if the split has a reader.
  void begin(std::size_t split, std::size_t splits, const producer_marks& marks);
  /// The split was read to its end in an earlier life.
  void ended(std::size_t split, std::size_t splits, const producer_marks& marks);
  void attach(std::size_t split, std::shared_ptr<waker> wakes_reader);
  /// What comes next. None: nothing for now, or, if `end`, nothing any more. Throws `usage_error` if it would be waited
  /// for in vain.
  [[nodiscard]] std::optional<fed_records> take(std::size_t split, bool& end);
  /// Through which records producers have to bring again what a closed source has lost, and that nobody has brought.
  [[nodiscard]] producer_marks awaited(std::size_t split);
  void durable(std::size_t split, const producer_marks& marks);
  /// The reader is gone, and with it what waited for it. If it had come to the end, the split has ended, until another
  /// reader begins.
  void leave(std::size_t split);

private:
  struct producer_state {
    std::uint64_t accepted = 0;
    std::uint64_t durable = 0;
    std::optional<std::uint64_t> last; ///< once closed: its last record
  };
  struct split_state {
    bool begun = false; ///< `producers` are those of a reader, or of an ended split
    bool has_reader = false;
    bool ended = false;    ///< in an earlier life, or its reader has read all and is gone
    bool read_out = false; ///< its reader has said that this is the end
    std::map<std::string, producer_state, std::less<>> producers;
    std::deque<fed_records> queue;
    std::size_t records = 0;
    std::shared_ptr<waker> wakes;
  };

  [[nodiscard]] split_state* split_of(std::string_view producer);
  feed_answer offer_locked(const std::string& producer, std::uint64_t first, batch_ptr records, bool behind_others);
  [[nodiscard]] std::vector<std::shared_ptr<waker>> all_wakers() const;
  void set_marks(std::size_t split, std::size_t splits, const producer_marks& marks);
  [[nodiscard]] bool whole(const split_state& s) const;
  void tell_news(std::unique_lock<std::mutex> lock);

  feed_limits limits_;
  std::function<void()> tell_;
  std::mutex mutex_;
  std::vector<split_state> splits_; ///< empty until the first begins
  news news_;
  bool untold_ = false; ///< there is news that `tell_` was not called for
  bool told_ = false;
  bool room_wanted_ = false;
  bool closed_ = false;
  bool abandoned_ = false;
};

/// The split to which a producer belongs.
[[nodiscard]] std::size_t split_of_producer(std::string_view producer, std::size_t splits);

/// The marks as the text of a position, and back. Throws `damaged_error` for what is no such text.
[[nodiscard]] std::string to_position(const producer_marks& marks);
[[nodiscard]] producer_marks from_position(const std::string& position);

} // namespace weir::inline v0
