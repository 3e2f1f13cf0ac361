// A program of someone else's: it uses the installed library, and prints a line with the word "weir".
#include <weir/persistence/error.hpp>

#include <iostream>

int main() {
  try {
    throw weir::usage_error{{.thing = "weir", .expected = "an installed library", .found = {}, .remedy = {}}};
  } catch (const weir::error& e) {
    std::cout << e.what() << '\n';
    return e.exit_code() == 2 ? 0 : 1;
  }
}
