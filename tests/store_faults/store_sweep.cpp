// The runs of the sweep, one after the other in one folder.
#include "store_faults/store_sweep.hpp"

#include "unit/checkpoint_store_fixture.hpp"

#include <utility>

namespace store_faults {

using weir_test::faulty_disk;
using operation = faulty_disk::operation;
using trouble = faulty_disk::trouble;

namespace {

const char* to_text(ending e) {
  constexpr std::array names{"closed", "killed", "power lost", "power lost later"};
  return names.at(static_cast<std::size_t>(e));
}

std::string name_of(operation o, trouble t) {
  return std::string{weir_test::to_text(o)} + " " + weir_test::to_text(t);
}

/// Half of a read, and the rest zeroes, without an error that SQLite would take for one.
bool is_a_lie(operation o, trouble t) {
  return o == operation::read && t == trouble::shortened;
}

/// Whether somebody could tell the run from one without the fault.
bool makes_sense(operation o, trouble t, bool from_then_on, ending end) {
  if (t == trouble::torn)
    return end == ending::power_lost || end == ending::power_lost_later;
  return !(is_a_lie(o, t) && from_then_on); // nothing can be kept on a disk that always lies
}

} // namespace

store_sweep::store_sweep(std::filesystem::path folder, thoroughness how)
    : folder_(std::move(folder)), how_(how), disk_("weir-sweep") {}

void store_sweep::clear() {
  for (const auto& entry : std::filesystem::directory_iterator{folder_})
    std::filesystem::remove(entry.path());
}

void store_sweep::sweep(swept_life which) {
  template_account_ = {};
  template_.clear();
  const store_test::temporary_folder kept{store_test::fast_place()};
  if (which == swept_life::later) {
    template_ = kept / "job.weir";
    live(store_test::options_for(template_), template_account_, 5, [] {});
    if (template_account_.refused != 0)
      failures_.emplace_back("a store without faults refuses commands");
  }
  for (const auto o : all_operations)
    for (const auto t : all_troubles)
      if (faulty_disk::can_have(o, t))
        // Without a fault there is not much to see: a few of them do.
        for (long nth = 1; sweep_nth(o, t, nth); nth += how_ == thoroughness::each && t == trouble::delayed ? 5 : 1) {
        }
}

bool store_sweep::sweep_nth(operation o, trouble t, long nth) {
  std::vector<run_of> choices;
  for (const auto end : all_endings)
    for (const bool from_then_on : {false, true})
      if (makes_sense(o, t, from_then_on, end))
        choices.push_back({o, t, nth, from_then_on, end});
  bool happened = false;
  if (how_ == thoroughness::each) { // not all ends have an nth operation
    for (std::size_t i = 0; i != choices.size() && !happened; ++i)
      happened = run(choices[(static_cast<std::size_t>(nth) * 5 + i) % choices.size()]);
    return happened;
  }
  for (const run_of& choice : choices)
    happened |= run(choice);
  return happened;
}

bool store_sweep::run(const run_of& what) {
  clear();
  auto options = store_test::options_for(folder_ / "job.weir");
  options.vfs = disk_.name();
  account told = template_account_;
  told.may_be_damaged = is_a_lie(what.operation, what.trouble);
  if (!template_.empty())
    std::filesystem::copy_file(template_, options.path);
  disk_.reset_counts();
  disk_.arm({what.operation, what.trouble, what.nth, what.from_then_on});
  live(options, told, template_.empty() ? 1 : 3, [&] {
    if (what.end == ending::killed || what.end == ending::power_lost)
      disk_.freeze();
  });
  disk_.disarm();
  const bool happened = disk_.happened() > 0;
  const std::string last = disk_.last_trouble();
  disk_.thaw();
  if (what.end == ending::power_lost)
    disk_.lose_power(++seed_);
  if (!happened)
    return false;
  ++runs_;
  refused_ += told.refused;
  happened_[name_of(what.operation, what.trouble)] += 1;
  if (const auto fault = fault_after(what, options, told); !fault.empty())
    failures_.push_back(fault + " [" + (template_.empty() ? "first" : "later") + " life, " +
                        name_of(what.operation, what.trouble) + " at " + std::to_string(what.nth) +
                        (what.from_then_on ? " and from then on" : "") + ", " + to_text(what.end) + ", seed " +
                        std::to_string(seed_) + ", last: " + last + "]");
  return true;
}

std::string store_sweep::fault_after(const run_of& what, const weir::store_options& options, account& told) {
  const bool lied = told.may_be_damaged;
  // A look at the store would bring its log into the file.
  if (what.end != ending::power_lost_later || lied)
    if (auto fault = look_at(options, told).fault; !fault.empty() || lied)
      return fault;
  // Life goes on with a good disk, and the power may go.
  const auto refused = told.refused;
  live(options, told, 1, [&] {
    if (what.end == ending::power_lost_later)
      disk_.freeze();
  });
  disk_.thaw();
  if (told.refused != refused)
    return "a command is refused after the fault is gone";
  if (what.end == ending::power_lost_later)
    disk_.lose_power(++seed_);
  return look_at(options, told).fault;
}

std::string store_sweep::summary() const {
  std::string text = "store faults: " + std::to_string(runs_) + " runs, " + std::to_string(refused_) +
                     " commands refused, " + std::to_string(failures_.size()) + " promises broken; ";
  for (const auto& [what, n] : happened_)
    text += what + " " + std::to_string(n) + (what == happened_.rbegin()->first ? "" : ", ");
  return text;
}

std::string store_sweep::missing() const {
  std::string text;
  for (const auto o : all_operations)
    for (const auto t : all_troubles)
      if (faulty_disk::can_have(o, t) && happened_.count(name_of(o, t)) == 0)
        text += (text.empty() ? "" : ", ") + name_of(o, t);
  return text;
}

} // namespace store_faults
