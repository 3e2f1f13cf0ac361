// A source whose readers do what a script says.
#pragma once

#include <weir/operators/source.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir_test {

/// One call of `read`.
struct scripted_read {
  std::vector<int> records;
  weir::read_status status = weir::read_status::more;
  weir::processing_time next_at{};
};

/// Splits by name; the position in one is the number of reads done. Reading behind the script is the split's end.
class scripted_source final : public weir::any_source {
public:
  using script = std::map<std::string, std::vector<scripted_read>>;

  explicit scripted_source(script reads, bool one_at_a_time = true, bool blocks = false)
      : reads_(std::move(reads)), one_at_a_time_(one_at_a_time), blocks_(blocks) {}

  [[nodiscard]] bool blocking() const override { return blocks_; }
  [[nodiscard]] bool one_split_at_a_time() const override { return one_at_a_time_; }
  [[nodiscard]] std::vector<weir::source_split> enumerate(std::uint32_t) const override {
    std::vector<weir::source_split> all;
    for (const auto& [id, reads] : reads_)
      all.push_back({id, "{}"});
    return all;
  }
  [[nodiscard]] std::unique_ptr<weir::split_reader>
  open_split(const weir::source_split& split, const std::string& position, weir::processing_time) const override {
    opened.push_back(split.id);
    return std::make_unique<reader>(reads_.at(split.id), position.empty() ? 0 : std::stoul(position));
  }

  mutable std::vector<std::string> opened; ///< in their order

private:
  class reader final : public weir::split_reader {
  public:
    reader(const std::vector<scripted_read>& reads, std::size_t at) : reads_(reads), at_(at) {}

    weir::read_status read(weir::any_collector& out, std::size_t) override {
      if (at_ >= reads_.size())
        return weir::read_status::end;
      const scripted_read& now = reads_[at_++];
      for (const int record : now.records)
        static_cast<weir::collector<int>&>(out)(record);
      next_at_ = now.next_at;
      return now.status;
    }
    [[nodiscard]] std::string position() const override { return std::to_string(at_); }
    [[nodiscard]] weir::processing_time next_at() const override { return next_at_; }

  private:
    const std::vector<scripted_read>& reads_;
    std::size_t at_;
    weir::processing_time next_at_{};
  };

  script reads_;
  bool one_at_a_time_;
  bool blocks_;
};

} // namespace weir_test
