#include "error_report.hpp"

#include "input_channels.hpp"

#include "../persistence/error.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>
#include <utility>

namespace weir::inline v0 {

namespace {

/// The type of what is being handled, which need not be a std::exception.
std::string current_exception_type() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  if (!type)
    return "unknown";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> readable(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                        std::free);
  return status == 0 ? std::string{readable.get()} : std::string{type->name()};
}

} // namespace

subtask_failed failure_from_exception(std::exception_ptr thrown, std::string operator_name) {
  subtask_failed failure{std::move(operator_name), "exception", "", false};
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const usage_error& e) {
    failure.message = e.what();
    failure.usage = true;
  } catch (const store_error& e) {
    failure.kind = "store";
    failure.message = e.what();
  } catch (const io_error& e) {
    failure.kind = "io";
    failure.message = e.what();
  } catch (const channel_error& e) { // no operator is to blame
    failure.kind = "channel";
    failure.operator_name.clear();
    failure.message = e.what();
  } catch (const std::exception& e) {
    failure.message = current_exception_type() + ": " + e.what();
  } catch (const std::string& e) {
    failure.message = "a string was thrown: " + e;
  } catch (const char* e) {
    failure.message = std::string{"a string was thrown: "} + e;
  } catch (...) {
    failure.message = "an object of type " + current_exception_type() + " was thrown";
  }
  return failure;
}

std::string sentence_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an object of unknown type was thrown";
  }
}

} // namespace weir::inline v0
