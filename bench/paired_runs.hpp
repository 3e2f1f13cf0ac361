// Runs a baseline and a job in turn, and prints the ratio of their speeds.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace weir::bench {

inline double seconds_of(const auto& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// The value below which a part of the others lie, from 0 to 1.
inline double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
}

inline void print_spread(const std::string& name, const std::vector<double>& ratios) {
  std::printf("%s: median %.3f (half of them %.3f to %.3f, all %.3f to %.3f)\n", name.c_str(), median(ratios),
              quantile(ratios, 0.25), quantile(ratios, 0.75), quantile(ratios, 0), quantile(ratios, 1));
}

inline void print_header(const std::string& mode) {
  std::printf("%s\n%-28s %14s %14s   %s\n", mode.c_str(), "workload / loop over", "loop M rec/s", "weir M rec/s",
              "ratio: median (least - most)");
}

/// Runs both `pairs` times in turn, after one pair that is not counted. Prints a row; returns whether the results
/// agreed.
inline bool compare(const std::string& name, std::uint64_t records, std::size_t pairs, const auto& loop,
                    const auto& job) {
  std::vector<double> loop_seconds;
  std::vector<double> job_seconds;
  std::vector<double> ratios;
  bool same = true;
  for (std::size_t i = 0; i != pairs + 1; ++i) {
    decltype(loop()) expected{};
    decltype(job()) found{};
    const double a = seconds_of([&] { expected = loop(); });
    const double b = seconds_of([&] { found = job(); });
    same = same && expected == found;
    if (i == 0)
      continue;
    loop_seconds.push_back(a);
    job_seconds.push_back(b);
    ratios.push_back(a / b);
  }
  const auto rate = [records](double seconds) { return static_cast<double>(records) / seconds / 1e6; };
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  std::printf("%-28s %14.1f %14.1f   %.2f (%.2f - %.2f)\n", name.c_str(), rate(median(loop_seconds)),
              rate(median(job_seconds)), median(ratios), *least, *most);
  std::fflush(stdout);
  return same;
}

} // namespace weir::bench
