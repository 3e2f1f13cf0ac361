// What runs a job's operators in a test: instances, queues and a clock, without record types.
#pragma once

#include "counter_board.hpp"
#include "environment.hpp"
#include "graph_builder.hpp"
#include "source.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::inline v0::testing {

/// How a `harness` runs a job.
struct harness_options {
  /// Of operators that ask for none of their own.
  std::uint32_t parallelism = 1;
  std::uint32_t max_parallelism = 128;
  /// What the clock shows first.
  processing_time start{std::chrono::seconds{1'700'000'000}};
};

/// What can be pushed, and what travels between operators.
enum class item_kind : std::uint8_t { records, watermark, end };

/// The state of a job's operators at one moment.
class snapshot {
public:
  /// How many entries a state table has, such as ("counts", "state"); all subtasks together.
  [[nodiscard]] std::uint64_t entries(const std::string& operator_name, const std::string& table) const;

private:
  friend class engine;

  struct stored_table {
    std::string schema;
    std::vector<encoded_chunk> chunks;
  };
  /// Something that was pushed and is not worked off.
  struct pushed {
    item_kind what = item_kind::end;
    node_index source = 0;
    batch_ptr records;
    event_time time{};
  };

  std::map<std::pair<std::string, std::string>, stored_table> tables_;
  std::vector<pushed> waiting_;
  processing_time now_{};
};

/// The source that `testing::input` stands for. It has no splits.
[[nodiscard]] std::shared_ptr<const any_source> pushed_source();

/// Runs the operators. Of `harness`, which knows the types.
class engine {
public:
  engine(const job_graph& graph, harness_options options, const snapshot* from);
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  void push(const stream_origin& into, batch_ptr records);
  void push_watermark(event_time time);
  void push_end();
  [[nodiscard]] processing_time now() const;
  void advance_to(processing_time time);
  void work();
  void visit_outputs(const stream_origin& of, const element_type& type,
                     const std::function<void(const any_batch&)>& visit) const;
  void forget_outputs();
  [[nodiscard]] bool holding() const;
  [[nodiscard]] std::vector<counter_value> counters() const;
  [[nodiscard]] snapshot take_snapshot();

private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

} // namespace weir::inline v0::testing
