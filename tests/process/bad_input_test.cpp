// What bad input gets: one line that names the thing and the remedy, exit code 2 or 1, and nothing lost.
#include "process/counting_process.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <sys/mount.h>
#include <unistd.h>

using namespace std::chrono_literals;
using weir_test::child_process;
using weir_test::counting;
using weir_test::counting_command;
using weir_test::fault_in_output;
using weir_test::program_result;
using weir_test::run_program;
using weir_test::scratch_folder;
using weir_test::stop_midway;

namespace fs = std::filesystem;

namespace {

counting small_job(const scratch_folder& folder) {
  counting parts;
  parts.folder = folder.path().string();
  parts.records = 3'000;
  return parts;
}

/// One line on stderr that begins with the job's name and has these parts; others can only be the job's log.
void check_refusal(const program_result& result, const std::string& job, int code,
                   const std::vector<std::string>& parts) {
  INFO(result.err);
  CHECK(result.signal == 0);
  CHECK(result.code == code);
  std::vector<std::string> errors;
  std::istringstream lines{result.err};
  for (std::string line; std::getline(lines, line);)
    if (line.rfind(job + ": ", 0) == 0)
      errors.push_back(line);
    else
      CHECK_THAT(line, Catch::Matches("..:..:..\\.... (info|warning|error|debug) .*")); // a line of the log
  REQUIRE(errors.size() == 1);
  for (const std::string& part : parts)
    CHECK_THAT(errors.front(), Catch::Contains(part));
}

/// The job goes on in its store and comes to its end, exactly.
void check_goes_on(const counting& parts, const std::vector<std::string>& more = {}) {
  const auto result = run_program(counting_command(parts, more), parts.folder + "/rest");
  INFO(result.err);
  CHECK(result.code == 0);
  CHECK_THAT(result.err, Catch::Contains("resumes run") && Catch::Contains("from checkpoint"));
  CHECK(fault_in_output(parts) == "");
}

/// Changes bytes of a file in place.
void write_at(const std::string& path, std::uintmax_t offset, const std::string& bytes) {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
  REQUIRE(file.flush());
}

program_result word_count(const scratch_folder& folder, const std::string& input) {
  return run_program({weir_test::program("crash_program"), "--input", input, "--table", folder / "words.db", "--files",
                      folder / "words", "--store", folder / "words.weir"},
                     folder / "log");
}

/// A file system of a few pages, for as long as it lives.
class small_disk {
public:
  explicit small_disk(std::string path) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=640k") == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_)
      ::umount2(path_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] bool grow() const { return ::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0; }
  [[nodiscard]] bool protect() const {
    return ::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=64m") == 0;
  }

private:
  std::string path_;
  bool mounted_ = false;
};

} // namespace

TEST_CASE("an input that is not there or no file is refused before anything is made") {
  const scratch_folder folder;
  check_refusal(word_count(folder, folder / "no-such.txt"), "word-count", 2, {"no-such.txt", "name a file"});
  check_refusal(word_count(folder, folder.path().string()), "word-count", 2, {folder.path().string()});
  const std::string file = folder.write("file.txt", "a b c\n");
  check_refusal(word_count(folder, file + "/below"), "word-count", 2, {"below"});
  CHECK_FALSE(fs::exists(folder / "words.weir"));
  CHECK_FALSE(fs::exists(folder / "words.db"));
}

TEST_CASE("an input that may not be read is refused") {
  const scratch_folder folder;
  const std::string input = folder.write("secret.txt", "a b c\n");
  fs::permissions(input, fs::perms::none);
  fs::permissions(folder.path(), fs::perms::all);
  std::vector<std::string> command{weir_test::program("crash_program"),
                                   "--input",
                                   input,
                                   "--table",
                                   folder / "words.db",
                                   "--files",
                                   folder / "words",
                                   "--store",
                                   folder / "words.weir"};
  if (::geteuid() == 0) {
    // Nothing is hidden from root: as somebody else, if that can be arranged.
    const std::vector<std::string> as_nobody{"/usr/bin/setpriv", "--reuid=65534", "--clear-groups"};
    auto trial = as_nobody;
    trial.insert(trial.end(), {command.front(), "--version"});
    if (!fs::exists(as_nobody.front()) || run_program(trial, folder / "trial").code != 0) {
      WARN("not tried: root may read everything, and the program can't be run as another user here");
      return;
    }
    command.insert(command.begin(), as_nobody.begin(), as_nobody.end());
  }
  check_refusal(run_program(command, folder / "log"), "word-count", 2, {"secret.txt", "Permission denied"});
  CHECK_FALSE(fs::exists(folder / "words.weir"));
}

