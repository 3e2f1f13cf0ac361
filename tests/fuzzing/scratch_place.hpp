// A folder for a fuzz target's files, in memory where there is such a place, gone when the process ends as it should.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include <unistd.h>

namespace weir_fuzz {

class scratch_place {
public:
  scratch_place() {
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    std::string name = (memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/weir-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw std::runtime_error{"cannot make a folder like " + name};
    path_ = name;
  }
  scratch_place(const scratch_place&) = delete;
  scratch_place& operator=(const scratch_place&) = delete;
  ~scratch_place() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Removes all files.
  void clear() const {
    for (const auto& each : std::filesystem::directory_iterator{path_})
      std::filesystem::remove(each.path());
  }
  /// Writes a file and returns its path.
  std::filesystem::path write(std::string_view name, std::string_view bytes) const {
    const auto path = path_ / name;
    std::ofstream file{path, std::ios::binary};
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush())
      throw std::runtime_error{"cannot write " + path.string()};
    return path;
  }
  [[nodiscard]] static std::string read(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

private:
  std::filesystem::path path_;
};

} // namespace weir_fuzz
