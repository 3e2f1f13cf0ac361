// Reads any lines of text as the arguments of a program that runs a job.
#include "fuzz_check.hpp"

#include <weir/coordinator/command_line.hpp>
#include <weir/coordinator/option_table.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

using namespace weir_fuzz;

constexpr const char* job = "word-count";

struct outcome {
  std::string input;
  std::int32_t count = 0;
  double ratio = 0;
  bool loud = false;
  bool colored = true;
  weir::parsed_command command;
};

std::optional<outcome> parse(const std::vector<std::string>& arguments) {
  outcome found;
  const bool accepted = accepts([&] {
    weir::command_line cli{"count", arguments};
    found.input = cli.option("input", "moby-dick.txt", "the text to count");
    found.count = cli.option("count", std::int32_t{7}, "how many");
    found.ratio = cli.option("ratio", 0.5, "which part");
    found.loud = cli.option("loud", false, "say more");
    found.colored = cli.option("colored", true, "use colors");
    found.command = cli.parse(job);
  });
  return accepted ? std::optional{std::move(found)} : std::nullopt;
}

/// All of Weir's options as their own texts.
std::vector<std::string> texts_of(const weir::job_options& options) {
  std::vector<std::string> texts;
  for (const auto& row : weir::option_table(job, options))
    texts.push_back(row.name + "=" + row.default_text);
  for (const bool flag : {options.fresh, options.checkpoints, options.fusion, options.allow_duplicates,
                          options.replace_output, options.unaligned, options.compress_checkpoints})
    texts.emplace_back(flag ? "true" : "false");
  return texts;
}

/// A command line that asks for just these options.
std::vector<std::string> arguments_for(const weir::job_options& options) {
  std::vector<std::string> arguments;
  for (const auto& row : weir::option_table(job, options))
    if (!row.value_name.empty() && !row.default_text.empty() && row.default_text != "none" &&
        row.default_text != "never" && !(row.name == "store" && options.store.empty()))
      arguments.push_back("--" + row.name + "=" + row.default_text);
  const auto flag = [&](const char* name, bool given) {
    if (given)
      arguments.emplace_back(name);
  };
  flag("--fresh", options.fresh);
  flag("--no-checkpoints", !options.checkpoints);
  flag("--no-fusion", !options.fusion);
  flag("--allow-duplicates", options.allow_duplicates);
  flag("--replace-output", options.replace_output);
  flag("--unaligned", options.unaligned);
  flag("--compress-checkpoints", options.compress_checkpoints);
  if (options.checkpoint_interval.count() == 0)
    arguments.emplace_back("--checkpoint-interval=0");
  if (options.flush_interval.count() == 0)
    arguments.emplace_back("--flush-interval=0");
  if (options.restart == weir::restart_settings{weir::no_restart{}})
    arguments.emplace_back("--restart=none");
  return arguments;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> arguments;
  std::string_view left = as_text(as_bytes(data, size));
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    arguments.emplace_back(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  const auto found = parse(arguments);
  if (!found)
    return 0;
  const auto& command = found->command;
  const bool prints = command.action == weir::command_action::help || command.action == weir::command_action::version;
  require(prints == !command.text.empty(), "who asks for help or the version gets a text");
  if (prints)
    return 0;
  require(weir::validate(command.options).empty(), "options that were accepted can be used");

  const auto again = parse(arguments_for(command.options));
  require(again.has_value(), "options have a written form that is read");
  require(texts_of(again->command.options) == texts_of(command.options), "and that means the same");
  return 0;
}
