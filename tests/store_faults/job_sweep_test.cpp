// A small job whose disk goes wrong: it ends well or says why, and the next start goes on.
#include "store_faults/faulty_job.hpp"

#include <catch2/catch.hpp>

#include <cstdio>

using namespace store_faults;
using weir_test::faulty_disk;
using operation = faulty_disk::operation;
using trouble = faulty_disk::trouble;

TEST_CASE("a job on a faulty disk loses nothing and counts nothing twice") {
  faulty_jobs jobs;
  int turn = 0;
  const auto sweep = [&](const std::vector<trouble>& troubles, const std::vector<operation>& operations) {
    for (const auto what : troubles)
      for (const auto o : operations)
        for (long nth = 1; nth <= jobs.operations(o); nth += 1 + jobs.operations(o) / 24) {
          const auto then = what == trouble::torn ? then::loses_power : static_cast<enum then>(turn % 3);
          jobs.run({o, what, nth, turn % 2 == 0}, then);
          ++turn;
        }
  };
  sweep({trouble::fail},
        {operation::read, operation::write, operation::sync, operation::open, operation::remove, operation::lock});
  sweep({trouble::full, trouble::shortened, trouble::torn}, {operation::write});
  sweep({trouble::delayed}, {operation::write, operation::sync});
  std::printf("%s\n", jobs.summary().c_str());
  for (const auto& failure : jobs.failures())
    FAIL_CHECK(failure);
  CHECK(jobs.happened().size() == faulty_disk::trouble_kinds + 2); // and both ends
}
