// The command line of a program that runs a job: the program's own options and Weir's, in one.
#pragma once

#include "../persistence/error.hpp"
#include "explain.hpp"
#include "job_options.hpp"

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {

/// What a command line asks for.
enum class command_action : std::uint8_t { run, explain, check, help, version };

/// A command line that was understood.
struct parsed_command {
  command_action action = command_action::run;
  explain_format format = explain_format::text; ///< for `explain` and `check`
  job_options options;
  std::string text; ///< for `help` and `version`: what to print
};

/// Reads a program's arguments. The program's own options are read at once, by `option`, so that the job can be
/// composed with their values; all the rest, and every error, comes with `parse`.
///
///     weir::command_line cli{argc, argv};
///     const auto file = cli.option("input", "moby-dick.txt", "the text to count");
class command_line {
public:
  command_line(int argc, const char* const* argv);
  /// `arguments` without the program's name.
  command_line(std::string program, std::vector<std::string> arguments)
      : program_(std::move(program)), arguments_(std::move(arguments)) {}

  /// An option of the program's own: `--name value` or `--name=value`. Returns its value, or `default_value` if it was
  /// not given or can't be read: then `parse` says so.
  template <class Text>
  requires std::convertible_to<const Text&, std::string_view> std::string
  option(std::string_view name, const Text& default_value, std::string_view help) {
    const std::string text{std::string_view{default_value}};
    return declare(name, "TEXT", text, help).value_or(text);
  }
  template <class Number>
  requires((std::integral<Number> && !std::same_as<Number, char>) || std::floating_point<Number>) Number
      option(std::string_view name, Number default_value, std::string_view help) {
    if constexpr (std::same_as<Number, bool>) {
      const auto given = declare(name, default_value ? "true|false" : "", default_value ? "true" : "false", help);
      if (!given)
        return default_value;
      if (*given != "true" && *given != "false")
        refuse_value(name, "true or false", *given);
      return *given == "true" || (default_value && *given != "false");
    } else {
      constexpr bool whole = std::integral<Number>;
      char digits[64];
      const auto written = std::to_chars(digits, digits + sizeof digits, default_value);
      const auto given = declare(name, whole ? "N" : "NUMBER", {digits, written.ptr}, help);
      if (!given)
        return default_value;
      Number value{};
      const auto [end, fault] = std::from_chars(given->data(), given->data() + given->size(), value);
      if (fault == std::errc{} && end == given->data() + given->size())
        return value;
      refuse_value(name, expected_number(whole, std::is_signed_v<Number>, sizeof(Number)), *given);
      return default_value;
    }
  }

  /// Reads all of the command line. `defaults` are the options of a job for which nothing is said. Throws usage_error,
  /// with one line, for an argument that is unknown or can't be read.
  [[nodiscard]] parsed_command parse(std::string_view job_name, const job_options& defaults = {}) const;

private:
  struct own_option {
    std::string name;
    std::string value_name; ///< empty: a flag
    std::string default_text;
    std::string help;
  };

  /// Notes the option and finds its value; a flag that is there without a value is "true".
  std::optional<std::string> declare(std::string_view name, std::string_view value_name, std::string default_text,
                                     std::string_view help);
  void refuse_value(std::string_view name, std::string expected, const std::string& found);
  static std::string expected_number(bool whole, bool is_signed, std::size_t bytes);

  std::string program_;
  std::vector<std::string> arguments_;
  std::vector<own_option> own_;
  std::vector<error_text> problems_;
};

} // namespace weir::inline v0
