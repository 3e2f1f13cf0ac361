// Keyed state: one value for each key, partitioned by key group, snapshotted while it changes.
#pragma once

#include "../persistence/archive.hpp"
#include "../persistence/hash.hpp"
#include "../persistence/key_groups.hpp"
#include "../persistence/schema.hpp"
#include "any_state_table.hpp"
#include "entry_clock.hpp"
#include "entry_format.hpp"
#include "key_group_table.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace detail {

/// What comes with an access for writing: nothing, what snapshots need, or that and the time to live.
enum class table_access : std::uint8_t { untracked, tracked, timed };

} // namespace detail

/// Keyed state. Every owned key group has its own entries and index, so that growing one is short. All functions that
/// take a hash want `key_hash` of the key; keys may be given in any form that compares with K and hashes alike (a
/// std::string_view for a std::string). A reference to a value is good until the next call that can insert. The order
/// of entries is not observable but through `for_each_entry`. One thread at a time.
///
/// The snapshot is copy-on-write by entry: each entry's stamp says in which of two alternating epochs it changed last;
/// `mark` turns the epoch; who first writes to an entry that the open snapshot still needs encodes its old value first.
///
/// With a time to live, an entry that has expired is not there for any of these functions, and a snapshot does not have
/// what had expired at its mark (unless somebody is to be told, see `when_expired`). It is freed by the next access for
/// writing, by a snapshot that comes upon it, or by `clean`.
template <key_type K, serializable V>
class state_table final : public any_state_table {
public:
  explicit state_table(std::string name, std::size_t chunk_bytes = default_chunk_bytes)
      : any_state_table(std::move(name)), chunk_bytes_(chunk_bytes) {}

  // ---- records ----

  /// Starts to fetch what `prefetch_entry` reads. Call it some 30 keys ahead.
  void prefetch(std::uint64_t hash) const { group_of(hash).prefetch_slot(group::tag_of(hash)); }
  /// Starts to fetch what the other functions read. Call it some 15 keys ahead.
  void prefetch_entry(std::uint64_t hash) const {
    static_cast<void>(group_of(hash).prefetch_entry(group::tag_of(hash)));
  }

  /// The value of the key, made by default if there is none, for writing now.
  template <class Query>
  V& touch(std::uint64_t hash, const Query& key) {
    const std::uint32_t at = offset_of(hash);
    if (timed_) [[unlikely]]
      return touch_timed(at, hash, key);
    return tracking_ ? touch_at<access::tracked>(at, hash, key).value
                     : touch_at<access::untracked>(at, hash, key).value;
  }
  /// The value of the key for writing now, or null.
  template <class Query>
  [[nodiscard]] V* find_for_write(std::uint64_t hash, const Query& key) {
    const std::uint32_t at = offset_of(hash);
    const std::uint32_t number = groups_[at].find(group::tag_of(hash), key);
    if (number == group::none || is_dead(groups_[at].stamp(number)))
      return nullptr;
    if (timed_) [[unlikely]] {
      if (clock_.is_expired(groups_[at].time(number)))
        return nullptr;
      before_timed_write(at, number);
    } else if (tracking_) {
      before_write(at, number, epoch_);
    }
    return &groups_[at].at(number).value;
  }
  /// The value of the key, or null. Refreshes it if reads do.
  template <class Query>
  [[nodiscard]] const V* find(std::uint64_t hash, const Query& key) {
    return timed_ && clock_.reads_refresh() ? find_for_write(hash, key) : std::as_const(*this).find(hash, key);
  }
  /// Refreshes nothing.
  template <class Query>
  [[nodiscard]] const V* find(std::uint64_t hash, const Query& key) const {
    const group& in = group_of(hash);
    const std::uint32_t number = in.find(group::tag_of(hash), key);
    if (number == group::none || is_dead(in.stamp(number)))
      return nullptr;
    if (timed_ && clock_.is_expired(in.time(number))) [[unlikely]]
      return nullptr;
    return &in.at(number).value;
  }
  /// True if the key was there.
  template <class Query>
  bool erase(std::uint64_t hash, const Query& key);

  /// Calls `fn(i, key, value)` for i in [from, to), in this order, with the key `key_of(i)` whose hash is `hashes[i]`
  /// and its value, made by default if there is none, for writing. It fetches the memory of later records while earlier
  /// ones are worked on, which is several times as fast as a loop over `touch` once the table outgrows the caches.
  /// Stops after a call that returned false. Returns the first record that was not processed. `fn` must not use the
  /// table itself. `times`, if there are any, are when the accesses of a table with a time to live happen.
  template <class KeyOf, class Fn>
  std::size_t for_each(const std::uint64_t* hashes, std::size_t from, std::size_t to, KeyOf key_of, Fn fn,
                       const event_time* times = nullptr) {
    if (timed_) [[unlikely]]
      return stream<access::timed>(hashes, from, to, key_of, fn, times);
    if (live_ * (sizeof(typename group::entry) + 16) <= small_table_bytes)
      return tracking_ ? walk<access::tracked>(hashes, from, to, key_of, fn)
                       : walk<access::untracked>(hashes, from, to, key_of, fn);
    return tracking_ ? stream<access::tracked>(hashes, from, to, key_of, fn, nullptr)
                     : stream<access::untracked>(hashes, from, to, key_of, fn, nullptr);
  }

