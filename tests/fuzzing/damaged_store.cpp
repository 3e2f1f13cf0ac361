#include "damaged_store.hpp"

#include "fuzz_check.hpp"

#include <weir/persistence/checkpoint_manifest.hpp>
#include <weir/persistence/sqlite_database.hpp>

#include <cstdint>
#include <stdexcept>

namespace weir_fuzz {

namespace {

constexpr const char* store_name = "job.weir";
constexpr weir::wall_time now{1'700'000'000'000'000};

const std::vector<weir::operator_record>& operators() {
  static const std::vector<weir::operator_record> records{{"counts", "count", "counts", store_region, 1, ""}};
  return records;
}

const std::vector<weir::schema_record>& schemas() {
  static const std::vector<weir::schema_record> records{{"counts", "counts", R"({"key":"string","value":"u64"})"}};
  return records;
}

} // namespace

weir::store_options options_of(const std::filesystem::path& file) {
  weir::store_options options;
  options.path = file;
  options.job = "word-count";
  options.now = now;
  options.new_run_uuid = "11111111-1111-4111-8111-111111111111";
  return options;
}

weir::checkpoint_id take_checkpoint(weir::checkpoint_store& store, weir::attempt_id attempt, std::string_view content,
                                    weir::checkpoint_id parent) {
  const bool delta = parent != weir::checkpoint_id{};
  weir::subtask_snapshot snapshot;
  snapshot.attempt = attempt;
  snapshot.task = "counts";
  snapshot.checkpoint = store.open_checkpoint(weir::checkpoint_trigger::interval, now);
  snapshot.tables.push_back({"counts", "counts", delta ? weir::snapshot_kind::delta : weir::snapshot_kind::base, true,
                             delta ? std::optional{parent} : std::nullopt});
  weir::chunk_to_store chunk;
  chunk.operator_name = chunk.table = "counts";
  chunk.last = weir::key_group{127};
  chunk.entries = 1;
  const auto bytes = std::as_bytes(std::span{content});
  chunk.bytes = {bytes.begin(), bytes.end()};
  chunk.checksum = weir::checksum_of_bytes(chunk.bytes);
  snapshot.chunks.push_back(std::move(chunk));
  if (const auto result = store.write(snapshot, now); result != weir::write_result::stored)
    throw weir::store_error{{"the damaged store", "stored", std::string{to_text(result)}, {}}};
  const std::vector<weir::expected_subtask> expected{{store_region, "counts", weir::subtask_index{0}, {}}};
  static_cast<void>(store.complete(snapshot.checkpoint, expected, now));
  return snapshot.checkpoint;
}

std::string content_of(const weir::checkpoint_reader& reader, weir::checkpoint_id checkpoint) {
  std::string all;
  reader.for_each_chunk(checkpoint, "counts", "counts", {0, 128}, [&](const weir::stored_chunk& chunk) {
    all += all.empty() ? "" : ",";
    all += as_text(chunk.bytes);
  });
  return all;
}

store_damager::image store_damager::image_of(const std::filesystem::path& file) {
  image made;
  made.bytes = scratch_place::read(file);
  for (std::size_t i = 0; i < made.bytes.size(); ++i)
    if (made.bytes[i] != 0)
      made.written.push_back(static_cast<std::uint32_t>(i));
  if (made.written.empty())
    throw std::logic_error{file.string() + " is empty"};
  return made;
}

store_damager::store_damager() {
  const auto file = place_.path() / store_name;
  {
    auto store = weir::checkpoint_store::open(options_of(file));
    store.register_plan(operators(), schemas(), 128);
    const auto attempt = store.begin_attempt(store_region, now, {});
    const auto one = take_checkpoint(store, attempt, "content-of-one");
    const auto two = take_checkpoint(store, attempt, "content-of-two", one);
    const auto failure = store.record_failure({now, store_region, attempt, "counts", {}, "counts", "exception", "why"});
    const auto second = store.begin_attempt(store_region, now, two);
    store.restore(two, now);
    store.record_recovery({failure, store_region, second, now, two, {}, {}, {}, {}, {}});
    const auto three = take_checkpoint(store, second, "content-of-three");
    const auto four = take_checkpoint(store, second, "content-of-four", three);
    for (const auto id : {one, two, three, four})
      contents_.emplace(id, content_of(store.read(), id));
    // Copied while it is open: what is in the file and the log is what a crash leaves.
    crashed_ = image_of(file);
    crashed_log_ = image_of(file.string() + "-wal");
    crashed_note_ = image_of(file.string() + ".lock");
  }
  closed_ = image_of(file);
  auto database = weir::sqlite_database::open(file.string(), weir::sqlite_access::read_only);
  auto query = database.prepare("SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c "
                                "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid");
  while (query.step())
    columns_.emplace_back(query.text(0), query.text(1));
}

store_damager::damage store_damager::make(fuzz_input& input, left_behind how) {
  place_.clear();
  damage done;
  done.file = place_.path() / store_name;
  struct part {
    const char* suffix;
    const image* whole;
    std::string bytes;
  };
  std::vector<part> parts;
  if (how == left_behind::closed) {
    parts.push_back({"", &closed_, closed_.bytes});
  } else {
    parts.push_back({"", &crashed_, crashed_.bytes});
    parts.push_back({"-wal", &crashed_log_, crashed_log_.bytes});
    parts.push_back({".lock", &crashed_note_, crashed_note_.bytes});
  }
  done.note_damaged = how == left_behind::closed;
  std::vector<fuzz_input> edits;
  while (!input.empty()) {
    const unsigned what = input.byte();
    const std::size_t which = what / 4 % parts.size();
    std::string& target = parts[which].bytes;
    const auto& written = parts[which].whole->written;
    const auto place = written[input.number<std::uint32_t>() % written.size()];
    done.log_damaged = done.log_damaged || which == 1;
    done.note_damaged = done.note_damaged || which == 2;
    switch (what % 4) {
    case 0: { // other bytes
      std::size_t at = place;
      for (const auto each : input.bytes(1 + input.below(32)))
        if (at < target.size())
          target[at++] = std::to_integer<char>(each);
      break;
    }
    case 1: // a flipped bit
      if (place < target.size())
        target[place] = static_cast<char>(target[place] ^ (1 << input.below(8)));
      break;
    case 2: // cut
      target.resize(std::min<std::size_t>(place, target.size()));
      break;
    default: // by SQL, after all the others
      edits.emplace_back(input.bytes(input.byte()));
      break;
    }
  }
  for (const part& each : parts)
    static_cast<void>(place_.write(store_name + std::string{each.suffix}, each.bytes));
  done.edited = !edits.empty();
  if (done.edited)
    accepts([&] {
      auto database = weir::sqlite_database::open(done.file.string(), weir::sqlite_access::read_write);
      database.add_marker_function("weir_store_writer");
      database.exec("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF");
      for (auto& each : edits)
        accepts([&] { edit(each, database); });
    });
  return done;
}

store_damager::damage store_damager::write(std::string_view bytes) {
  place_.clear();
  return {place_.write(store_name, bytes), true, true, true};
}

/// One statement of a program that pretends to be the store.
void store_damager::edit(fuzz_input& input, weir::sqlite_database& database) const {
  const auto& [table_name, column_name] = columns_[input.below(columns_.size())];
  const std::string table = "\"" + table_name + "\"";
  const std::string column = "\"" + column_name + "\"";
  const unsigned what = input.byte();
  const std::string where = " WHERE " + column + " IS (SELECT " + column + " FROM " + table + " LIMIT 1 OFFSET " +
                            std::to_string(input.below(8)) + ")";
  const std::string update = "UPDATE " + table + " SET " + column + " = ?" + where;
  switch (what % 8) {
  case 0:
    database.run("DELETE FROM " + table + where);
    break;
  case 1:
    database.run(update, nullptr);
    break;
  case 2:
    database.run(update, input.number<std::int64_t>());
    break;
  case 3:
    database.run(update, std::int64_t{input.number<std::int8_t>()});
    break;
  case 4:
    database.run(update, as_text(input.rest()));
    break;
  case 5:
    database.run(update, input.rest());
    break;
  case 6:
    database.exec("PRAGMA user_version = " + std::to_string(input.number<std::int32_t>()));
    break;
  default:
    database.exec("PRAGMA application_id = " + std::to_string(input.number<std::int32_t>()));
    break;
  }
}

} // namespace weir_fuzz
