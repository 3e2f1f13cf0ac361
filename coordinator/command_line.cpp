// Reads a program's command line.
#include "command_line.hpp"

#include "option_table.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <utility>

namespace weir::inline v0 {

namespace {

/// Help with the default of each option behind its description, and no more columns than a terminal has.
class help_formatter : public CLI::Formatter {
public:
  help_formatter() { column_width(29); }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_name().empty() ? "" : " " + option->get_type_name();
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string value = option->get_default_str();
    const std::string& text = option->get_description();
    return value.empty() ? text : text + (text.ends_with('\n') ? "[" : " [") + value + "]";
  }
  std::string make_usage(const CLI::App*, std::string name) const override {
    name.erase(name.find_last_not_of(' ') + 1).erase(0, name.find_first_not_of(' '));
    return "Usage: " + name + " [options]\n       " + name + " explain [--format text|json|mermaid] [options]\n\n";
  }
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    return CLI::Formatter::make_group(std::move(group), is_positional, std::move(options)).substr(1); // no empty line
  }
  std::string make_subcommands(const CLI::App*, CLI::AppFormatMode) const override {
    return "\nexplain prints the job's plan instead of running it.\n";
  }
};

/// An option of either kind, and the texts that were given for it.
struct bound_option {
  CLI::Option* option = nullptr;
  std::string value;
};

usage_error unknown_argument(const std::vector<std::string>& left, const std::vector<std::string>& names) {
  const auto option = std::find_if(left.begin(), left.end(),
                                   [](const std::string& each) { return each.size() > 2 && each.starts_with('-'); });
  std::string word = option == left.end() ? left.front() : *option;
  if (std::find(left.begin(), left.end(), "--") != left.end())
    return usage_error{{"unexpected argument \"--\"", {}, {}, "leave it out; options alone are read"}};
  word = word.substr(0, word.find('='));
  if (word == "--format")
    return usage_error{{"option --format", "the word explain before it", "none", "see --help"}};
  const std::string nearest = nearest_word(word, names);
  return usage_error{{(word.starts_with('-') ? "unknown option " : "unexpected argument ") + ("\"" + word + "\""),
                      {},
                      {},
                      nearest.empty() ? "see --help" : "did you mean " + nearest + "?"}};
}

/// What CLI11 found, in one line of ours.
usage_error fault_of(const CLI::ParseError& fault) {
  const std::string text = fault.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&fault) != nullptr)
    return usage_error{{"option " + text.substr(0, text.find(':')), "one value",
                        text.find("received") == std::string::npos ? "none" : "more than one", "see --help"}};
  return usage_error{{"command line", {}, text, "see --help"}};
}

/// Refuses an option's name in the place of a value, as in "--store --fresh".
void require_value(const std::string& option, const std::string& value, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), value.substr(0, value.find('='))) != names.end())
    throw usage_error{{"option --" + option, "one value", "the option " + value, "see --help"}};
}

} // namespace

command_line::command_line(int argc, const char* const* argv) {
  if (argc > 0)
    program_ = std::filesystem::path{argv[0]}.filename().string();
  for (int i = 1; i < argc; ++i)
    arguments_.emplace_back(argv[i]);
}

std::optional<std::string> command_line::declare(std::string_view name, std::string_view value_name,
                                                 std::string default_text, std::string_view help) {
  const bool valid = !name.empty() && name.front() != '-' &&
                     name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
  if (!valid) {
    problems_.push_back(
        {"the program's option \"" + std::string{name} + "\"", "a name of a-z, 0-9 and -", {}, "rename it"});
    return std::nullopt;
  }
  const auto known = std::find_if(own_.begin(), own_.end(), [&](const own_option& each) { return each.name == name; });
  if (known == own_.end())
    own_.push_back({std::string{name}, std::string{value_name}, std::move(default_text), std::string{help}});
  else if (known->value_name != value_name || known->default_text != default_text)
    problems_.push_back(
        {"the program's option --" + std::string{name}, "one default", "two different ones", "rename one"});

  const std::string flag = "--" + std::string{name};
  for (std::size_t i = 0; i != arguments_.size() && arguments_[i] != "--"; ++i) {
    const std::string& argument = arguments_[i];
    if (argument.starts_with(flag + "="))
      return argument.substr(flag.size() + 1);
    if (argument != flag)
      continue;
    if (value_name.empty())
      return "true";
    if (i + 1 != arguments_.size())
      return arguments_[i + 1];
  }
  return std::nullopt;
}

void command_line::refuse_value(std::string_view name, std::string expected, const std::string& found) {
  problems_.push_back({"option --" + std::string{name}, std::move(expected), "\"" + found + "\"", "see --help"});
}

