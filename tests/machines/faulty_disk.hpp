// A SQLite VFS over the system's, with real files, that goes wrong on command and can lose what was not synced.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>

namespace weir_test {

/// A disk for SQLite files. Operations that go wrong are counted from the moment a fault is armed. All calls may come
/// from any thread; SQLite may use it from several.
///
/// A sync costs nothing unless `sync_for_real` was asked for: the disk knows by itself what it would have kept.
class faulty_disk {
public:
  enum class operation : std::uint8_t {
    read,
    write,
    sync,
    truncate,
    open,
    remove,
    lock, ///< of files and of the shared memory, and the making of that memory; giving back is not counted
  };
  static constexpr int operation_kinds = 7;

  enum class trouble : std::uint8_t {
    fail,      ///< the operation has no effect and says so; a sync that failed leaves its writes in doubt for good
    full,      ///< there is no room: writes, files and shared memory that are to be made
    shortened, ///< half of a write, then an error; half of a read, the rest zeroes, SQLITE_IOERR_SHORT_READ
    torn,      ///< a write that is reported as done; a loss of power before the next sync leaves some of its sectors
    delayed,   ///< the hook is called first; locks are busy for `tries`, other operations then work
  };
  static constexpr int trouble_kinds = 5;

  /// A set of kinds of operations.
  class operations {
  public:
    constexpr operations() = default;
    constexpr operations(operation o) : bits_(1U << static_cast<unsigned>(o)) {} // NOLINT(google-explicit-constructor)
    constexpr operations(std::initializer_list<operation> all) {
      for (const operation o : all)
        bits_ |= 1U << static_cast<unsigned>(o);
    }
    [[nodiscard]] constexpr bool has(operation o) const { return (bits_ >> static_cast<unsigned>(o) & 1U) != 0; }

  private:
    unsigned bits_ = 0;
  };
  /// All that change something.
  static constexpr operations changes() {
    return {operation::write, operation::sync, operation::truncate, operation::remove};
  }

  /// What is to go wrong: the `nth` (from 1) of the operations in `of` that can have this trouble.
  struct fault {
    operations of;
    trouble what = trouble::fail;
    long nth = 1;
    bool from_then_on = false;
    int tries = 3; ///< how often a delayed lock is busy
  };
  /// Whether an operation of that kind can have that trouble.
  [[nodiscard]] static bool can_have(operation o, trouble t);

  /// Registers a VFS of that name. The name must not be in use.
  explicit faulty_disk(std::string vfs_name);
  faulty_disk(const faulty_disk&) = delete;
  faulty_disk& operator=(const faulty_disk&) = delete;
  /// All its files must be closed.
  ~faulty_disk();

  [[nodiscard]] const std::string& name() const;
  /// Makes it what SQLite uses where no VFS is named, for as long as it lives.
  void be_default();
  /// Whether syncs reach the system. At first they do not.
  void sync_for_real(bool yes);

  /// Arms a fault, in addition to those that are armed. Returns its number.
  long arm(fault f);
  /// How many operations that fault has struck; 0 of one that is disarmed.
  [[nodiscard]] long struck(long number) const;
  /// Nothing goes wrong from now on.
  void disarm();
  /// While it lasts nothing goes wrong and nothing is counted: the test itself looks at files.
  void stand_aside(bool yes);
  /// Called before a delayed operation, on its thread, without a lock held.
  void on_delay(std::function<void()> hook);
  /// Called after a torn write, on its thread, without a lock held: for who wants the power to go before the next sync.
  void on_torn(std::function<void()> hook);
  /// Whether what is not synced is remembered, for `lose_power`. At first it is.
  void remember_unsynced(bool yes);

  /// How many operations of a kind there were, good and bad, since the beginning or `reset_counts`.
  [[nodiscard]] long count(operation o) const;
  /// How many had a trouble.
  [[nodiscard]] long happened() const;
  [[nodiscard]] long happened(trouble t) const;
  /// The last trouble, for people: "fail: write of 4096 at 32 to job.weir-wal"; empty if there was none.
  [[nodiscard]] std::string last_trouble() const;
  void reset_counts();

  /// The process is dead from now on: nothing that it does changes anything. What is open now stays dead after `thaw`;
  /// close it before the file is opened again.
  void freeze();
  void thaw();
  [[nodiscard]] bool frozen() const;

  /// The power goes and comes back; what is open must be closed or frozen. Of each file, every write and truncation
  /// since its last good sync is kept, dropped, or torn between sectors of 512 bytes, as the seed says; a file that was
  /// never synced may be gone. Removed files stay removed; shared memory is gone.
  void lose_power(std::uint64_t seed);

  struct state;

private:
  std::unique_ptr<state> state_;
};

[[nodiscard]] const char* to_text(faulty_disk::operation o);
[[nodiscard]] const char* to_text(faulty_disk::trouble t);

} // namespace weir_test
