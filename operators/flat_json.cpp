#include "flat_json.hpp"

#include "../persistence/error.hpp"

#include <charconv>

namespace weir::inline v0 {

namespace {

class flat_json_parser {
public:
  flat_json_parser(std::string_view json, const std::string& thing) : json_(json), thing_(thing) {}

  [[noreturn]] void fail() const {
    throw damaged_error({thing_, "a JSON object of text and whole numbers", std::string{json_.substr(0, 200)},
                         "restore the store from a copy, or begin anew with --fresh"});
  }

  void skip_space() {
    while (at_ < json_.size() && std::string_view{" \t\r\n"}.find(json_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ == json_.size() || json_[at_] != c)
      return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c))
      fail();
  }
  [[nodiscard]] bool at_text() {
    skip_space();
    return at_ < json_.size() && json_[at_] == '"';
  }
  [[nodiscard]] bool at_end() {
    skip_space();
    return at_ == json_.size();
  }

  std::string text() {
    expect('"');
    std::string out;
    for (;;) {
      if (at_ == json_.size())
        fail();
      const char c = json_[at_++];
      if (c == '"')
        return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ == json_.size())
        fail();
      escape(json_[at_++], out);
    }
  }

  std::uint64_t number() {
    skip_space();
    std::uint64_t value = 0;
    const auto [end, fault] = std::from_chars(json_.data() + at_, json_.data() + json_.size(), value);
    if (fault != std::errc{})
      fail();
    at_ = static_cast<std::size_t>(end - json_.data());
    return value;
  }

private:
  void escape(char c, std::string& out) {
    switch (c) {
    case 'n':
      out += '\n';
      return;
    case 't':
      out += '\t';
      return;
    case 'r':
      out += '\r';
      return;
    case 'b':
      out += '\b';
      return;
    case 'f':
      out += '\f';
      return;
    case '"':
    case '\\':
    case '/':
      out += c;
      return;
    case 'u': {
      // Only control characters are written this way.
      unsigned value = 0;
      if (json_.size() - at_ < 4)
        fail();
      const char* first = json_.data() + at_;
      const auto [end, fault] = std::from_chars(first, first + 4, value, 16);
      if (fault != std::errc{} || end != first + 4 || value > 0x7f)
        fail();
      at_ += 4;
      out += static_cast<char>(value);
      return;
    }
    default:
      fail();
    }
  }

  std::string_view json_;
  const std::string& thing_;
  std::size_t at_ = 0;
};

} // namespace

flat_json flat_json::parse(std::string_view json, std::string thing) {
  flat_json object;
  object.thing_ = std::move(thing);
  flat_json_parser parser{json, object.thing_};
  parser.expect('{');
  if (!parser.take('}')) {
    do {
      member each;
      each.name = parser.text();
      parser.expect(':');
      if (parser.at_text()) {
        each.text = parser.text();
      } else {
        each.number = parser.number();
        each.is_number = true;
      }
      object.members_.push_back(std::move(each));
    } while (parser.take(','));
    parser.expect('}');
  }
  if (!parser.at_end())
    parser.fail();
  return object;
}

flat_json& flat_json::set(std::string_view name, std::string_view text) {
  members_.push_back({std::string{name}, std::string{text}, 0, false});
  return *this;
}

flat_json& flat_json::set(std::string_view name, std::uint64_t number) {
  members_.push_back({std::string{name}, {}, number, true});
  return *this;
}

bool flat_json::has(std::string_view name) const {
  for (const auto& each : members_)
    if (each.name == name)
      return true;
  return false;
}

const flat_json::member& flat_json::find(std::string_view name, bool is_number) const {
  for (const auto& each : members_)
    if (each.name == name && each.is_number == is_number)
      return each;
  refuse(name, is_number);
}

const flat_json::member& flat_json::at(std::size_t place, std::string_view name, bool is_number) const {
  if (place >= members_.size() || members_[place].name != name || members_[place].is_number != is_number)
    refuse(name, is_number);
  return members_[place];
}

void flat_json::refuse(std::string_view name, bool is_number) const {
  throw damaged_error({thing_,
                       std::string{is_number ? "a whole number" : "text"} + " named \"" + std::string{name} + "\"",
                       to_string().substr(0, 1000), "restore the store from a copy, or begin anew with --fresh"});
}

const std::string& flat_json::text_at(std::size_t place, std::string_view name) const {
  return at(place, name, false).text;
}
std::uint64_t flat_json::number_at(std::size_t place, std::string_view name) const {
  return at(place, name, true).number;
}

const std::string& flat_json::text(std::string_view name) const {
  return find(name, false).text;
}
std::uint64_t flat_json::number(std::string_view name) const {
  return find(name, true).number;
}

std::string flat_json::to_string() const {
  std::string out = "{";
  for (const auto& each : members_) {
    if (out.size() > 1)
      out += ',';
    append_json_text(out, each.name);
    out += ':';
    if (each.is_number)
      out += std::to_string(each.number);
    else
      append_json_text(out, each.text);
  }
  return out += '}';
}

std::map<std::string, std::uint64_t, std::less<>> flat_json::numbers() const {
  std::map<std::string, std::uint64_t, std::less<>> all;
  for (const auto& each : members_)
    if (!each.is_number || !all.emplace(each.name, each.number).second)
      throw damaged_error({thing_, "distinct names of whole numbers", to_string().substr(0, 200),
                           "restore the store from a copy, or begin anew with --fresh"});
  return all;
}

std::string json_number(std::string_view name, std::uint64_t number) {
  char digits[24];
  const char* end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  std::string out;
  out.reserve(name.size() + 28);
  out += "{\"";
  out += name;
  out += "\":";
  out.append(digits, static_cast<std::size_t>(end - digits));
  return out += '}';
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        constexpr std::string_view hex = "0123456789abcdef";
        out += "\\u00";
        out += hex[static_cast<unsigned char>(c) >> 4];
        out += hex[static_cast<unsigned char>(c) & 15];
      } else {
        out += c;
      }
    }
  }
  out += '"';
}

} // namespace weir::inline v0