std::string command_line::expected_number(bool whole, bool is_signed, std::size_t bytes) {
  if (!whole)
    return "a number";
  const std::size_t bits = bytes * 8;
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() >> (64 - bits + (is_signed ? 1 : 0));
  return "a whole number from " + (is_signed ? "-" + std::to_string(most + 1) : std::string{"0"}) + " to " +
         std::to_string(most);
}

parsed_command command_line::parse(std::string_view job_name, const job_options& defaults) const {
  const std::vector<option_row> table = option_table(job_name, defaults);
  const std::string program = program_.empty() ? std::string{job_name} : program_;
  CLI::App app{"Runs the job " + std::string{job_name} + "."};
  app.formatter(std::make_shared<help_formatter>());
  app.allow_extras();
  app.set_help_flag();

  std::vector<std::string> names{"explain", "check", "--help", "--version", "--format"};
  std::vector<std::unique_ptr<bound_option>> bound;
  const auto bind = [&](const std::string& name, const std::string& value_name, const std::string& help,
                        const std::string& default_text, const std::string& group) -> bound_option& {
    bound_option& fresh = *bound.emplace_back(std::make_unique<bound_option>());
    const std::string flag = "--" + name;
    names.push_back(flag);
    if (value_name.empty())
      fresh.option = app.add_flag(flag, fresh.value, help);
    else
      fresh.option = app.add_option(flag, fresh.value, help)->type_name(value_name)->default_str(default_text);
    fresh.option->group(group)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    return fresh;
  };

  bool help = false; // for CLI11 to know of; who asks for help gets it, whatever else is there
  bool version = false;
  const auto taken = [&](const std::string& name) {
    return name == "help" || name == "version" || name == "format" ||
           std::any_of(table.begin(), table.end(), [&](const option_row& row) { return row.name == name; });
  };
  std::vector<std::pair<const own_option*, const bound_option*>> own_bound;
  for (const own_option& own : own_) {
    if (taken(own.name))
      throw usage_error{{"the program's option --" + own.name, "a name of its own", "the name of one of Weir's options",
                         "rename it in the program"}};
    own_bound.emplace_back(&own,
                           &bind(own.name, own.value_name, own.help, own.default_text, "Options of this program"));
  }
  std::vector<std::pair<const option_row*, const bound_option*>> rows;
  for (const option_row& row : table)
    rows.emplace_back(&row, &bind(row.name, row.value_name, row.help, row.default_text, row.group));
  app.add_flag("-h,--help", help, "print this")->group("Other");
  app.add_flag("--version", version, "print the version")->group("Other");
  std::string format{to_text(explain_format::text)};
  CLI::App* explain = app.add_subcommand("explain", "print the plan");
  explain->fallthrough();
  explain->set_help_flag();
  explain->add_option("--format", format);
  CLI::App* check = app.add_subcommand("check", "say what would become of the stored state");
  check->fallthrough();
  check->set_help_flag();
  check->add_option("--format", format);

  parsed_command parsed;
  parsed.options = defaults;
  const bool asks_for_help = std::any_of(arguments_.begin(), arguments_.end(),
                                         [](const std::string& each) { return each == "--help" || each == "-h"; });
  std::vector<std::string> reversed{arguments_.rbegin(), arguments_.rend()}; // as CLI11 takes them
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& fault) {
    if (!asks_for_help)
      throw fault_of(fault);
  }
  if (asks_for_help || help) {
    parsed.action = command_action::help;
    parsed.text = app.help(program);
    return parsed;
  }
  if (const std::vector<std::string> left = app.remaining(true); !left.empty())
    throw unknown_argument(left, names);
  if (version) {
    parsed.action = command_action::version;
    parsed.text = program + ", weir " + std::string{library_version} + "\n";
    return parsed;
  }
  for (const auto& [own, given] : own_bound)
    if (given->option->count() > 0 && !own->value_name.empty())
      require_value(own->name, given->value, names);
  if (!problems_.empty())
    throw usage_error{problems_.front()};
  for (const auto& [row, given] : rows)
    if (given->option->count() > 0) {
      if (!row->value_name.empty())
        require_value(row->name, given->value, names);
      row->read(parsed.options, given->value);
    }
  if (explain->parsed()) {
    parsed.action = command_action::explain;
    const auto known = explain_format_from(format);
    if (!known)
      throw usage_error{{"option --format", "one of text, json, mermaid", "\"" + format + "\"", "see --help"}};
    parsed.format = *known;
  }
  if (check->parsed()) {
    parsed.action = command_action::check;
    const auto known = explain_format_from(format);
    if (!known || *known == explain_format::mermaid)
      throw usage_error{{"option --format", "one of text, json", "\"" + format + "\"", "see --help"}};
    parsed.format = *known;
  }
  if (const std::vector<error_text> wrong = validate(parsed.options); !wrong.empty()) {
    error_text first = wrong.front();
    first.thing = "option --" + first.thing;
    throw usage_error{first};
  }
  return parsed;
}

} // namespace weir::inline v0