TEST_CASE(
    "an input that was shortened, replaced or removed since the run began is refused, and the run goes on later") {
  const scratch_folder folder;
  std::string text;
  for (int i = 0; i != 400'000; ++i)
    text += "one two three\n";
  const std::string input = folder.write("input.txt", text);
  {
    child_process job{{weir_test::program("crash_program"), "--input", input, "--table", folder / "words.db", "--files",
                       folder / "words", "--store", folder / "words.weir", "--checkpoint-interval", "20ms"},
                      folder / "first"};
    const bool checkpointed = weir_test::wait_for_checkpoint(job, folder / "words.weir");
    job.signal(SIGKILL);
    REQUIRE(job.wait_for(10s));
    REQUIRE(checkpointed);
  }
  fs::rename(input, folder / "aside.txt");
  check_refusal(word_count(folder, input), "word-count", 2, {"input.txt"});
  folder.write("input.txt", "one two three\n");
  check_refusal(word_count(folder, input), "word-count", 2, {"input.txt", "--fresh"});
  folder.write("input.txt", "x" + text);
  check_refusal(word_count(folder, input), "word-count", 2, {"input.txt", "--fresh"});
  fs::rename(folder / "aside.txt", input);
  const auto result = word_count(folder, input);
  INFO(result.err);
  CHECK(result.code == 0);
  for (const auto& [word, count] : weir_test::counts_in_table(folder / "words.db", "counts"))
    CHECK(count == 400'000);
}

TEST_CASE("options that are not known or can't be read are refused") {
  const scratch_folder folder;
  const counting parts = small_job(folder);
  const auto with = [&](const std::vector<std::string>& more) {
    return run_program(counting_command(parts, more), folder / "log");
  };
  check_refusal(with({"--paralelism", "3"}), "counting", 2, {"--paralelism", "--parallelism"});
  check_refusal(with({"--checkpoint-timeout", "soon"}), "counting", 2, {"checkpoint-timeout", "soon"});
  check_refusal(with({"--batch-size", "0"}), "counting", 2, {"batch-size"});
  check_refusal(with({"--mode", "at-most-once"}), "counting", 2, {"mode", "exactly-once"});
  check_refusal(with({"--max-parallelism", "1"}), "counting", 2, {"parallelism"});
  check_refusal(with({"left-over"}), "counting", 2, {"left-over"});
  CHECK_FALSE(fs::exists(counting_store(parts)));
}

TEST_CASE("a store that is no store, or another's, is refused and left as it is") {
  const scratch_folder folder;
  const counting parts = small_job(folder);
  const std::string store = counting_store(parts);
  const auto run = [&] { return run_program(counting_command(parts), folder / "log"); };

  folder.write("counting.weir", std::string(20'000, 'x'));
  check_refusal(run(), "counting", 2, {store});
  CHECK(scratch_folder::read(store) == std::string(20'000, 'x'));
  folder.write("counting.weir", "");
  check_refusal(run(), "counting", 2, {store, "empty"});
  CHECK(fs::file_size(store) == 0);
  fs::remove(store);
  fs::create_directory(store);
  check_refusal(run(), "counting", 2, {store, "folder"});
  fs::remove(store);

  stop_midway(parts);
  const std::string before = scratch_folder::read(store);
  const auto other =
      run_program({weir_test::program("crash_program"), "--input", WEIR_SOURCE_DIR "/examples/data/moby-dick.txt",
                   "--table", folder / "words.db", "--files", folder / "words", "--store", store},
                  folder / "log");
  check_refusal(other, "word-count", 2, {"that of job \"counting\"", "--store"});
  CHECK((scratch_folder::read(store) == before));
  check_goes_on(parts);
}

TEST_CASE("a store of another version is refused, and is of use when the version is right again") {
  const scratch_folder folder;
  const counting parts = small_job(folder);
  stop_midway(parts);
  const std::string store = counting_store(parts);
  const std::string whole = scratch_folder::read(store);
  constexpr std::size_t user_version = 60; // in the header of a SQLite file
  write_at(store, user_version, std::string("\0\0\0\x63", 4));
  check_refusal(run_program(counting_command(parts), folder / "log"), "counting", 2, {"version 99", "--fresh"});
  write_at(store, user_version, whole.substr(user_version, 4));
  check_goes_on(parts);
}

TEST_CASE("a damaged store is passed over to an earlier checkpoint or refused; output is never wrong") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  const scratch_folder folder;
  counting parts = small_job(folder);
  stop_midway(parts);
  const std::string store = counting_store(parts);
  const fs::path kept = folder.path().string() + "-kept";
  fs::copy(folder.path(), kept, fs::copy_options::recursive);
  const auto begin_again = [&] {
    fs::remove_all(folder.path());
    fs::copy(kept, folder.path(), fs::copy_options::recursive);
  };
  int refused = 0;
  int went_on = 0;
  for (int round = 0; round != 12; ++round) {
    begin_again();
    const auto size = fs::file_size(store);
    if (round == 0) {
      fs::resize_file(store, size / 2);
    } else {
      // A few bytes, or a piece of a page, anywhere behind the header.
      const std::size_t length = round % 2 == 0 ? 48 : 4'096;
      const auto at = std::uniform_int_distribution<std::uintmax_t>{100, size - length}(random);
      std::string noise;
      while (noise.size() != length)
        noise += static_cast<char>(random());
      write_at(store, at, noise);
    }
    CAPTURE(round);
    const auto result = run_program(counting_command(parts), folder / "log");
    INFO(result.err);
    CHECK(result.signal == 0);
    if (result.code == 0) {
      ++went_on;
      CHECK(fault_in_output(parts) == "");
    } else {
      ++refused;
      CHECK((result.code == 1 || result.code == 2));
      CHECK_THAT(result.err, Catch::Contains("counting: "));
      CHECK(fs::exists(store));
    }
  }
  CHECK(refused > 0); // at least half a file
  WARN(refused << " refused, " << went_on << " went on");
  begin_again();
  check_goes_on(parts);
  fs::remove_all(kept);
}

TEST_CASE("a folder that can't be written is a bad option, for the store and for a sink") {
  const scratch_folder folder;
  counting parts = small_job(folder);
  const auto with = [&](const std::string& option, const std::string& value) {
    return run_program(counting_command(parts, {option, value}), folder / "log");
  };
  check_refusal(with("--store", "/proc/counting.weir"), "counting", 2,
                {"/proc/counting.weir", "no file can be made in /proc", "name a path in another folder"});
  check_refusal(with("--store", "/sys/counting.weir"), "counting", 2, {"/sys/counting.weir"});
  check_refusal(with("--store", folder / "none/counting.weir"), "counting", 2, {"none", "make the folder"});
  check_refusal(with("--store", counting_store(parts) + std::string(300, 'x')), "counting", 2, {"name another path"});
  check_refusal(with("--folder", "/proc"), "counting", 2, {"/proc/", "name a path in another folder"});
  check_refusal(with("--folder", folder / "none"), "counting", 2, {"none", "make the folder"});
}

TEST_CASE("a full disk fails the job, and when there is room it goes on exactly") {
  const scratch_folder folder;
  const small_disk disk{folder / "disk"};
  if (!disk.mounted()) {
    WARN("not tried: a small file system can't be mounted here");
    return;
  }
  const bool store_is_there = GENERATE(true, false); // or the sinks' output
  CAPTURE(store_is_there);
  counting parts = small_job(folder);
  parts.records = store_is_there ? 3'000'000 : 300'000; // time for enough checkpoints
  if (!store_is_there)
    parts.folder = folder / "disk";
  const std::string store = store_is_there ? folder / "disk/counting.weir" : folder / "counting.weir";
  const auto command = counting_command(
      parts, {"--restart", "fixed:2,10ms", "--checkpoint-interval", "20ms", "--retain", "10000", "--store", store});
  const auto full = run_program(command, folder / "log");
  INFO(full.err);
  CHECK(full.signal == 0);
  CHECK(full.code == 1);
  CHECK_THAT(full.err, Catch::Contains("counting: ") && (Catch::Contains("full") || Catch::Contains("No space left")));
  REQUIRE(disk.grow());
  const auto again = run_program(command, folder / "again");
  INFO(again.err);
  CHECK(again.code == 0);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a store that can only be read is refused, and goes on when it can be written") {
  const scratch_folder folder;
  const small_disk disk{folder / "disk"};
  counting parts = small_job(folder);
  parts.folder = folder / "disk";
  if (!disk.mounted() || !disk.grow()) {
    WARN("not tried: a small file system can't be mounted here");
    return;
  }
  stop_midway(parts);
  REQUIRE(disk.protect());
  check_refusal(run_program(counting_command(parts), folder / "log"), "counting", 2,
                {counting_store(parts), "Read-only"});
  REQUIRE(disk.grow());
  check_goes_on(parts);
}

TEST_CASE("an operator that was renamed is refused with the remedy, and the remedy works") {
  const scratch_folder folder;
  counting parts = small_job(folder);
  stop_midway(parts);
  parts.count_name = "totals";
  check_refusal(run_program(counting_command(parts), folder / "log"), "counting", 2,
                {"\"counts\"", "{.renamed_from = \"counts\"}", "totals"});
  parts.count_renamed_from = "counts";
  check_goes_on(parts);
}

TEST_CASE("a second process on a store is refused, and the first goes on") {
  const scratch_folder folder;
  const counting parts = small_job(folder);
  // Each of the others waits a moment for it, as for an owner that is about to end.
  child_process first{counting_command(parts, {"--rate", "400"}), folder / "first"};
  REQUIRE(weir_test::wait_for_checkpoint(first, counting_store(parts)));
  check_refusal(run_program(counting_command(parts), folder / "second"), "counting", 2,
                {counting_store(parts), "process " + std::to_string(first.pid())});
  check_refusal(run_program(counting_command(parts, {"--fresh"}), folder / "second"), "counting", 2,
                {counting_store(parts), "process " + std::to_string(first.pid())});
  // The sinks of another run are not taken, either.
  const auto other = run_program(counting_command(parts, {"--store", folder / "other.weir"}), folder / "second");
  INFO(other.err);
  CHECK((other.code == 1 || other.code == 2));
  const auto end = first.wait_for(30s);
  INFO(first.standard_error());
  REQUIRE(end);
  CHECK(end->code == 0);
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a fresh run keeps the old store, and takes another run's output only if it is told to") {
  const scratch_folder folder;
  const counting parts = small_job(folder);
  stop_midway(parts);
  check_refusal(run_program(counting_command(parts, {"--fresh"}), folder / "log"), "counting", 2, {"--replace-output"});
  CHECK_FALSE(fs::exists(counting_store(parts) + ".1.old")); // the refused run left no trace
  const auto fresh = run_program(counting_command(parts, {"--fresh", "--replace-output"}), folder / "log");
  INFO(fresh.err);
  CHECK(fresh.code == 0);
  CHECK_THAT(fresh.err, Catch::Contains("begins run"));
  CHECK(fault_in_output(parts) == "");
  CHECK(fs::exists(counting_store(parts) + ".1.old"));
}

TEST_CASE("a job that has finished says so, and one whose code fails says why") {
  const scratch_folder folder;
  const counting parts = small_job(folder);
  check_refusal(run_program(counting_command(parts, {"--fail-at", "1500", "--restart", "none"}), folder / "log"),
                "counting", 1, {"fragile", "this always happens", "start the job again"});
  CHECK(run_program(counting_command(parts), folder / "log").code == 0);
  CHECK(fault_in_output(parts) == "");
  const auto again = run_program(counting_command(parts), folder / "log");
  CHECK(again.code == 0);
  CHECK_THAT(again.err, Catch::Contains("finished at checkpoint") && Catch::Contains("--fresh"));
  CHECK(fault_in_output(parts) == "");
}

TEST_CASE("a sink on the job's own store is refused") {
  const scratch_folder folder;
  const counting parts = small_job(folder);
  const std::string file_of_the_sink = folder / "counts.db";
  check_refusal(run_program(counting_command(parts, {"--store", file_of_the_sink}), folder / "log"), "counting", 2,
                {"table", file_of_the_sink, "--store"});
}
