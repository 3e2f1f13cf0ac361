// The words of a line, for test programs that count them.
#pragma once

#include <weir/operators/collector.hpp>

#include <string>
#include <string_view>

namespace weir_test {

/// A word is a run of the letters a to z; capitals count as small ones.
inline void split_into_words(std::string_view line, weir::collector<std::string>& words) {
  std::string word;
  for (const char c : line) {
    const char small = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (small >= 'a' && small <= 'z') {
      word += small;
    } else if (!word.empty()) {
      words(word);
      word.clear();
    }
  }
  if (!word.empty())
    words(word);
}

} // namespace weir_test
