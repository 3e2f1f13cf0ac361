#include "feed_source.hpp"

#include "../operators/flat_json.hpp"
#include "../operators/split_ids.hpp"

#include <algorithm>
#include <utility>

namespace weir::inline v0 {

namespace {

/// A split's place among all, as its description has it.
struct split_place {
  std::size_t split = 0;
  std::size_t splits = 0;
};

split_place place_of(const source_split& split) {
  const flat_json object = flat_json::parse(split.description, "a split of actor_source");
  return {object.number("split"), object.number("splits")};
}

/// Who has to bring again what a failure has lost of a closed source.
std::string remark_about(const producer_marks& awaited) {
  constexpr std::size_t most_names = 5;
  std::string names;
  std::size_t count = 0;
  for (const auto& [name, through] : awaited)
    if (++count <= most_names)
      names += (names.empty() ? "" : ", ") + name + " (up to record " + std::to_string(through) + ")";
  if (count > most_names)
    names += " and " + std::to_string(count - most_names) + " more";
  return "the source is closed, and waits for records that a failure has lost, of the producers " + names +
         "; draining the job ends it without them";
}

class feed_reader final : public split_reader {
public:
  feed_reader(std::shared_ptr<feed_desk> desk, fed_type type, split_place place, producer_marks marks)
      : desk_(std::move(desk)), type_(type), split_(place.split), emitted_(std::move(marks)) {
    desk_->begin(place.split, place.splits, emitted_);
  }
  feed_reader(const feed_reader&) = delete;
  feed_reader& operator=(const feed_reader&) = delete;
  ~feed_reader() override { desk_->leave(split_); }

  read_status read(any_collector& out, std::size_t max_records) override {
    if (!now_) {
      bool end = false;
      now_ = desk_->take(split_, end);
      if (!now_)
        return end ? read_status::end : read_status::later;
      mark_ = &emitted_.try_emplace(now_->producer, 0).first->second;
    }
    const std::size_t to = now_->from + std::min(max_records, now_->to - now_->from);
    type_.emit(out, *now_->batch, now_->from, to);
    now_->from = to;
    *mark_ = now_->first + to - 1;
    if (now_->from == now_->to)
      now_.reset();
    return read_status::more;
  }
  [[nodiscard]] std::string position() const override { return to_position(emitted_); }
  [[nodiscard]] processing_time next_at() const override { return processing_time::max(); }
  void attach(std::shared_ptr<waker> wakes_reader) override { desk_->attach(split_, std::move(wakes_reader)); }
  [[nodiscard]] std::string take_remark() override {
    const producer_marks awaited = told_ ? producer_marks{} : desk_->awaited(split_);
    if (awaited.empty())
      return {};
    told_ = true;
    return remark_about(awaited);
  }
  void durable(const std::string& position) override { desk_->durable(split_, from_position(position)); }

private:
  std::shared_ptr<feed_desk> desk_;
  fed_type type_;
  std::size_t split_;
  producer_marks emitted_; ///< through which records
  std::optional<fed_records> now_;
  std::uint64_t* mark_ = nullptr; ///< of the producer of `now_`
  bool told_ = false;             ///< who is awaited
};

class feed_source final : public any_source {
public:
  feed_source(std::shared_ptr<feed_desk> desk, fed_type type, std::shared_ptr<const void> keep_alive)
      : desk_(std::move(desk)), type_(type), keep_alive_(std::move(keep_alive)) {}

  [[nodiscard]] bool blocking() const override { return false; }
  [[nodiscard]] bool one_split_at_a_time() const override { return false; }
  [[nodiscard]] std::vector<source_split> enumerate(std::uint32_t parallelism) const override {
    std::vector<source_split> splits;
    for (std::uint64_t i = 0; i != parallelism; ++i)
      splits.push_back({split_id(i), flat_json{}.set("split", i).set("splits", parallelism).to_string()});
    return splits;
  }
  [[nodiscard]] std::unique_ptr<split_reader> open_split(const source_split& split, const std::string& position,
                                                         processing_time) const override {
    return std::make_unique<feed_reader>(desk_, type_, place_of(split), from_position(position));
  }
  void already_read(const source_split& split, const std::string& position) const override {
    const split_place place = place_of(split);
    desk_->ended(place.split, place.splits, from_position(position));
  }

private:
  std::shared_ptr<feed_desk> desk_;
  fed_type type_;
  std::shared_ptr<const void> keep_alive_;
};

} // namespace

std::shared_ptr<const any_source> make_feed_source(std::shared_ptr<feed_desk> desk, fed_type type,
                                                   std::shared_ptr<const void> keep_alive) {
  return std::make_shared<feed_source>(std::move(desk), type, std::move(keep_alive));
}

} // namespace weir::inline v0
