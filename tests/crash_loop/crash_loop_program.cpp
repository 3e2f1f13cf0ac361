// One of the crash loop's jobs, as a program to be killed.
#include "crash_loop/crash_jobs.hpp"

#include <weir/weir.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  weir::command_line cli{argc, argv};
  const auto which = cli.option("job", "words", "words, orders or readings");
  weir_test::crash_settings settings;
  settings.folder = cli.option("folder", ".", "the folder of all of its files");
  settings.records = cli.option("records", settings.records, "how many orders' events or readings there are");
  settings.rate = cli.option("rate", settings.rate, "records a second");
  settings.pause_us = cli.option("pause-us", settings.pause_us, "the pause behind every second line of words");
  settings.fail_every = cli.option("fail-every", settings.fail_every, "throw at each so-manieth record; 0: never");
  if (which == "words")
    return weir::run(weir_test::words_job(settings), cli);
  if (which == "orders")
    return weir::run(weir_test::orders_job(settings), cli);
  if (which == "readings")
    return weir::run(weir_test::readings_job(settings), cli);
  std::fprintf(stderr, "there is no job \"%s\"\n", which.c_str());
  return 2;
}