  /// Calls `fn(key, value)` for every entry, in an order that means nothing. For tests and for restoring.
  template <class Fn>
  void for_each_entry(Fn fn) const {
    for (const group& in : groups_)
      for (std::uint32_t number = 0; number < in.size(); ++number)
        if ((in.stamp(number) & (stamps::dead | stamps::free)) == 0 && !(timed_ && clock_.is_expired(in.time(number))))
          fn(std::as_const(in.at(number).key), std::as_const(in.at(number).value));
  }

  // ---- time to live ----

  /// Before the first entry, and once. `ttl.after` is more than 0.
  void set_time_to_live(const time_to_live& ttl) {
    clock_.set(ttl);
    timed_ = true;
  }
  /// For what belongs to a key and is kept elsewhere: when the value of a key that has expired begins anew or is to be
  /// freed, `told(hash, key, most)` frees at most so many pieces of it, and returns how many; if those were `most`, it
  /// is called again later. It must not use this table. Snapshots have an expired value until it is freed, and it is
  /// loaded, so that nobody is forgotten. `erase` does not tell.
  void when_expired(std::function<std::size_t(std::uint64_t, const K&, std::size_t most)> told) {
    expired_ = std::move(told);
  }
  /// The present, by the clock that the time to live names; it never goes back. The accesses that follow happen then.
  /// Call it before a batch, or with a watermark. Before `load`, so that what has expired is not loaded.
  void set_time(stored_time now) { clock_.set_time(now); }
  /// The accesses that follow happen at this event time, until the next call or `set_time`. `for_each` with times does
  /// this by itself.
  void set_access_time(event_time time) { clock_.set_access(detail::stored_time_of(time)); }
  /// The accesses that follow happen in the present.
  void access_now() { clock_.access_now(); }
  /// Looks at some entries more, going round the table, and frees those that have expired: of the effort of `budget`
  /// looks; to free one is worth a few. True if it came to the end of the table.
  bool clean(std::size_t budget);

  // ---- the runtime's side ----

  [[nodiscard]] distribution distributed_by() const override { return distribution::by_key_group; }
  [[nodiscard]] std::string schema_json() const override { return to_json(format::template schema<V>()); }
  void configure(key_group_range owned, std::uint32_t max_parallelism, bool track_changes) override {
    if (!groups_.empty())
      throw_wrong_use("to be configured once", "a second time");
    owned_ = owned;
    arithmetic_ = key_groups{max_parallelism};
    tracking_ = track_changes;
    groups_ = std::vector<group>(owned.size());
  }

  void mark() override;
  [[nodiscard]] snapshot_kind open_kind() const override { return kind_; }
  bool encode(std::size_t max_entries, std::vector<encoded_chunk>& out) override;
  [[nodiscard]] bool snapshot_open() const override { return writer_.has_value(); }
  [[nodiscard]] bool changed_since_mark() const override {
    return changed_ || (!never_used_ && (chain_.base_required() || clock_.moved_since_mark()));
  }
  void require_base() override { chain_.require_base(); }
  void load(std::span<const std::byte> chunk_bytes) override;
  void clear() override;
  /// Those that have expired and are not freed yet are counted.
  [[nodiscard]] std::uint64_t entry_count() const override { return live_; }

private:
  using group = detail::key_group_table<K, V>;
  using format = detail::entry_format<K>;
  struct stamps {
    static constexpr std::uint8_t epoch_bits = detail::entry_stamp::epoch_bits;
    static constexpr std::uint8_t known = detail::entry_stamp::known;
    static constexpr std::uint8_t dead = detail::entry_stamp::dead;
    static constexpr std::uint8_t free = detail::entry_stamp::free;
  };

  using access = detail::table_access;

  // Below this a table stays in the caches by itself, and fetching ahead is only work.
  static constexpr std::size_t small_table_bytes = std::size_t{128} << 10;
  static constexpr std::size_t saved_block_bytes = std::size_t{256} << 10;
  static constexpr std::size_t slots_ahead = 32;
  static constexpr std::size_t entries_ahead = 16;
  static_assert(entries_ahead <= slots_ahead);

  [[nodiscard]] static bool is_dead(std::uint8_t stamp) { return (stamp & stamps::dead) != 0; }

