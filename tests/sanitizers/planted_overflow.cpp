// A signed overflow, on purpose.
#include <limits>

int main(int argc, char**) {
  volatile int largest = std::numeric_limits<int>::max();
  return largest + argc;
}
