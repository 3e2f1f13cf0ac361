#include "record_source.hpp"

#include "byte_input.hpp"
#include "flat_json.hpp"
#include "line_scanner.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

namespace weir::inline v0 {

namespace {

/// The numbers of lines, for messages. Reads the file again, once for all lines that are asked for in order.
class line_numbers {
public:
  explicit line_numbers(const text_range& range) : path_(range.path), size_(range.size) {}

  /// The number, from 1, of the line that begins at an offset.
  std::uint64_t at(std::uint64_t offset) {
    if (!input_ || offset < at_) {
      input_ = open_file_input(path_, size_);
      at_ = 0;
      ends_ = 0;
    }
    std::vector<char> block(64 * 1024);
    while (at_ < offset) {
      const std::size_t got =
          input_->read(block.data(), static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), offset - at_)));
      if (got == 0)
        break;
      ends_ += static_cast<std::uint64_t>(std::count(block.data(), block.data() + got, '\n'));
      at_ += got;
    }
    return ends_ + 1;
  }

private:
  std::string path_;
  std::uint64_t size_;
  std::unique_ptr<byte_input> input_;
  std::uint64_t at_ = 0;
  std::uint64_t ends_ = 0; // line ends before at_
};

class record_reader final : public split_reader {
public:
  record_reader(std::shared_ptr<const record_files> settings, text_range range, const std::string& position,
                std::size_t block_bytes)
      : settings_(std::move(settings)), range_(std::move(range)), numbers_(range_) {
    std::uint64_t begin = range_.first;
    parser_ = settings_->make_parser(range_, begin);
    compressed_ = !compression_of(range_.path).empty();
    // A compressed file is one split, whose offsets are those of its content.
    last_ = compressed_ ? ~std::uint64_t{0} : range_.last;
    if (!position.empty()) {
      const auto object = flat_json::parse(position, "the position in " + range_.path);
      begin = object.number("offset");
      skipped_ = object.has("skipped") ? object.number("skipped") : 0;
      dropping_ = object.has("inside");
      if (!compressed_ && (begin < range_.first || begin > range_.size))
        throw damaged_error({"the position in " + range_.path,
                             "an offset from " + std::to_string(range_.first) + " to " + std::to_string(range_.size),
                             std::to_string(begin), "begin anew with --fresh"});
    } else if (range_.first > 0 && begin == range_.first) {
      --begin; // a line begins at `first` if this byte ends the one before
      dropping_ = searching_ = true;
    }
    scanner_.emplace(open_file_input(range_.path, range_.size, begin, last_), begin, block_bytes);
  }

  read_status read(any_collector& out, std::size_t max_records) override {
    any_batch& batch = settings_->access->open(out, max_records);
    produced_ = 0;
    const bool ended = read_lines(batch, std::max<std::size_t>(max_records, 1));
    if (record_) // begun, and not complete
      drop(batch);
    settings_->access->close(out);
    return ended ? read_status::end : read_status::more;
  }

  [[nodiscard]] std::string position() const override {
    if (searching_)
      return {};
    if (skipped_ == 0 && !dropping_)
      return json_number("offset", scanner_->offset());
    flat_json object;
    object.set("offset", scanner_->offset());
    if (skipped_ > 0)
      object.set("skipped", skipped_);
    if (dropping_)
      object.set("inside", std::uint64_t{1});
    return object.to_string();
  }

