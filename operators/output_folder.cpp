#include "output_folder.hpp"

#include "../persistence/error.hpp"
#include "../persistence/failpoint.hpp"
#include "file_io.hpp"
#include "flat_json.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <system_error>
#include <vector>

#include <unistd.h>

namespace weir::inline v0 {

namespace {

constexpr std::string_view marker_name = ".weir-output";
constexpr std::size_t subtask_digits = 5;
constexpr std::size_t checkpoint_digits = 12;
constexpr std::size_t file_digits = 5;

std::string padded(std::uint64_t number, std::size_t digits) {
  std::string text = std::to_string(number);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

/// Composite operators have slashes in their names; file names have none.
std::string file_part(const std::string& operator_name) {
  std::string part = operator_name;
  std::replace(part.begin(), part.end(), '/', '.');
  return part;
}

/// Takes a padded number off the front.
bool take_number(std::string_view& name, std::size_t digits, std::uint64_t& number) {
  const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
  const auto size = static_cast<std::size_t>(end - name.data());
  if (fault != std::errc{} || size < digits)
    return false;
  name.remove_prefix(size);
  return true;
}

/// The last number of `<prefix><subtask>-<number><suffix>`.
std::optional<std::uint64_t> number_in(std::string_view name, std::string_view prefix, std::string_view suffix) {
  std::uint64_t subtask = 0;
  std::uint64_t number = 0;
  if (!name.starts_with(prefix))
    return std::nullopt;
  name.remove_prefix(prefix.size());
  if (!take_number(name, subtask_digits, subtask) || !name.starts_with('-'))
    return std::nullopt;
  name.remove_prefix(1);
  if (!take_number(name, checkpoint_digits, number))
    return std::nullopt;
  if (name.starts_with('-')) { // one of several files
    std::uint64_t file = 0;
    name.remove_prefix(1);
    if (!take_number(name, file_digits, file))
      return std::nullopt;
  }
  if (name != suffix)
    return std::nullopt;
  return number;
}

/// The names in a folder, relative to it. Folders within are looked into if they hold partitions, but for those that
/// belong to another sink.
std::vector<std::string> names_in(const std::string& directory, bool partitions) {
  std::vector<std::string> names;
  std::error_code fault;
  std::vector<std::string> open{""};
  while (!open.empty() && !fault) {
    const std::string folder = std::move(open.back());
    open.pop_back();
    const std::filesystem::path place = folder.empty() ? directory : directory + "/" + folder;
    for (std::filesystem::directory_iterator each{place, fault}, end; !fault && each != end; each.increment(fault)) {
      std::string name = folder + each->path().filename().string();
      std::error_code ignored;
      if (partitions && each->symlink_status(ignored).type() == std::filesystem::file_type::directory) {
        if (!std::filesystem::exists(each->path() / marker_name, ignored))
          open.push_back(name + "/");
      } else {
        names.push_back(std::move(name));
      }
    }
  }
  if (fault)
    fail_io(directory, "list", fault.value());
  return names;
}

std::string_view last_part(std::string_view name) {
  return name.substr(name.rfind('/') + 1);
}

/// Removes the files whose names are chosen, and makes it durable.
void remove_where(const std::string& directory, bool partitions, const std::function<bool(std::string_view)>& chosen) {
  std::set<std::string> changed;
  for (const auto& name : names_in(directory, partitions))
    if (chosen(last_part(name))) {
      const std::string path = directory + "/" + name;
      remove_file(path);
      changed.insert(path.substr(0, path.rfind('/')));
      WEIR_FAILPOINT("text_files.revert.removed");
    }
  for (const auto& folder : changed)
    sync_folder(folder);
}

} // namespace

output_folder::output_folder(std::string directory, const operator_identity& identity, bool partitioned)
    : directory_(std::move(directory)), run_(identity.run), operator_(identity.name), partitioned_(partitioned) {
  while (directory_.size() > 1 && directory_.back() == '/')
    directory_.pop_back();
}

std::string output_folder::path_of(std::string_view name) const {
  return directory_ + "/" + std::string{name};
}

std::string output_folder::open_name(subtask_index subtask, attempt_id attempt, std::uint64_t file) const {
  return "." + file_part(operator_) + "-" + padded(subtask.value, subtask_digits) + "-" +
         padded(attempt.value, checkpoint_digits) + (file == 0 ? "" : "-" + padded(file, file_digits)) + ".open";
}

std::string output_folder::prepared_name(subtask_index subtask, checkpoint_id checkpoint, std::uint64_t file) const {
  return "." + file_part(operator_) + "-" + padded(subtask.value, subtask_digits) + "-" +
         padded(checkpoint.value, checkpoint_digits) + (file == 0 ? "" : "-" + padded(file, file_digits)) + ".part";
}

std::string output_folder::final_name(subtask_index subtask, checkpoint_id checkpoint, std::string_view extension,
                                      std::optional<std::uint64_t> file) {
  return "part-" + padded(subtask.value, subtask_digits) + "-" + padded(checkpoint.value, checkpoint_digits) +
         (file ? "-" + padded(*file, file_digits) : "") + std::string{extension};
}

std::optional<checkpoint_id> output_folder::checkpoint_of_final(std::string_view name) {
  for (const std::string_view extension : {".txt", ".csv", ".jsonl"})
    if (const auto number = number_in(name, "part-", extension))
      return checkpoint_id{*number};
  return std::nullopt;
}

bool output_folder::has_partitions() const {
  if (partitioned_)
    return true;
  const std::string marker = path_of(marker_name);
  const std::string content = read_small_file(marker);
  return !content.empty() && flat_json::parse(content, marker).has("partitions");
}

checkpoint_id output_folder::given_up() const {
  const std::string marker = path_of(marker_name);
  const std::string content = read_small_file(marker);
  if (content.empty())
    return checkpoint_id{0};
  const auto object = flat_json::parse(content, marker);
  return checkpoint_id{object.has("given_up") ? object.number("given_up") : 0};
}

void output_folder::make_directory() const {
  // Folders that are made have to be there after a loss of power, too: each is synced into the one that holds it.
  std::vector<std::filesystem::path> made;
  std::error_code fault;
  for (std::filesystem::path each = std::filesystem::absolute(directory_, fault);
       !each.empty() && !std::filesystem::exists(each, fault) && each != each.parent_path(); each = each.parent_path())
    made.push_back(each);
  std::filesystem::create_directories(directory_, fault);
  if (!std::filesystem::is_directory(directory_))
    throw usage_error({directory_, "a folder, or a name under which one can be made",
                       fault ? fault.message() : "something that is no folder", "name another folder"});
  check_directory();
  for (const std::filesystem::path& each : made)
    sync_folder(each.parent_path().string());
}

void output_folder::check_directory() const {
  if (::access(directory_.c_str(), R_OK | W_OK | X_OK) != 0)
    throw usage_error({directory_, "a folder that can be read and written", std::strerror(errno),
                       "change its permissions or owner, or name another folder"});
}

void output_folder::remove_output_of(const std::string& operator_name) const {
  const std::string hidden = "." + file_part(operator_name) + "-";
  remove_where(directory_, has_partitions(), [&](std::string_view name) {
    return checkpoint_of_final(name) || number_in(name, hidden, ".part") || number_in(name, hidden, ".open");
  });
}

bool output_folder::has_output_of(const std::string& operator_name) const {
  const std::string hidden = "." + file_part(operator_name) + "-";
  for (const auto& path : names_in(directory_, has_partitions())) {
    const auto name = last_part(path);
    if (checkpoint_of_final(name) || number_in(name, hidden, ".part"))
      return true;
  }
  return false;
}

output_folder::claimed output_folder::check_marker(const sink_start& start) const {
  const std::string marker = path_of(marker_name);
  const std::string content = read_small_file(marker);
  std::string run;
  std::string name;
  if (!content.empty()) {
    const auto object = flat_json::parse(content, marker);
    run = object.text("run");
    name = object.text("operator");
    if (run == run_ && name == operator_)
      return {claimed_by::this_sink, name};
    if (run == run_ && name == start.former_name)
      return {claimed_by::its_former_name, name};
    if (run == run_)
      throw usage_error(
          {directory_, "output of the sink " + operator_, "output of the sink " + name + " of the same run",
           "give each sink a folder of its own; if this one was renamed, give it {.renamed_from = \"" + name + "\"}"});
  }
  if (!start.replace_output) {
    if (start.restored && start.restored_checkpoint.value > 0)
      throw usage_error(
          {directory_, "the output of this run up to checkpoint " + to_string(start.restored_checkpoint),
           run.empty() ? "no output of this run" : "output of run " + run,
           "put the folder back; if the sink is new, or what it wrote is not needed, use --replace-output"});
    if (has_output_of(name))
      throw usage_error({directory_, "a folder without another run's output",
                         run.empty() ? "part files of an unknown run" : "output of run " + run + ", sink " + name,
                         "name another folder, or remove that output with --replace-output"});
  }
  return {claimed_by::nobody, name};
}

void output_folder::check(const sink_start& start) const {
  std::error_code fault;
  const auto status = std::filesystem::status(directory_, fault);
  if (status.type() == std::filesystem::file_type::not_found &&
      !(start.restored && start.restored_checkpoint.value > 0))
    return; // it will be made
  if (status.type() != std::filesystem::file_type::directory) {
    if (status.type() != std::filesystem::file_type::not_found)
      throw usage_error({directory_, "a folder, or a name under which one can be made",
                         fault ? fault.message() : "something that is no folder", "name another folder"});
    if (start.replace_output)
      return;
    throw usage_error(
        {directory_, "the output of this run up to checkpoint " + to_string(start.restored_checkpoint),
         "no such folder",
         "put the folder back; if the sink is new, or what it wrote is not needed, use --replace-output"});
  }
  check_directory();
  static_cast<void>(check_marker(start));
}

void output_folder::write_marker(checkpoint_id given_up) const {
  try {
    flat_json object;
    object.set("run", run_).set("operator", operator_);
    if (partitioned_)
      object.set("partitions", std::uint64_t{1});
    if (given_up.value != 0)
      object.set("given_up", given_up.value);
    write_small_file(path_of(marker_name), object.to_string() + "\n");
  } catch (const io_error& error) {
    throw usage_error({directory_, "a folder that can be written", error.text().found,
                       "change its permissions or owner, free space there, or name another folder"});
  }
}

void output_folder::claim(const sink_start& start) const {
  WEIR_FAILPOINT("text_files.claim.before");
  make_directory();
  const auto restored = start.restored ? start.restored_checkpoint.value : 0;
  const auto [whose, writer] = check_marker(start);
  if (whose == claimed_by::nobody)
    remove_output_of(writer);                         // the old marker stays until this is done
  if (whose != claimed_by::this_sink || partitioned_) // what has the former name is found by it, now and later
    write_marker(whose == claimed_by::nobody ? checkpoint_id{restored} : given_up());
  WEIR_FAILPOINT("text_files.claim.after");
  const auto hidden_number = [&, own = "." + file_part(operator_) + "-",
                              former = "." + file_part(start.former_name) + "-"](std::string_view name,
                                                                                 std::string_view suffix) {
    const auto number = number_in(name, own, suffix);
    return number || start.former_name.empty() ? number : number_in(name, former, suffix);
  };
  remove_where(directory_, has_partitions(), [&](std::string_view name) {
    if (hidden_number(name, ".open"))
      return true;
    const auto prepared = hidden_number(name, ".part");
    const auto committed = checkpoint_of_final(name);
    return (prepared && *prepared > restored) || (committed && committed->value > restored);
  });
  WEIR_FAILPOINT("text_files.revert.after");
}

} // namespace weir::inline v0
