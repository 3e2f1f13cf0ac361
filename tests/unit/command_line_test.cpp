// The command line: a program's own options and Weir's.
#include <weir/coordinator/command_line.hpp>
#include <weir/coordinator/version.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

using arguments = std::vector<std::string>;

command_line line(arguments given) {
  return command_line{"count", std::move(given)};
}

parsed_command parse(arguments given) {
  return line(std::move(given)).parse("word-count");
}

std::string refusal(const command_line& cli) {
  try {
    static_cast<void>(cli.parse("word-count"));
  } catch (const usage_error& e) {
    CHECK(e.exit_code() == 2);
    const std::string text = e.what();
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  return "accepted";
}

std::string refusal(arguments given) {
  return refusal(line(std::move(given)));
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("nothing said is everything by default") {
  const parsed_command command = parse({});
  CHECK(command.action == command_action::run);
  CHECK(command.options.store.empty());
  CHECK(command.options.checkpoint_interval == 1s);
  CHECK(command.options.parallelism == hardware_threads());
  CHECK(command.options.restart == default_restart_settings());
  CHECK(command.options.fusion);
  CHECK(command.options.checkpoints);
}

TEST_CASE("whether barriers overtake, at once or after a time, is an option") {
  CHECK_FALSE(parse({}).options.unaligned);
  CHECK(parse({"--unaligned"}).options.unaligned);
  CHECK(parse({}).options.alignment_timeout == 0us);
  CHECK(parse({"--alignment-timeout", "250ms"}).options.alignment_timeout == 250ms);
}

TEST_CASE("every option reaches its field") {
  const job_options o = parse({"--store",
                               "x.weir",
                               "--fresh",
                               "--parallelism",
                               "3",
                               "--checkpoint-interval",
                               "100ms",
                               "--checkpoint-records",
                               "5000",
                               "--mode",
                               "at-least-once",
                               "--checkpoint-timeout=2min",
                               "--min-pause",
                               "20ms",
                               "--max-concurrent",
                               "2",
                               "--tolerable-failures",
                               "0",
                               "--retain",
                               "7",
                               "--restart",
                               "fixed:5,200ms",
                               "--batch-size",
                               "64",
                               "--flush-interval",
                               "0",
                               "--no-fusion",
                               "--log-level",
                               "debug",
                               "--max-parallelism",
                               "256",
                               "--allow-duplicates",
                               "--replace-output",
                               "--compress-checkpoints",
                               "--threads",
                               "4"})
                            .options;
  CHECK(o.store == "x.weir");
  CHECK(o.fresh);
  CHECK(o.parallelism == 3);
  CHECK(o.checkpoint_interval == 100ms);
  CHECK(o.checkpoint_records == 5000);
  CHECK(o.mode == delivery_mode::at_least_once);
  CHECK(o.checkpoint_timeout == 2min);
  CHECK(o.min_pause == 20ms);
  CHECK(o.max_concurrent == 2);
  CHECK(o.tolerable_failures == 0);
  CHECK(o.retain == 7);
  CHECK(o.restart == restart_settings{fixed_delay_restart{5, 200ms}});
  CHECK(o.batch_size == 64);
  CHECK(o.flush_interval == 0s);
  CHECK_FALSE(o.fusion);
  CHECK(o.log == log_level::debug);
  CHECK(o.max_parallelism == 256);
  CHECK(o.allow_duplicates);
  CHECK(o.replace_output);
  CHECK(o.compress_checkpoints);
  CHECK(o.threads == 4);
  CHECK_FALSE(parse({"--no-checkpoints"}).options.checkpoints);
}

TEST_CASE("a program's defaults stand where nothing is said, and in the help") {
  job_options defaults;
  defaults.parallelism = 7;
  defaults.fusion = false;
  CHECK(line({}).parse("word-count", defaults).options.parallelism == 7);
  CHECK_FALSE(line({}).parse("word-count", defaults).options.fusion);
  CHECK(line({"--parallelism", "2"}).parse("word-count", defaults).options.parallelism == 2);
  has(line({"--help"}).parse("word-count", defaults).text, "subtasks of each operator [7]");
}

TEST_CASE("a program's own options are there before the rest is read") {
  command_line cli =
      line({"--input", "a.txt", "--top=-3", "--verbose", "--rate", "2.5", "--color=false", "--parallelism", "2"});
  CHECK(cli.option("input", "b.txt", "the text to count") == "a.txt");
  CHECK(cli.option("top", 10, "words to show") == -3);
  CHECK(cli.option("verbose", false, "say more"));
  CHECK(cli.option("rate", 1.0, "records a second") == 2.5);
  CHECK_FALSE(cli.option("color", true, "colors"));
  CHECK(cli.option("output", std::string{"out"}, "where to") == "out");
  CHECK(cli.option("limit", std::uint64_t{5}, "how many") == 5);
  CHECK(cli.parse("word-count").options.parallelism == 2);
}

TEST_CASE("a number may have the form of an option, behind one that takes it") {
  command_line cli = line({"--top", "-3"});
  CHECK(cli.option("top", 10, "words to show") == -3);
  CHECK(cli.parse("word-count").action == command_action::run);
}

TEST_CASE("an own option that can't be read is its default first, and an error then") {
  command_line cli = line({"--top", "many"});
  CHECK(cli.option("top", 10, "words to show") == 10);
  has(refusal(cli), "option --top: expected a whole number from -2147483648 to 2147483647, found \"many\"");

  command_line narrow = line({"--port", "70000"});
  CHECK(narrow.option("port", std::uint16_t{80}, "the port") == 80);
  has(refusal(narrow), "a whole number from 0 to 65535");

  command_line flag = line({"--verbose=perhaps"});
  CHECK_FALSE(flag.option("verbose", false, "say more"));
  has(refusal(flag), "option --verbose: expected true or false, found \"perhaps\"");
}

TEST_CASE("an own option may not take one of Weir's names, nor have two defaults") {
  command_line cli = line({});
  static_cast<void>(cli.option("parallelism", 2, "mine"));
  has(refusal(cli), "the name of one of Weir's options");

  command_line twice = line({});
  static_cast<void>(twice.option("top", 2, "one"));
  static_cast<void>(twice.option("top", 3, "another"));
  has(refusal(twice), "expected one default, found two different ones");

  command_line odd = line({});
  CHECK(odd.option("Top Ten", 2, "one") == 2);
  has(refusal(odd), "a name of a-z, 0-9 and -");
}

TEST_CASE("the help has the program's options and Weir's, with their defaults") {
  command_line cli = line({"--help", "--top", "x", "--nonsense"});
  static_cast<void>(cli.option("input", "b.txt", "the text to count"));
  static_cast<void>(cli.option("top", 10, "words to show"));
  const parsed_command command = cli.parse("word-count");
  CHECK(command.action == command_action::help);
  has(command.text, "Usage: count [options]\n");
  has(command.text, "count explain [--format text|json|mermaid] [options]");
  has(command.text, "  --input TEXT               the text to count [b.txt]\n");
  has(command.text, "[./word-count.weir]");
  has(command.text, "  --checkpoint-timeout TIME  after which one is aborted [1min]\n");
  has(command.text, "exponential:50ms,10s,2,0.1,1min,8");
  for (const char* name : {"--store",
                           "--fresh",
                           "--parallelism",
                           "--checkpoint-interval",
                           "--checkpoint-records",
                           "--mode",
                           "--checkpoint-timeout",
                           "--min-pause",
                           "--max-concurrent",
                           "--unaligned",
                           "--alignment-timeout",
                           "--tolerable-failures",
                           "--retain",
                           "--restart",
                           "--batch-size",
                           "--flush-interval",
                           "--no-fusion",
                           "--log-level",
                           "--max-parallelism",
                           "--allow-duplicates",
                           "--replace-output",
                           "--compress-checkpoints",
                           "--no-checkpoints",
                           "--version"})
    has(command.text, std::string{"  "} + name + " ");
  CHECK(parse({"-h"}).action == command_action::help);
  CHECK(parse({"explain", "--help"}).action == command_action::help);
  CHECK(parse({"--store", "--help"}).action == command_action::help);
}

TEST_CASE("the help names the fields of every restart strategy") {
  const std::string text = parse({"--help"}).text;
  has(text, "none; fixed:<count>,<delay>; rate:<max>,<interval>,<delay>; or");
  has(text, "exponential:<initial>,<max>,<multiplier>,<jitter>,<reset after>,<count>\n");
  has(text, "[exponential:50ms,10s,2,0.1,1min,8]");
}

TEST_CASE("no line of the help is wider than a terminal of a hundred columns") {
  const std::string text = parse({"--help"}).text;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = text.find('\n', from);
    INFO(text.substr(from, to - from));
    CHECK(to - from <= 100);
    from = to + 1;
  }
}

TEST_CASE("the version is that of the build") {
  const parsed_command command = parse({"--version"});
  CHECK(command.action == command_action::version);
  CHECK(command.text == "count, weir " + std::string{library_version} + "\n");
  std::ifstream file{WEIR_SOURCE_DIR "/CMakeLists.txt"};
  const std::string cmake{std::istreambuf_iterator<char>{file}, {}};
  has(cmake, "project(weir VERSION " + std::string{library_version} + " ");
}

TEST_CASE("explain has a format, and takes the other options before and behind it") {
  CHECK(parse({"explain"}).action == command_action::explain);
  CHECK(parse({"explain"}).format == explain_format::text);
  CHECK(parse({"explain", "--format", "json"}).format == explain_format::json);
  const parsed_command command = parse({"--no-fusion", "explain", "--format=mermaid", "--parallelism", "3"});
  CHECK(command.format == explain_format::mermaid);
  CHECK(command.options.parallelism == 3);
  CHECK_FALSE(command.options.fusion);
  has(refusal({"explain", "--format", "xml"}), "option --format: expected one of text, json, mermaid, found \"xml\"");
  has(refusal({"--format", "json"}), "option --format: expected the word explain before it");
}

TEST_CASE("an unknown argument is named, with the nearest that there is") {
  CHECK(refusal({"--paralelism", "4"}) == "unknown option \"--paralelism\"; did you mean --parallelism?");
  CHECK(refusal({"--checkpiont-interval=5s"}) ==
        "unknown option \"--checkpiont-interval\"; did you mean --checkpoint-interval?");
  CHECK(refusal({"exlpain"}) == "unexpected argument \"exlpain\"; did you mean explain?");
  CHECK(refusal({"--zzzzzz"}) == "unknown option \"--zzzzzz\"; see --help");
  CHECK(refusal({"explain", "--zzzzzz"}) == "unknown option \"--zzzzzz\"; see --help");
  CHECK(refusal({"a.txt"}) == "unexpected argument \"a.txt\"; see --help");
  has(refusal({"--", "--store", "x"}), "unexpected argument \"--\"");
  command_line cli = line({"--imput", "x"});
  CHECK(cli.option("input", "b.txt", "the text to count") == "b.txt");
  CHECK(refusal(cli) == "unknown option \"--imput\"; did you mean --input?");
}

TEST_CASE("a value that can't be read, that is missing, or that comes twice is refused") {
  has(refusal({"--parallelism", "0"}),
      "option --parallelism: expected a whole number from 1 to 4294967295, found \"0\"");
  has(refusal({"--parallelism", "-1"}), "found \"-1\"");
  has(refusal({"--parallelism", "4294967296"}), "found \"4294967296\"");
  has(refusal({"--parallelism", "4x"}), "found \"4x\"");
  has(refusal({"--checkpoint-interval", "5"}), "expected a duration such as 100ms, 2s or 5min, found \"5\"");
  has(refusal({"--mode", "exactly_once"}), "expected one of exactly-once, at-least-once, found \"exactly_once\"");
  has(refusal({"--log-level", "loud"}), "expected one of trace, debug, info, warning, error, off");
  has(refusal({"--restart", "never"}), "restart strategy \"never\"");
  has(refusal({"--store"}), "option --store: expected one value, found none");
  has(refusal({"--store="}), "option --store: expected one value, found none");
  has(refusal({"--store", "--fresh"}), "option --store: expected one value, found the option --fresh");
  has(refusal({"--store", "a", "--store", "b"}), "option --store: expected one value, found more than one");
  has(refusal({"--fresh=perhaps"}), "option --fresh: expected no value, or true or false");
}

TEST_CASE("options that contradict each other are refused") {
  has(refusal({"--parallelism", "200"}), "option --parallelism: expected at most the max parallelism, 128, found 200");
  has(refusal({"--max-parallelism", "40000"}), "option --max-parallelism: expected at most 32768");
  has(refusal({"--no-checkpoints", "--store", "x"}), "option --store: expected none beside no-checkpoints");
  has(refusal({"--no-checkpoints", "--fresh"}), "option --fresh");
  has(refusal({"--checkpoint-timeout", "0"}), "option --checkpoint-timeout: expected a duration above zero");
}

TEST_CASE("the program's name is the last part of its path") {
  const char* const argv[] = {"/somewhere/bin/counter", "--version"};
  CHECK(command_line{2, argv}.parse("word-count").text.find("counter, weir") == 0);
  CHECK(command_line{0, nullptr}.parse("word-count").action == command_action::run);
}
