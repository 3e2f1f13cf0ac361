// What the cases are composed of.
#pragma once

#include <weir/operators/job.hpp>
#include <weir/persistence/fields.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

struct lines {
  using value_type = std::string;
  static constexpr std::string_view kind_name = "lines";
  std::shared_ptr<const weir::any_source> source() const;
};

struct nowhere {
  static constexpr std::string_view kind_name = "nowhere";
  template <class T>
  std::shared_ptr<const weir::any_sink> sink() const;
};

struct unstorable {
  int* place = nullptr;
};