  void interrupt() noexcept override { interrupted_.store(true, std::memory_order_relaxed); }

private:
  /// Reads until there is enough, or nothing more in the buffer; true at the end of the split.
  bool read_lines(any_batch& batch, std::size_t max_records) {
    bool unfinished = false; // several lines have not made a record yet
    while (produced_ < max_records) {
      if (!unfinished) {
        if (!dropping_ && scanner_->offset() >= last_)
          return true;
        scanner_->mark();
      }
      std::string_view line;
      if (!scanner_->next(line)) {
        if (scanner_->at_end()) {
          if (!unfinished)
            return true;
          refuse(batch, {{}, "expected the end of a quoted field, found the end of the file"});
        } else if (!dropping_ && scanner_->since_mark().size() + scanner_->waiting_bytes() > most_bytes()) {
          refuse_long(batch, unfinished);
        } else if (produced_ > 0 || interrupted_.exchange(false, std::memory_order_relaxed)) {
          break;
        } else {
          if (dropping_)
            scanner_->discard_waiting();
          scanner_->fill();
          continue;
        }
        unfinished = false;
        continue;
      }
      if (dropping_) {
        dropping_ = searching_ = false;
        continue;
      }
      if (scanner_->is_cut(line)) {
        take_cut_line(batch, line, unfinished);
        unfinished = false;
        continue;
      }
      unfinished = take_line(batch, line, unfinished);
    }
    if (unfinished) { // it begins anew when there is more of it
      scanner_->back_to_mark();
      parser_->reset();
    }
    return false;
  }

  /// True if the record goes on in the next line.
  bool take_line(any_batch& batch, std::string_view line, bool unfinished) {
    if (!record_)
      record_ = settings_->access->add(batch);
    if (!unfinished)
      refused_bytes_ = line.size();
    switch (parser_->parse(line, record_)) {
    case record_parser::outcome::record:
      record_ = nullptr;
      ++produced_;
      return false;
    case record_parser::outcome::nothing: // the fresh record serves the next line
      return false;
    case record_parser::outcome::more:
      if (scanner_->since_mark().size() <= most_bytes())
        return true;
      refuse(batch, {{},
                     "expected a record of at most " + std::to_string(most_bytes()) +
                         " bytes, found a quoted field that does not end within them"});
      return false;
    case record_parser::outcome::fault:
      refused_bytes_ = scanner_->since_mark().size();
      refuse(batch, parser_->fault());
      return false;
    case record_parser::outcome::broken:
      refuse(batch, parser_->fault());
      return false;
    }
    return false;
  }

  /// The last line, which goes on in what the file has gained since the run began.
  void take_cut_line(any_batch& batch, std::string_view line, bool unfinished) {
    if (!settings_->cut_line_is_bad) {
      ++skipped_;
      return;
    }
    if (!unfinished)
      refused_bytes_ = line.size();
    refuse(batch, {{},
                   "expected a last line that is whole, found the beginning of one: the file has grown since the "
                   "run began"});
  }

  void drop(any_batch& batch) {
    settings_->access->drop(batch);
    record_ = nullptr;
  }

  /// A bad record, which begins at the mark. What is behind its first `refused_bytes_` is looked at again.
  void refuse(any_batch& batch, const record_fault& fault) {
    const std::string_view text = scanner_->since_mark();
    const std::uint64_t begin = scanner_->offset() - text.size();
    if (record_)
      drop(batch);
    on_bad_record(batch, fault, text, begin);
    scanner_->back_to_mark(refused_bytes_);
    parser_->reset();
  }

  /// A line that is longer than any record may be: what is left of it is dropped without a look.
  void refuse_long(any_batch& batch, bool unfinished) {
    if (unfinished)
      return refuse(batch, {{},
                            "expected a record of at most " + std::to_string(most_bytes()) +
                                " bytes, found a quoted field that does not end within them"});
    if (record_)
      drop(batch);
    const std::uint64_t begin = scanner_->offset();
    scanner_->discard_waiting();
    on_bad_record(batch,
                  {{}, "expected a line of at most " + std::to_string(most_bytes()) + " bytes, found a longer one"}, {},
                  begin);
    dropping_ = true;
  }

