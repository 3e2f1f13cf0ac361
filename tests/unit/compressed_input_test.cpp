// Tests of compressed files as input: text lines, CSV and JSON lines.
#include "record_samples.hpp"

#include <weir/operators/csv.hpp>
#include <weir/operators/json_lines.hpp>
#include <weir/operators/text_lines.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include <zlib.h>
#include <zstd.h>

using weir_test::contains;
using weir_test::error_of;
using weir_test::point;
using weir_test::read_all;
using weir_test::scratch_folder;

namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  ::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(::deflateBound(&stream, text.size()) + 100, '\0');
  std::string copy = text;
  stream.next_in = reinterpret_cast<unsigned char*>(copy.data());
  stream.avail_in = static_cast<unsigned>(copy.size());
  stream.next_out = reinterpret_cast<unsigned char*>(packed.data());
  stream.avail_out = static_cast<unsigned>(packed.size());
  ::deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& text) {
  std::string packed(::ZSTD_compressBound(text.size()), '\0');
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1); // as the zstd program does
  packed.resize(::ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ::ZSTD_freeCCtx(context);
  return packed;
}

std::string numbers(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i)
    text += "line " + std::to_string(i * 7919 % 100'003) + "\n";
  return text;
}

} // namespace

TEST_CASE("compressed files are read like their content") {
  const scratch_folder folder;
  const std::string text = numbers(0, 20'000) + "the end";
  const auto plain = read_all(weir::text_lines{folder.write("plain", text)});
  REQUIRE(plain.size() == 20'001);
  const std::vector<std::string> packed{gzip(text), zstd(text),
                                        gzip(numbers(0, 10'000)) + gzip("") +
                                            gzip(numbers(10'000, 20'000) + "the end") + std::string(512, '\0'),
                                        zstd(numbers(0, 10'000)) + zstd(numbers(10'000, 20'000) + "the end")};
  for (const auto& bytes : packed) {
    const auto path = folder.write("packed", bytes); // by content: the name says nothing
    const auto spec = weir::text_lines{path}.range_bytes(100);
    CHECK(spec.source()->enumerate(4).size() == 1);
    CHECK(read_all(spec, 4, 1000) == plain);
  }
}

TEST_CASE("a compressed file is begun again at the unpacked byte") {
  const scratch_folder folder;
  std::string csv = "x,name\n";
  std::string json;
  std::vector<point> expected;
  for (int i = 0; i < 50; ++i) {
    csv += std::to_string(i) + ",\"a\nb\"\n";
    json += "{\"x\":" + std::to_string(i) + ",\"name\":\"a\\nb\"}\n";
    expected.push_back({i, "a\nb"});
  }
  for (const auto pack : {&gzip, &zstd}) {
    const weir::csv<point> rows{folder.write("a.csv", pack(csv))};
    CHECK(read_all(rows) == expected);
    CHECK(weir_test::source_harness<point>{rows.source()}.resumes_everywhere(4, 3));
    const weir::json_lines<point> lines{folder.write("a.json", pack(json))};
    CHECK(read_all(lines) == expected);
    CHECK(weir_test::source_harness<point>{lines.source()}.resumes_everywhere(4, 3));
    const weir::text_lines text{folder.write("a.txt", pack(json))};
    CHECK(weir_test::source_harness<std::string>{text.source()}.resumes_everywhere(4, 3));
  }
}

TEST_CASE("the line of a fault in a compressed file is that of its content") {
  const scratch_folder folder;
  const auto path = folder.write("a.json.gz", gzip("{\"x\":1}\n\n{\"x\":\"2\"}\n"));
  CHECK(contains(error_of([&] { read_all(weir::json_lines<point>{path}); }), "a.json.gz, line 3, \"x\""));
}

TEST_CASE("the last line of a compressed file that grows is left out, and an endless one is refused") {
  const scratch_folder folder;
  for (const auto pack : {&gzip, &zstd}) {
    const auto path = folder.write("packed", pack("one\ntw"));
    weir_test::source_harness<std::string> harness{weir::text_lines{path}.source()};
    const auto split = weir::text_lines{path}.source()->enumerate(1).at(0);
    CHECK(harness.read(split, {}, 10) == std::vector<std::string>{"one", "tw"});
    folder.write("packed", pack("one\ntw") + pack("o\n"));
    CHECK(harness.read(split, {}, 10) == std::vector<std::string>{"one"});

    const weir::text_lines endless{folder.write("bomb", pack("short\n" + std::string(65 * 1024 * 1024, '0')))};
    CHECK(contains(error_of([&] { read_all(endless); }), "expected a line of at most 67108864 bytes"));
    CHECK(contains(error_of([&] { read_all(endless.most_line_bytes(1000)); }), "bomb, line 2: expected a line of at"));
  }
}

TEST_CASE("a compressed file that ends too soon or is damaged is an error that says so") {
  const scratch_folder folder;
  const std::string text = numbers(0, 30'000);
  for (const auto pack : {&gzip, &zstd}) {
    const std::string whole = pack(text);
    for (const std::size_t left : {whole.size() - 1, whole.size() / 2, std::size_t{20}}) {
      const auto path = folder.write("cut", whole.substr(0, left));
      CHECK(contains(error_of([&] { read_all(weir::text_lines{path}, 1, 1000); }), "an end that comes too soon"));
    }
    std::string damaged = whole;
    for (std::size_t i = whole.size() / 2; i < whole.size() / 2 + 50; ++i)
      damaged[i] = static_cast<char>(damaged[i] ^ 0x5a);
    const auto path = folder.write("damaged", damaged);
    const auto error = error_of([&] { read_all(weir::text_lines{path}, 1, 1000); });
    CHECK(contains(error, "damaged"));
    CHECK(contains(error, "damaged bytes"));
  }
  const auto junk = folder.write("junk", gzip(text) + "something that is no gzip");
  CHECK(contains(error_of([&] { read_all(weir::text_lines{junk}, 1, 1000); }), "damaged bytes"));
}
