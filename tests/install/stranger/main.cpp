// A stranger's program: a small job, built against an installed Weir.
#include <weir/weir.hpp>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  weir::job job{"stranger"};
  job.source("numbers", weir::generator<std::uint64_t>{1000, [](std::uint64_t i) { return i; }})
      .map("words", [](std::uint64_t i) { return std::string{i % 2 == 0 ? "weir" : "stream"}; })
      .key_by(std::identity{})
      .count("counts")
      .filter("last", [](const weir::counted<std::string>& c) { return c.count == 500; })
      .sink("out", weir::print{});
  return weir::run(job, cli);
}
