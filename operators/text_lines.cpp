#include "text_lines.hpp"

#include "byte_input.hpp"
#include "file_splits.hpp"
#include "record_source.hpp"
#include "text_range.hpp"

namespace weir::inline v0 {

namespace {

constexpr std::size_t text_block_bytes = 256 * 1024;

class text_lines_source final : public any_source {
public:
  text_lines_source(std::string pattern, std::uint64_t range_bytes, std::size_t most_line_bytes)
      : files_{"text_lines", std::move(pattern), range_bytes, false}, most_line_bytes_(most_line_bytes) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t parallelism) const override {
    return enumerate_files(files_, parallelism);
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    return check_file_splits(files_, splits);
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                         processing_time) const override {
    auto range = text_range::parse(split.description);
    if (range.first == 0 && range.last == range.size && !compression_of(range.path).empty())
      return read_compressed_lines(std::move(range), position, most_line_bytes_);
    return read_text_range(std::move(range), position, text_block_bytes, most_line_bytes_);
  }

private:
  file_selection files_;
  std::size_t most_line_bytes_;
};

} // namespace

std::shared_ptr<const any_source> text_lines::source() const {
  return std::make_shared<text_lines_source>(pattern_, range_bytes_, most_line_bytes_);
}

std::vector<error_text> text_lines::problems() const {
  if (!pattern_.empty() && pattern_.find('\0') == std::string::npos)
    return {};
  return {{"text_lines", "the path of a text file, or a glob pattern",
           pattern_.empty() ? "nothing" : "a zero byte in it", "name a file"}};
}

std::string text_lines::guarantee() const {
  return "Each line is read once; after a failure reading goes on behind the last line that the checkpoint has.";
}

} // namespace weir::inline v0