  /// The one place where the policy applies.
  void on_bad_record(any_batch& batch, const record_fault& fault, std::string_view text, std::uint64_t begin) {
    const bool keep = settings_->access->add_bad != nullptr;
    if (!keep && settings_->on_error == bad_record::skip) {
      ++skipped_;
      return;
    }
    bad_line line{range_.path, numbers_.at(begin), fault.column, shortened(text), fault.error};
    if (!keep)
      throw bad_record_error{std::move(line)};
    settings_->access->add_bad(batch, std::move(line));
    ++produced_;
  }

  [[nodiscard]] std::size_t most_bytes() const { return settings_->most_record_bytes; }

  std::shared_ptr<const record_files> settings_;
  text_range range_;
  std::unique_ptr<record_parser> parser_;
  bool compressed_ = false;
  std::uint64_t last_ = 0; // records that begin here or behind belong to others
  std::optional<line_scanner> scanner_;
  line_numbers numbers_;
  std::uint64_t skipped_ = 0;
  bool dropping_ = false;  // inside of a line that nobody wants
  bool searching_ = false; // for the first line that begins in the range
  // within one read
  std::size_t produced_ = 0;
  void* record_ = nullptr;        // added to the batch, not complete
  std::size_t refused_bytes_ = 0; // of a record, if it is refused: its first line
  std::atomic<bool> interrupted_{false};
};

class record_source final : public any_source {
public:
  explicit record_source(record_files settings)
      : settings_(std::make_shared<const record_files>(std::move(settings))) {}

  [[nodiscard]] bool blocking() const override { return true; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t parallelism) const override {
    auto splits = enumerate_files(settings_->files, parallelism);
    for (const auto& split : splits) {
      const auto range = text_range::parse(split.description);
      std::uint64_t begin = 0;
      if (range.first == 0)
        static_cast<void>(settings_->make_parser(range, begin)); // refuses a file that is another one
    }
    return splits;
  }
  [[nodiscard]] std::vector<std::string> check_restored(const std::vector<source_split>& splits) const override {
    return check_file_splits(settings_->files, splits);
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                         processing_time) const override {
    return read_records(settings_, text_range::parse(split.description), position);
  }

private:
  std::shared_ptr<const record_files> settings_;
};

/// Lines as they are.
class plain_line_parser final : public record_parser {
public:
  outcome parse(std::string_view line, void* record) override {
    static_cast<std::string*>(record)->assign(without_line_end(line));
    return outcome::record;
  }
};

} // namespace

record_parser::~record_parser() = default;

std::string shortened(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.remove_suffix(1);
  constexpr std::size_t most = 200;
  std::size_t cut = text.size();
  if (cut > most) {
    cut = most - 3;
    while (cut > most - 8 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) // not within a character of UTF-8
      --cut;
  }
  std::string shown{text.substr(0, cut)};
  std::replace_if(
      shown.begin(), shown.end(),
      [](char c) { return (c >= 0 && c < ' ' && c != '\t' && c != '\n') || c == '\x7f'; }, // a terminal would obey them
      '?');
  return cut < text.size() ? shown + "..." : shown;
}

std::shared_ptr<const any_source> make_record_source(record_files settings) {
  return std::make_shared<record_source>(std::move(settings));
}

std::unique_ptr<split_reader> read_records(std::shared_ptr<const record_files> settings, text_range range,
                                           const std::string& position, std::size_t block_bytes) {
  return std::make_unique<record_reader>(std::move(settings), std::move(range), position, block_bytes);
}

std::unique_ptr<split_reader> read_compressed_lines(text_range range, const std::string& position,
                                                    std::size_t most_line_bytes) {
  auto settings = std::make_shared<record_files>();
  settings->most_record_bytes = most_line_bytes;
  settings->access = &detail::record_access_of<std::string>();
  settings->make_parser = [](const text_range&, std::uint64_t&) { return std::make_unique<plain_line_parser>(); };
  settings->cut_line_is_bad = false;
  return read_records(std::move(settings), std::move(range), position);
}

} // namespace weir::inline v0
