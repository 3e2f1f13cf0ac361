// The sink that calls a function of the program.
#pragma once

#include "sink.hpp"

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace weir::inline v0 {

namespace detail {

inline constexpr const char* callback_guarantee =
    "At least once: after a failure the function is called again for the records since the last checkpoint.";

template <class T, class Function>
class callback_writer final : public sink_writer {
public:
  explicit callback_writer(const Function& call) : call_(call) {}

  void write(any_batch& records) override {
    const auto& values = as<T>(records).values;
    if constexpr (std::invocable<Function&, const T&>) {
      for (const T& record : values)
        call_(record);
    } else {
      call_(std::span<const T>{values.data(), values.size()});
    }
  }

private:
  Function call_;
};

template <class T, class Function>
class callback_sink final : public any_sink {
public:
  explicit callback_sink(Function call) : call_(std::move(call)) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] bool two_phase() const override { return false; }
  [[nodiscard]] std::string guarantee() const override { return callback_guarantee; }
  [[nodiscard]] std::unique_ptr<sink_writer> open_writer(const sink_start&) const override {
    return std::make_unique<callback_writer<T, Function>>(call_);
  }

private:
  Function call_;
};

} // namespace detail

/// Calls `fn(const T&)` for each record, or `fn(std::span<const T>)` for each batch, inside of the subtask: the
/// function must not block. Each subtask has a copy of it; several run at the same time, on different threads, so what
/// copies share must bear that.
template <class Function>
class callback {
public:
  static constexpr std::string_view kind_name = "callback";

  explicit callback(Function call) : call_(std::move(call)) {}

  template <class T>
  [[nodiscard]] std::shared_ptr<const any_sink> sink() const {
    static_assert(std::invocable<Function&, const T&> || std::invocable<Function&, std::span<const T>>,
                  "weir: a callback takes a record (const T&) or a batch of them (std::span<const T>)");
    return std::make_shared<detail::callback_sink<T, Function>>(call_);
  }
  [[nodiscard]] std::string guarantee() const { return detail::callback_guarantee; }

private:
  Function call_;
};

} // namespace weir::inline v0
