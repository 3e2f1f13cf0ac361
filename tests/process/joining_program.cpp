// The job with several inputs and outputs as a program, for tests that kill it.
#include "process/joining_job.hpp"

#include <weir/weir.hpp>

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  weir_test::joining parts;
  parts.folder = cli.option("folder", ".", "where its files are");
  parts.records = cli.option("records", parts.records, "how many of each");
  parts.rate = cli.option("rate", parts.rate, "of each a second");
  return weir::run(weir_test::joining_job(parts), cli);
}
