// A job for tests that run jobs inside of their own process.
#include "process/counting_job.hpp"

#include "process/database.hpp"

#include <weir/operators/callback.hpp>
#include <weir/operators/generator.hpp>
#include <weir/operators/records.hpp>
#include <weir/operators/sqlite_table.hpp>
#include <weir/operators/text_files.hpp>

#include <functional>

namespace weir_test {

weir::job counting_job(const counting& parts) {
  weir::job job{"counting"};
  auto source = weir::generator<std::uint64_t>{parts.records, [](std::uint64_t i) { return i; }};
  if (parts.rate > 0)
    source = source.rate(parts.rate);
  auto numbers = job.source("numbers", source).map(parts.fragile_name, [on_record = parts.on_record](std::uint64_t n) {
    if (on_record)
      on_record(n);
    return n;
  });
  auto counts = numbers.map("keys", [](std::uint64_t n) { return "key " + std::to_string(n % counting_keys); })
                    .key_by(std::identity{})
                    .count(parts.count_name, {.renamed_from = parts.count_renamed_from});
  counts.sink("table", weir::sqlite_table{parts.folder + "/counts.db", "counts"}.upsert("key"));
  counts.sink("files", weir::text_files{parts.folder + "/files"});
  numbers.sink("seen", weir::callback{[on_seen = parts.on_seen](const std::uint64_t& n) {
                 if (on_seen)
                   on_seen(n);
               }});
  return job;
}

std::string counting_store(const counting& parts) {
  return parts.folder + "/counting.weir";
}

std::string fault_in_output(const counting& parts, committed_counts& files) {
  if (std::string fault = files.look(); !fault.empty())
    return fault;
  std::map<std::string, long long, std::less<>> expected;
  for (std::uint64_t n = 0; n != parts.records; ++n)
    ++expected["key " + std::to_string(n % counting_keys)];
  const auto table = counts_in_table(parts.folder + "/counts.db", "counts");
  for (const auto& [key, count] : expected) {
    const auto in_files = files.counts().find(key);
    if (in_files == files.counts().end() || in_files->second != count)
      return "the files have " + (in_files == files.counts().end() ? "no" : std::to_string(in_files->second)) + " \"" +
             key + "\" instead of " + std::to_string(count);
    const auto in_table = table.find(key);
    if (in_table == table.end() || in_table->second != count)
      return "the table has " + (in_table == table.end() ? "no" : std::to_string(in_table->second)) + " \"" + key +
             "\" instead of " + std::to_string(count);
  }
  if (table.size() != expected.size() || files.counts().size() != expected.size())
    return "there are other keys";
  return {};
}

std::string fault_in_output(const counting& parts) {
  committed_counts files{parts.folder + "/files"};
  return fault_in_output(parts, files);
}

} // namespace weir_test
