// A race on purpose: two threads write one integer without a lock.
#include <thread>

namespace {
int shared = 0;
}

int main() {
  std::thread other{[] {
    for (int i = 0; i < 1000; ++i)
      ++shared;
  }};
  for (int i = 0; i < 1000; ++i)
    ++shared;
  other.join();
  return shared == 0 ? 1 : 0;
}
