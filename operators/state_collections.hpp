// The collections in the state of a keyed operator: found by its WEIR_FIELDS, kept in tables, handed out key by key.
#pragma once

#include "concepts.hpp"
#include "keyed_list_table.hpp"
#include "keyed_map_table.hpp"
#include "list_state.hpp"
#include "map_state.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir::inline v0 {
namespace detail {

template <class Types, class... Kept>
struct without_collections {
  using type = type_list<Kept...>;
};
template <class First, class... Rest, class... Kept>
struct without_collections<type_list<First, Rest...>, Kept...>
    : std::conditional_t<is_collection<First>, without_collections<type_list<Rest...>, Kept...>,
                         without_collections<type_list<Rest...>, Kept..., First>> {};

/// A state with collections as the entry of its key: what is stored of it is all but these.
template <class State>
struct kept_state {
  State value;

  constexpr auto weir_field_types() const { return typename without_collections<fields_of<State>>::type{}; }
  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    access::serialize(archive, value, version);
  }
};
template <class State>
struct stored_as<kept_state<State>> {
  using type = State;
};

/// What the table of a keyed operator's state has for each key.
template <class State>
using entry_of_state = std::conditional_t<holds_collections<State>(), kept_state<State>, State>;

/// Whether a keyed operator can have such a state.
template <class State>
concept keyed_state = std::default_initializable<State> && serializable<entry_of_state<State>>;

template <class State>
[[nodiscard]] State& state_in(State& entry) noexcept {
  return entry;
}
template <class State>
[[nodiscard]] State& state_in(kept_state<State>& entry) noexcept {
  return entry.value;
}

/// The name of a collection's table. Throws `usage_error` if `member` is no name.
[[nodiscard]] std::string collection_table_name(const std::string& table, std::string_view member);

template <class K, class Collection>
struct table_of_collection;
template <class K, class S, class V>
struct table_of_collection<K, map_state<S, V>> {
  using type = keyed_map_table<K, S, V>;
};
template <class K, class T>
struct table_of_collection<K, list_state<T>> {
  using type = keyed_list_table<K, T>;
};

/// Notes the names of the collections among the members.
class collection_names {
public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  template <std::size_t Size, class... Fields>
  void fields(const char (&names)[Size], const Fields&...) {
    std::string_view left{names, Size - 1};
    const auto note = [&](bool wanted) {
      const std::string_view name = next_name(left);
      if (wanted)
        found_.emplace_back(name);
    };
    (note(is_collection<Fields>), ...);
  }
  [[nodiscard]] const std::vector<std::string>& found() const { return found_; }

private:
  std::vector<std::string> found_;
};

/// Calls a function with each collection among the members, and its number.
template <class Use>
class collection_visitor {
public:
  using is_saving = std::true_type;
  using is_loading = std::false_type;

  explicit collection_visitor(Use use) : use_(std::move(use)) {}
  template <std::size_t Size, class... Fields>
  void fields(const char (&)[Size], Fields&... fields) {
    visit(std::index_sequence_for<Fields...>{}, fields...);
  }

private:
  template <std::size_t... I, class... Fields>
  void visit(std::index_sequence<I...>, Fields&... fields) {
    static constexpr std::array<bool, sizeof...(Fields)> collections{is_collection<Fields>...};
    const auto one = [this]<std::size_t At>(std::integral_constant<std::size_t, At>, auto& field) {
      if constexpr (collections[At]) {
        constexpr std::size_t before = [] {
          std::size_t count = 0;
          for (std::size_t i = 0; i != At; ++i)
            count += collections[i] ? 1 : 0;
          return count;
        }();
        use_(std::integral_constant<std::size_t, before>{}, field);
      }
    };
    (one(std::integral_constant<std::size_t, I>{}, fields), ...);
  }

  Use use_;
};

template <class K, class Types>
struct tables_of_collections;
template <class K, class... Collections>
struct tables_of_collections<K, type_list<Collections...>> {
  using type = std::tuple<typename table_of_collection<K, Collections>::type...>;
};

template <class Types, class... Kept>
struct only_collections {
  using type = type_list<Kept...>;
};
template <class First, class... Rest, class... Kept>
struct only_collections<type_list<First, Rest...>, Kept...>
    : std::conditional_t<is_collection<First>, only_collections<type_list<Rest...>, Kept..., First>,
                         only_collections<type_list<Rest...>, Kept...>> {};

/// The tables of the collections in `State`, and the way from a state to them. One thread at a time.
template <class K, class State>
class state_collections {
  using collections = typename only_collections<fields_of<State>>::type;
  using tables = typename tables_of_collections<K, collections>::type;

public:
  /// `table` is the name of the state's own table.
  explicit state_collections(const std::string& table)
      : state_collections(table, names(), std::make_index_sequence<collections::size>{}) {}

  void configure(key_group_range owned, std::uint32_t max_parallelism, bool track_changes) {
    std::apply([&](auto&... each) { (each.configure(owned, max_parallelism, track_changes), ...); }, tables_);
  }
  /// The tables are loaded, or stay empty.
  void ready() {
    std::apply([](auto&... each) { (each.ready(), ...); }, tables_);
  }
  void append_to(std::vector<any_state_table*>& all) {
    std::apply([&](auto&... each) { (all.push_back(&each.table()), ...); }, tables_);
  }

  /// Erases at most so many entries of a key. Returns how many.
  std::size_t erase(std::uint64_t hash, const K& key, std::size_t most) {
    std::size_t erased = 0;
    const auto from = [&](auto& each) {
      each.set_key(hash, key);
      erased += each.clear_some(most - erased);
    };
    std::apply([&](auto&... each) { (from(each), ...); }, tables_);
    return erased;
  }

  /// As long as it lives, the collections of one state are those of one key.
  class binding {
  public:
    binding(state_collections& of, std::uint64_t hash, const K& key, State& state) : state_(&state) {
      each_of(state, [&](auto number, auto& collection) {
        auto& table = std::get<number()>(of.tables_);
        table.set_key(hash, key);
        collection.weir_bind(&table);
      });
    }
    binding(const binding&) = delete;
    binding& operator=(const binding&) = delete;
    ~binding() {
      each_of(*state_, [](auto, auto& collection) { collection.weir_bind(nullptr); });
    }

  private:
    template <class Use>
    static void each_of(State& state, Use use) {
      collection_visitor<Use> visitor{std::move(use)};
      access::serialize(visitor, state, class_version_of<State>);
    }

    State* state_;
  };

private:
  template <std::size_t... I>
  state_collections(const std::string& table, const std::vector<std::string>& names, std::index_sequence<I...>)
      : tables_(collection_table_name(table, names.at(I))...) {}

  static std::vector<std::string> names() {
    collection_names archive;
    State state{};
    access::serialize(archive, state, class_version_of<State>);
    return archive.found();
  }

  tables tables_;
};

/// In place of them where a state has none.
struct no_collections {
  explicit no_collections(const char*) {}
};

} // namespace detail
} // namespace weir::inline v0

/// A state has its class version with its collections and without.
template <class State>
struct boost::serialization::version<weir::detail::kept_state<State>> {
  static constexpr unsigned value = weir::class_version_of<State>;
};
