// How fast CSV and JSON lines become structs, beside a loop over the bare parser that fills the same struct.
#include "paired_runs.hpp"

#include <weir/weir.hpp>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>

#include <csv.h>
#include <simdjson.h>

namespace {

struct earthquake {
  std::uint64_t time_ms = 0;
  std::string id;
  std::string network;
  double magnitude = 0;
  double depth_km = 0;
  double latitude = 0;
  double longitude = 0;
  std::string place;
  WEIR_FIELDS(time_ms, id, network, magnitude, depth_km, latitude, longitude, place)
};

/// What both sides have to agree on.
struct totals {
  std::uint64_t records = 0;
  std::uint64_t times = 0;
  std::uint64_t text_bytes = 0;
  double magnitudes = 0;

  void add(const earthquake& quake) {
    ++records;
    times += quake.time_ms;
    text_bytes += quake.id.size() + quake.network.size() + quake.place.size();
    magnitudes += quake.magnitude;
  }
  friend bool operator==(const totals&, const totals&) = default;
};

earthquake make_earthquake(std::uint64_t i) {
  weir::counter_random random{1, i};
  const auto thousandths = [&](std::uint64_t most) { return static_cast<double>(random.below(most)) / 1000; };
  earthquake quake;
  quake.time_ms = 1'517'365'101'235 + i * 977;
  quake.network = std::string{"ak"} + static_cast<char>('a' + random.below(5));
  quake.id = quake.network + std::to_string(18'247'005 + i);
  quake.magnitude = thousandths(9000);
  quake.depth_km = thousandths(700'000);
  quake.latitude = thousandths(180'000) - 90;
  quake.longitude = thousandths(360'000) - 180;
  quake.place = std::to_string(random.below(300)) + "km WNW of Skagway" + (i % 2 == 0 ? ", Alaska" : "");
  return quake;
}

class summing_receiver final : public weir::batch_receiver {
public:
  bool accept(weir::batch_ptr batch) override {
    for (const auto& quake : weir::as<earthquake>(*batch).values)
      sum.add(quake);
    return true;
  }
  totals sum;
};

/// Reads a source as a companion does: batches of 1,024.
template <class Spec>
totals read_source(const Spec& spec) {
  summing_receiver receiver;
  weir::collector<earthquake> out;
  out.connect(receiver, 1024);
  const auto source = spec.source();
  for (const auto& split : source->enumerate(1)) {
    const auto reader = source->open_split(split, {}, {});
    while (reader->read(out, 1024) != weir::read_status::end)
      out.flush();
    out.flush();
  }
  return receiver.sum;
}

double number(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// libcsv, with callbacks that know the struct.
totals read_with_libcsv(const std::string& path) {
  struct state {
    totals sum;
    earthquake quake;
    std::size_t column = 0;
    bool header = true;
  } loop;
  const auto on_field = [](void* field, std::size_t size, void* data) {
    auto& s = *static_cast<state*>(data);
    const std::string_view text{static_cast<const char*>(field), size};
    const std::size_t column = s.column++;
    if (s.header)
      return;
    switch (column) {
    case 0:
      std::from_chars(text.data(), text.data() + text.size(), s.quake.time_ms);
      break;
    case 1:
      s.quake.id.assign(text);
      break;
    case 2:
      s.quake.network.assign(text);
      break;
    case 3:
      s.quake.magnitude = number(text);
      break;
    case 4:
      s.quake.depth_km = number(text);
      break;
    case 5:
      s.quake.latitude = number(text);
      break;
    case 6:
      s.quake.longitude = number(text);
      break;
    default:
      s.quake.place.assign(text);
    }
  };
  const auto on_row = [](int, void* data) {
    auto& s = *static_cast<state*>(data);
    if (!s.header)
      s.sum.add(s.quake);
    s.header = false;
    s.column = 0;
  };
  csv_parser parser;
  csv_init(&parser, 0);
  std::FILE* file = std::fopen(path.c_str(), "rb");
  std::string block(256 * 1024, '\0');
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), file))
    csv_parse(&parser, block.data(), got, on_field, on_row, &loop);
  csv_fini(&parser, on_field, on_row, &loop);
  csv_free(&parser);
  std::fclose(file);
  return loop.sum;
}

/// simdjson on demand, line by line, with the names in the order of the lines.
totals read_with_simdjson(const std::string& path) {
  totals sum;
  std::string content(std::filesystem::file_size(path), '\0');
  content.reserve(content.size() + simdjson::SIMDJSON_PADDING);
  std::FILE* file = std::fopen(path.c_str(), "rb");
  content.resize(std::fread(content.data(), 1, content.size(), file));
  std::fclose(file);
  simdjson::ondemand::parser parser;
  earthquake quake;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = content.find('\n', at);
    simdjson::ondemand::document line =
        parser.iterate(simdjson::padded_string_view{content.data() + at, end - at, content.capacity() - at});
    simdjson::ondemand::object object = line.get_object();
    quake.time_ms = object.find_field("time_ms").get_uint64();
    quake.id.assign(std::string_view{object.find_field("id").get_string()});
    quake.network.assign(std::string_view{object.find_field("network").get_string()});
    quake.magnitude = object.find_field("magnitude").get_double();
    quake.depth_km = object.find_field("depth_km").get_double();
    quake.latitude = object.find_field("latitude").get_double();
    quake.longitude = object.find_field("longitude").get_double();
    quake.place.assign(std::string_view{object.find_field("place").get_string()});
    sum.add(quake);
    at = end + 1;
  }
  return sum;
}

/// Writes the earthquakes with the sink that the job would have.
template <class Spec>
std::string write_files(const Spec& spec, const std::string& folder, std::uint64_t records) {
  const auto sink = spec.template sink<earthquake>();
  weir::sink_start start;
  start.identity.run = "bench";
  start.identity.name = "bench";
  sink->prepare_output(start);
  const auto writer = sink->open_writer(start);
  for (std::uint64_t i = 0; i < records;) {
    auto batch = weir::element_type_of<earthquake>().make_batch(1024);
    for (int n = 0; n < 1024 && i < records; ++n, ++i)
      weir::as<earthquake>(*batch).values.push_back(make_earthquake(i));
    writer->write(*batch);
  }
  const weir::checkpoint_id one{1};
  writer->commit({{one, weir::subtask_index{0}, writer->prepare(one)}});
  for (const auto& each : std::filesystem::directory_iterator{folder})
    if (each.path().filename().string().starts_with("part-"))
      return each.path().string();
  throw std::runtime_error{"no file was written"};
}

} // namespace

int main(int argc, char** argv) {
  const std::uint64_t records = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 300'000;
  const std::size_t pairs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 7;
  std::string work = (std::filesystem::temp_directory_path() / "weir-parse-bench-XXXXXX").string();
  if (!::mkdtemp(work.data()))
    return 1;
  bool same = true;
  {
    const std::string csv = write_files(weir::csv_files{work + "/csv"}, work + "/csv", records);
    const std::string json = write_files(weir::json_lines_files{work + "/json"}, work + "/json", records);
    weir::bench::print_header("records into structs, one thread");
    same = weir::bench::compare(
               "csv / libcsv", records, pairs, [&] { return read_with_libcsv(csv); },
               [&] { return read_source(weir::csv<earthquake>{csv}); }) &&
           same;
    same = weir::bench::compare(
               "json lines / simdjson", records, pairs, [&] { return read_with_simdjson(json); },
               [&] { return read_source(weir::json_lines<earthquake>{json}); }) &&
           same;
  }
  std::filesystem::remove_all(work);
  if (!same)
    std::puts("the sides do not agree");
  return same ? 0 : 1;
}
