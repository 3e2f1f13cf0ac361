// The note as text: the run, three numbers and the checksum of what is before it.
#include "store_note.hpp"

#include "checkpoint_manifest.hpp"

#include <charconv>
#include <span>

namespace weir::inline v0 {

namespace {

std::string checksum_text(std::string_view of) {
  return std::to_string(checksum_of_bytes(std::as_bytes(std::span{of})));
}

/// Takes the next word off; empty at the end.
std::string_view next_word(std::string_view& line) {
  const auto word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

template <class Id>
bool read(std::string_view& line, Id& id) {
  const auto word = next_word(line);
  const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), id.value);
  return failed == std::errc{} && end == word.data() + word.size();
}

} // namespace

std::string to_text(const store_note& note) {
  const std::string text = note.run + " " + to_string(note.last_given) + " " + to_string(note.complete) + " " +
                           to_string(note.highest_attempt);
  return text + " " + checksum_text(text);
}

std::optional<store_note> store_note_from(std::string_view line) {
  const auto end = line.rfind(' ');
  if (end == std::string_view::npos || checksum_text(line.substr(0, end)) != line.substr(end + 1))
    return std::nullopt;
  store_note note;
  note.run = next_word(line);
  if (!read(line, note.last_given) || !read(line, note.complete) || !read(line, note.highest_attempt))
    return std::nullopt;
  return note;
}

} // namespace weir::inline v0
