// Word count killed with SIGKILL at random moments and started again: its output is that of an undisturbed run.
#include "process/child_process.hpp"
#include "process/committed_counts.hpp"
#include "process/database.hpp"
#include "unit/scratch_folder.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using weir_test::child_process;
using weir_test::committed_counts;
using weir_test::counts_in_table;
using weir_test::scratch_folder;

namespace {

constexpr auto patience = 120s;

std::vector<std::string> command(const std::string& input, const scratch_folder& where, int parallelism = 4) {
  return {weir_test::program("crash_program"),
          "--input",
          input,
          "--table",
          where / "words.db",
          "--files",
          where / "words",
          "--store",
          where / "job.weir",
          "--parallelism",
          std::to_string(parallelism),
          "--checkpoint-interval",
          "100ms"};
}

/// The sum of all counts of the table; nothing if the table is not there yet.
long long words_in_table(weir_test::database& table) {
  if (table.integer("SELECT count(*) FROM sqlite_master WHERE name = 'counts'") == 0)
    return 0;
  return table.integer("SELECT coalesce(sum(count), 0) FROM counts");
}

std::size_t files_in(const std::string& folder) {
  std::error_code none;
  std::size_t files = 0;
  for (auto at = std::filesystem::directory_iterator{folder, none}; at != std::filesystem::directory_iterator{}; ++at)
    files += at->path().filename().string().front() != '.';
  return files;
}

/// Waits until there is a file more, or the program has ended.
void wait_for_commit(child_process& life, const std::string& folder) {
  const std::size_t before = files_in(folder);
  while (!life.wait_for(2ms) && files_in(folder) == before) {
  }
}

template <class Duration, class Random>
std::chrono::microseconds random_part(Duration longest, Random& random) {
  const auto most = std::chrono::duration_cast<std::chrono::microseconds>(longest).count();
  return std::chrono::microseconds{std::uniform_int_distribution<long long>{0, most}(random)};
}

/// What one reader has seen of the counts in the table.
using counts = std::map<std::string, long long, std::less<>>;

/// Looks at the table all the time, as any reader may, and notes what went backwards or went away.
class table_reader {
public:
  explicit table_reader(std::string path) : path_(std::move(path)), thread_([this] { read(); }) {}
  ~table_reader() {
    if (thread_.joinable())
      finish();
  }
  std::string finish() {
    {
      const std::lock_guard lock{mutex_};
      ending_ = true;
    }
    end_.notify_one();
    thread_.join();
    return fault_;
  }
  [[nodiscard]] int looks() const { return looks_; }

private:
  /// Lets others work; returns whether this is the end.
  bool pause() {
    std::unique_lock lock{mutex_};
    return end_.wait_for(lock, 50ms, [this] { return ending_; });
  }
  void read() {
    try {
      while (!pause() && fault_.empty()) {
        if (!std::filesystem::exists(path_))
          continue;
        weir_test::database table{path_};
        if (table.integer("SELECT count(*) FROM sqlite_master WHERE name = 'counts'") == 0)
          continue;
        counts now;
        for (const auto& row : table.rows("SELECT key, count FROM counts"))
          now[row.at(0)] = std::stoll(row.at(1));
        for (const auto& [key, count] : seen_)
          if (now[key] < count)
            fault_ = "\"" + key + "\" went from " + std::to_string(count) + " to " + std::to_string(now[key]);
        seen_ = std::move(now);
        ++looks_;
      }
    } catch (const std::exception& e) {
      fault_ = e.what();
    }
  }

  std::string path_;
  counts seen_;
  std::string fault_;
  std::atomic<int> looks_{0};
  std::mutex mutex_;
  std::condition_variable end_;
  bool ending_ = false;
  std::thread thread_;
};

/// Kills word count of so many novels so many times; its parallelism stays the same, or is another one in each life.
void kill_and_start_again(int kills_wanted, int novels, bool rescale) {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  const scratch_folder folder;
  const std::string novel = scratch_folder::read(WEIR_SOURCE_DIR "/examples/data/moby-dick.txt");
  std::string text;
  for (int i = 0; i != novels; ++i)
    text += novel + "\n";
  const std::string input = folder.write("input.txt", text);
  const counts expected = weir_test::count_words(text);

  // The undisturbed run gives the measure for the moments of the kills.
  const scratch_folder calm;
  const auto begun = std::chrono::steady_clock::now();
  const auto result = weir_test::run_program(command(input, calm), calm / "log", patience);
  const auto whole = std::chrono::steady_clock::now() - begun;
  INFO(result.err);
  REQUIRE(result.code == 0);
  REQUIRE((counts_in_table(calm / "words.db", "counts") == expected));
  committed_counts calm_files{calm / "words"};
  REQUIRE(calm_files.look() == "");
  REQUIRE((calm_files.counts() == expected));

  int kills = 0;
  int kills_without_progress = 0;
  int lives_that_resumed = 0;
  for (int round = 1; kills < kills_wanted; ++round) {
    CAPTURE(round, kills);
    REQUIRE(round <= 5);
    const scratch_folder where;
    table_reader reader{where / "words.db"};
    committed_counts files{where / "words"};
    long long words_before = 0;
    for (bool done = false; !done;) {
      child_process life{command(input, where, rescale ? std::uniform_int_distribution<>{1, 4}(random) : 4),
                         where / "log"};
      const bool to_be_killed = kills < kills_wanted;
      if (to_be_killed) {
        // Some moments lie in the start or in the recovery, the others behind the first commit of this life.
        const bool early = kills % 4 == 0;
        if (!early)
          wait_for_commit(life, where / "words");
        static_cast<void>(life.wait_for(random_part(early ? whole / 20 : whole / 40, random)));
        life.signal(SIGKILL);
      }
      const auto end = life.wait_for(patience);
      REQUIRE(end); // else it hangs
      if (to_be_killed && end->signal == SIGKILL)
        ++kills;
      else
        done = true;
      const std::string said = life.standard_error();
      INFO(said);
      if (done) {
        REQUIRE(end->signal == 0);
        REQUIRE(end->code == 0);
      }
      if (said.find("resumes run") != std::string::npos && said.find("from checkpoint") != std::string::npos)
        ++lives_that_resumed;
      // Whatever is committed is a prefix of what is expected.
      CHECK(files.look() == "");
      long long words = 0;
      if (std::filesystem::exists(where / "words.db")) {
        weir_test::database table{where / "words.db"};
        words = words_in_table(table);
      }
      CHECK(words >= words_before);
      if (words == words_before)
        ++kills_without_progress;
      words_before = words;
    }
    CHECK(reader.finish() == "");
    CHECK(reader.looks() > 0);
    CHECK((counts_in_table(where / "words.db", "counts") == expected));
    CHECK((files.counts() == expected));
  }
  WARN(kills << " kills, " << lives_that_resumed << " resumed from a checkpoint, " << kills_without_progress
             << " before anything new was committed; undisturbed "
             << std::chrono::duration_cast<std::chrono::milliseconds>(whole).count() << " ms");
  CHECK(kills == kills_wanted);
  CHECK(lives_that_resumed >= kills_wanted / 2);
}

} // namespace

TEST_CASE("word count that is killed twenty times writes what an undisturbed run writes") {
  kill_and_start_again(20, 24, false);
}

TEST_CASE("word count that is killed and goes on at other parallelisms writes what an undisturbed run writes") {
  kill_and_start_again(8, 10, true);
}
