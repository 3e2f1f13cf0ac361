// What tests call: faults are armed, counted, and taken away; the process and the power end.
#include "faulty_disk.hpp"

#include "faulty_vfs.hpp"

#include <random>
#include <utility>

#include <unistd.h>

namespace weir_test {

namespace {

template <class Enum>
constexpr std::size_t index_of(Enum value) {
  return static_cast<std::size_t>(value);
}

} // namespace

bool faulty_disk::can_have(operation o, trouble t) {
  switch (t) {
  case trouble::fail:
  case trouble::delayed:
    return true;
  case trouble::full:
    return o == operation::write || o == operation::open || o == operation::lock;
  case trouble::shortened:
    return o == operation::read || o == operation::write;
  case trouble::torn:
    return o == operation::write;
  }
  return false;
}

faulty_disk::faulty_disk(std::string vfs_name) : state_(std::make_unique<state>(std::move(vfs_name))) {}
faulty_disk::~faulty_disk() = default;

const std::string& faulty_disk::name() const {
  return state_->name;
}

void faulty_disk::be_default() {
  sqlite3_vfs_register(&state_->vfs, 1);
}

void faulty_disk::sync_for_real(bool yes) {
  const std::lock_guard lock{state_->mutex};
  state_->real_syncs = yes;
}

long faulty_disk::arm(fault f) {
  const std::lock_guard lock{state_->mutex};
  state_->faults.push_back({f, ++state_->faults_armed});
  return state_->faults_armed;
}

long faulty_disk::struck(long number) const {
  const std::lock_guard lock{state_->mutex};
  for (const state::armed& f : state_->faults)
    if (f.number == number)
      return f.struck;
  return 0;
}

void faulty_disk::disarm() {
  const std::lock_guard lock{state_->mutex};
  state_->faults.clear();
  state_->waiting = false;
}

void faulty_disk::stand_aside(bool yes) {
  const std::lock_guard lock{state_->mutex};
  state_->stands_aside = yes;
}

void faulty_disk::on_torn(std::function<void()> hook) {
  const std::lock_guard lock{state_->mutex};
  state_->torn_hook = std::move(hook);
}

void faulty_disk::remember_unsynced(bool yes) {
  const std::lock_guard lock{state_->mutex};
  state_->remembers = yes;
}

void faulty_disk::on_delay(std::function<void()> hook) {
  const std::lock_guard lock{state_->mutex};
  state_->hook = std::move(hook);
}

long faulty_disk::count(operation o) const {
  const std::lock_guard lock{state_->mutex};
  return state_->counts[index_of(o)];
}

long faulty_disk::happened() const {
  const std::lock_guard lock{state_->mutex};
  long all = 0;
  for (const long n : state_->troubles)
    all += n;
  return all;
}

long faulty_disk::happened(trouble t) const {
  const std::lock_guard lock{state_->mutex};
  return state_->troubles[index_of(t)];
}

std::string faulty_disk::last_trouble() const {
  const std::lock_guard lock{state_->mutex};
  return state_->last;
}

void faulty_disk::reset_counts() {
  const std::lock_guard lock{state_->mutex};
  state_->counts = {};
  state_->troubles = {};
  state_->last.clear();
}

void faulty_disk::freeze() {
  const std::lock_guard lock{state_->mutex};
  state_->is_frozen = true;
}

void faulty_disk::thaw() {
  const std::lock_guard lock{state_->mutex};
  if (std::exchange(state_->is_frozen, false))
    ++state_->life;
}

bool faulty_disk::frozen() const {
  const std::lock_guard lock{state_->mutex};
  return state_->is_frozen;
}

void faulty_disk::lose_power(std::uint64_t seed) {
  const std::lock_guard lock{state_->mutex};
  std::mt19937_64 random{seed};
  for (const auto& [path, known] : state_->files)
    if (number_of(path) == known.number)
      known.unsynced->lose(path, random);
  state_->files.clear();
  for (const std::string& path : state_->databases)
    ::unlink((path + "-shm").c_str());
  ++state_->life;
}

const char* to_text(faulty_disk::operation o) {
  constexpr std::array names{"read", "write", "sync", "truncate", "open", "remove", "lock"};
  return names.at(index_of(o));
}

const char* to_text(faulty_disk::trouble t) {
  constexpr std::array names{"fail", "full", "shortened", "torn", "delayed"};
  return names.at(index_of(t));
}

} // namespace weir_test
