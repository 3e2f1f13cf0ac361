#include "prepared_files.hpp"

#include "../persistence/error.hpp"
#include "flat_json.hpp"

#include <cstddef>
#include <string_view>

namespace weir::inline v0 {

namespace {

std::string numbered(std::string_view name, std::size_t index) {
  return std::string{name} + "." + std::to_string(index);
}

void check_inside(const std::string& name) {
  if (name.empty() || name.front() == '/' || ("/" + name + "/").find("/../") != std::string::npos)
    throw damaged_error({"a prepared output of a sink of files", "names of files in its folder", name,
                         "restore the store from a copy, or begin anew with --fresh --replace-output"});
}

} // namespace

std::string to_json(const std::vector<prepared_file>& files, bool many) {
  if (!many)
    return flat_json{}.set("file", files[0].from).set("final", files[0].to).set("bytes", files[0].bytes).to_string();
  flat_json object;
  object.set("files", files.size());
  for (std::size_t i = 0; i < files.size(); ++i)
    object.set(numbered("file", i), files[i].from)
        .set(numbered("final", i), files[i].to)
        .set(numbered("bytes", i), files[i].bytes);
  return object.to_string();
}

std::vector<prepared_file> prepared_files(const std::string& json) {
  const auto object = flat_json::parse(json, "a prepared output of a sink of files");
  std::vector<prepared_file> files;
  if (!object.has("files")) {
    files.push_back({object.text("file"), object.text("final"), object.number("bytes")});
  } else {
    // Thousands of files: by their places, where they are written.
    const std::uint64_t count = object.number("files");
    for (std::size_t i = 0; i < count; ++i)
      files.push_back({object.text_at(1 + 3 * i, numbered("file", i)), object.text_at(2 + 3 * i, numbered("final", i)),
                       object.number_at(3 + 3 * i, numbered("bytes", i))});
  }
  for (const auto& each : files) {
    check_inside(each.from);
    check_inside(each.to);
  }
  return files;
}

} // namespace weir::inline v0
