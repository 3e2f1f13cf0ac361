// Tests of what a failure's row says of an exception.
#include <weir/actors/error_report.hpp>
#include <weir/actors/input_channels.hpp>
#include <weir/persistence/error.hpp>

#include <catch2/catch.hpp>

#include <exception>
#include <stdexcept>

using namespace weir;

namespace {

template <class Thrown>
subtask_failed failure_of(Thrown thrown) {
  return failure_from_exception(std::make_exception_ptr(thrown), "words");
}

} // namespace

TEST_CASE("a message that is missing on a channel is no fault of the operator that ran last", "[error_report]") {
  input_channels inputs{region_id{1}, attempt_id{1}, {{channel_id{0}, 0, "lines/0"}}, 4};
  subtask_failed failure;
  try {
    inputs.push({region_id{1}, attempt_id{1}, channel_id{0}, sequence_number{2}, end_of_stream{}});
    FAIL("a gap was not noticed");
  } catch (...) {
    failure = failure_from_exception(std::current_exception(), "words");
  }
  CHECK(failure.kind == "channel");
  CHECK(failure.operator_name.empty());
  CHECK_THAT(failure.message, Catch::StartsWith("channel 0 from lines/0"));
}

TEST_CASE("each kind of error keeps its name", "[error_report]") {
  CHECK(failure_of(store_error({"a store", "", "", ""})).kind == "store");
  CHECK(failure_of(io_error({"a disk", "", "", ""})).kind == "io");
  CHECK(failure_of(usage_error({"an option", "", "", ""})).usage);
  const subtask_failed failure = failure_of(std::runtime_error{"no"});
  CHECK(failure.kind == "exception");
  CHECK(failure.operator_name == "words");
  CHECK(failure.message == "std::runtime_error: no");
}
