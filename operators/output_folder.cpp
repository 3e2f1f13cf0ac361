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
#include <system_error>
#include <vector>

#include <unistd.h>

namespace weir::inline v0 {

namespace {

constexpr std::string_view marker_name = ".weir-output";
constexpr std::size_t subtask_digits = 5;
constexpr std::size_t checkpoint_digits = 12;

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
  if (!take_number(name, checkpoint_digits, number) || name != suffix)
    return std::nullopt;
  return number;
}

/// Removes the files whose names are chosen, and makes it durable.
void remove_where(const std::string& directory, const std::function<bool(const std::string&)>& chosen) {
  std::vector<std::string> names;
  std::error_code fault;
  for (std::filesystem::directory_iterator each{directory, fault}, end; !fault && each != end; each.increment(fault))
    if (auto name = each->path().filename().string(); chosen(name))
      names.push_back(std::move(name));
  if (fault)
    fail_io(directory, "list", fault.value());
  for (const auto& name : names) {
    remove_file(directory + "/" + name);
    WEIR_FAILPOINT("text_files.revert.removed");
  }
  if (!names.empty())
    sync_folder(directory);
}

} // namespace

output_folder::output_folder(std::string directory, const operator_identity& identity)
    : directory_(std::move(directory)), run_(identity.run), operator_(identity.name) {
  while (directory_.size() > 1 && directory_.back() == '/')
    directory_.pop_back();
}

std::string output_folder::path_of(std::string_view name) const {
  return directory_ + "/" + std::string{name};
}

std::string output_folder::open_name(subtask_index subtask, attempt_id attempt) const {
  return "." + file_part(operator_) + "-" + padded(subtask.value, subtask_digits) + "-" +
         padded(attempt.value, checkpoint_digits) + ".open";
}

std::string output_folder::prepared_name(subtask_index subtask, checkpoint_id checkpoint) const {
  return "." + file_part(operator_) + "-" + padded(subtask.value, subtask_digits) + "-" +
         padded(checkpoint.value, checkpoint_digits) + ".part";
}

std::string output_folder::final_name(subtask_index subtask, checkpoint_id checkpoint) {
  return "part-" + padded(subtask.value, subtask_digits) + "-" + padded(checkpoint.value, checkpoint_digits) + ".txt";
}

std::optional<checkpoint_id> output_folder::checkpoint_of_final(std::string_view name) {
  if (const auto number = number_in(name, "part-", ".txt"))
    return checkpoint_id{*number};
  return std::nullopt;
}

void output_folder::make_directory() const {
  std::error_code fault;
  std::filesystem::create_directories(directory_, fault);
  if (!std::filesystem::is_directory(directory_))
    throw usage_error({directory_, "a folder, or a name under which one can be made",
                       fault ? fault.message() : "something that is no folder", "name another folder"});
  if (::access(directory_.c_str(), R_OK | W_OK | X_OK) != 0)
    throw usage_error({directory_, "a folder that can be read and written", std::strerror(errno),
                       "change its permissions or owner, or name another folder"});
}

void output_folder::remove_output_of(const std::string& operator_name) const {
  const std::string hidden = "." + file_part(operator_name) + "-";
  remove_where(directory_, [&](const std::string& name) {
    return checkpoint_of_final(name) || number_in(name, hidden, ".part") || number_in(name, hidden, ".open");
  });
}

bool output_folder::has_output_of(const std::string& operator_name) const {
  const std::string hidden = "." + file_part(operator_name) + "-";
  for (const auto& each : std::filesystem::directory_iterator{directory_}) {
    const auto name = each.path().filename().string();
    if (checkpoint_of_final(name) || number_in(name, hidden, ".part"))
      return true;
  }
  return false;
}

void output_folder::check_marker(const sink_start& start) const {
  const std::string marker = path_of(marker_name);
  const std::string content = read_small_file(marker);
  std::string run;
  std::string name;
  if (!content.empty()) {
    const auto object = flat_json::parse(content, marker);
    run = object.text("run");
    name = object.text("operator");
    if (run == run_ && name == operator_)
      return;
    if (run == run_ && name == start.former_name)
      return write_marker(); // what has the former name is found by it, now and later
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
  remove_output_of(name); // the old marker stays until this is done
  write_marker();
}

void output_folder::write_marker() const {
  try {
    write_small_file(path_of(marker_name), flat_json{}.set("run", run_).set("operator", operator_).to_string() + "\n");
  } catch (const io_error& error) {
    throw usage_error({directory_, "a folder that can be written", error.text().found,
                       "change its permissions or owner, free space there, or name another folder"});
  }
}

void output_folder::claim(const sink_start& start) const {
  WEIR_FAILPOINT("text_files.claim.before");
  make_directory();
  check_marker(start);
  WEIR_FAILPOINT("text_files.claim.after");
  const auto restored = start.restored ? start.restored_checkpoint.value : 0;
  const auto hidden_number = [&, own = "." + file_part(operator_) + "-",
                              former = "." + file_part(start.former_name) + "-"](const std::string& name,
                                                                                 std::string_view suffix) {
    const auto number = number_in(name, own, suffix);
    return number || start.former_name.empty() ? number : number_in(name, former, suffix);
  };
  remove_where(directory_, [&](const std::string& name) {
    if (hidden_number(name, ".open"))
      return true;
    const auto prepared = hidden_number(name, ".part");
    const auto committed = checkpoint_of_final(name);
    return (prepared && *prepared > restored) || (committed && committed->value > restored);
  });
  WEIR_FAILPOINT("text_files.revert.after");
}

} // namespace weir::inline v0
