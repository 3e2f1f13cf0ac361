// A use of freed memory, on purpose.
#include <memory>

int main(int argc, char**) {
  auto owner = std::make_unique<int>(argc);
  int* const volatile dangling = owner.get();
  owner.reset();
  return *dangling;
}
