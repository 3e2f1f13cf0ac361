// The main function of a replay: runs the target once with each file of the folders that are named.
#include "fuzz_check.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

std::vector<std::filesystem::path> files_of(const std::filesystem::path& given) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::is_directory(given))
    return {given};
  for (const auto& each : std::filesystem::directory_iterator{given})
    files.push_back(each.path());
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace

int main(int argc, char** argv) {
  std::size_t runs = 0;
  for (int i = 1; i < argc; ++i)
    for (const auto& file : files_of(argv[i])) {
      std::fprintf(stderr, "%s\n", file.c_str()); // the last one is that which ended the process
      std::ifstream stream{file, std::ios::binary};
      const std::string bytes{std::istreambuf_iterator<char>{stream}, {}};
      if (!stream) {
        std::fprintf(stderr, "cannot read it\n");
        return 1;
      }
      // A copy of exactly this size, so that a sanitizer sees what is read beyond it.
      const std::vector<std::uint8_t> input{bytes.begin(), bytes.end()};
      static_cast<void>(LLVMFuzzerTestOneInput(input.data(), input.size()));
      ++runs;
    }
  std::printf("%zu inputs\n", runs);
  return runs == 0 ? 1 : 0; // an empty corpus tests nothing
}