  // The place of the hash's key group among the owned ones.
  [[nodiscard]] std::uint32_t offset_of(std::uint64_t hash) const {
    const std::uint32_t at = arithmetic_.of(hash).value - owned_.first;
    if (at >= groups_.size()) [[unlikely]]
      throw_not_owned(hash);
    return at;
  }
  [[nodiscard]] const group& group_of(std::uint64_t hash) const { return groups_[offset_of(hash)]; }

  template <detail::table_access How, class Query>
  typename group::entry& touch_at(std::uint32_t at, std::uint64_t hash, const Query& key) {
    group& in = groups_[at];
    const std::uint32_t tag = group::tag_of(hash);
    const std::uint32_t number = in.find(tag, key);
    if (number == group::none) [[unlikely]]
      return in.at(insert(in, tag, key));
    before_write_as<How>(at, number, epoch_);
    return in.at(number);
  }

  template <class Query>
  [[gnu::noinline]] V& touch_timed(std::uint32_t at, std::uint64_t hash, const Query& key) {
    return touch_at<access::timed>(at, hash, key).value;
  }

  template <class Query>
  std::uint32_t insert(group& in, std::uint32_t tag, const Query& key);

  template <detail::table_access How>
  void before_write_as(std::uint32_t at, std::uint32_t number, std::uint8_t epoch) {
    if constexpr (How == access::timed)
      before_timed_write(at, number);
    else if constexpr (How == access::tracked)
      before_write(at, number, epoch);
  }

  // Must come before every change of an entry's value. `epoch` is the present one: a loop has a copy of it, which the
  // compiler need not read again after each record.
  void before_write(std::uint32_t at, std::uint32_t number, std::uint8_t epoch) {
    if ((groups_[at].stamp(number) & (stamps::epoch_bits | stamps::dead)) != epoch) [[unlikely]]
      first_write(at, number);
  }
  void first_write(std::uint32_t at, std::uint32_t number);
  void before_timed_write(std::uint32_t at, std::uint32_t number);
  std::size_t tell_expired(const K& key, std::size_t most) {
    return expired_ ? expired_(format::hash(key, arithmetic_), key, most) : 0;
  }
  byte_buffer& room_to_save(group& in);
  void save_if_pending(std::uint32_t at, std::uint32_t number);
  void erase_at(std::uint32_t at, std::uint32_t number, std::uint32_t tag);
  // Whether the entry, which was not written since, was there at the mark. Where somebody is told when it goes, it is
  // there until then.
  [[nodiscard]] bool was_there(const group& in, std::uint32_t number) const {
    return !is_dead(in.stamp(number)) && (expired_ || !(timed_ && clock_.was_expired(in.time(number))));
  }
  void append_entry(byte_buffer& out, const group& in, std::uint32_t number) const;
  void list_as_changed(group& in, std::uint32_t number);
  void encode_entry(group& in, std::uint32_t number);
  bool finish_group(group& in, std::size_t& max_entries, std::vector<encoded_chunk>& out);

  template <detail::table_access How, class KeyOf, class Fn>
  std::size_t walk(const std::uint64_t* hashes, std::size_t from, std::size_t to, KeyOf& key_of, Fn& fn) {
    for (std::size_t i = from; i != to; ++i) {
      auto& found = touch_at<How>(offset_of(hashes[i]), hashes[i], key_of(i));
      if (!fn(i, std::as_const(found.key), found.value))
        return i + 1;
    }
    return to;
  }
  template <detail::table_access How, class KeyOf, class Fn>
  std::size_t stream(const std::uint64_t* hashes, std::size_t from, std::size_t to, KeyOf& key_of, Fn& fn,
                     const event_time* times);

  std::size_t chunk_bytes_;
  key_group_range owned_;
  key_groups arithmetic_{1};
  bool tracking_ = false;
  bool timed_ = false;     // there is a time to live
  bool changed_ = false;   // something is on a list of changed entries
  bool never_used_ = true; // nothing was ever inserted or loaded: there is nothing to snapshot
  std::uint8_t epoch_ = 1; // 1 or 2
  snapshot_kind kind_ = snapshot_kind::base;
  std::vector<group> groups_;
  std::uint64_t live_ = 0;
  chunk_chain chain_;
  std::optional<chunk_writer> writer_; // while a snapshot is open
  std::uint64_t open_chunks_ = 0;      // of the open snapshot
  std::uint32_t cursor_group_ = 0;     // the open snapshot has encoded what is before the cursor
  std::uint32_t cursor_ = 0;           // a place in the group's entries (base) or frozen list (delta)
  std::size_t cursor_saved_ = 0;       // and how many bytes of the first saved block of the group it has taken
  std::function<std::size_t(std::uint64_t, const K&, std::size_t)> expired_;
  detail::entry_clock clock_;     // if there is a time to live
  std::uint32_t clean_group_ = 0; // where cleaning goes on
  std::uint32_t clean_ = 0;
};

} // namespace weir::inline v0

#include "state_table_expiry_impl.hpp"
#include "state_table_impl.hpp"
