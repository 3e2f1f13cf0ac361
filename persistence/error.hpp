// The one exception family of the library.
#pragma once

#include <stdexcept>
#include <string>

namespace weir::inline v0 {

/// What every error says: the thing it is about, what was expected of it, what was found, and what to change.
struct error_text {
  std::string thing;
  std::string expected; ///< may be empty
  std::string found;    ///< may be empty
  std::string remedy;   ///< may be empty
};

/// Base of all exceptions that the library throws. `what()` is one line.
class error : public std::runtime_error {
public:
  explicit error(error_text text);

  [[nodiscard]] const error_text& text() const noexcept { return text_; }
  /// What a command line exits with for this error: 2 if it was asked wrongly, 1 if it failed.
  [[nodiscard]] virtual int exit_code() const noexcept { return 1; }

private:
  error_text text_;
};

/// A job, an option or an argument that cannot be carried out as it was given.
class usage_error : public error {
public:
  using error::error;
  [[nodiscard]] int exit_code() const noexcept override { return 2; }
};

/// A job whose composition has problems: all of them, a line each, in `what()`.
class job_error : public usage_error {
public:
  using usage_error::usage_error;
};

/// A store that cannot be opened or used as asked: another job's, another version's, locked, damaged, missing.
class store_error : public error {
public:
  using error::error;
  [[nodiscard]] int exit_code() const noexcept override { return 2; }
};

/// Bytes that are not what their checksum, length or format says.
class damaged_error : public store_error {
public:
  using store_error::store_error;
};

/// A read or write that the system refused: a full disk, a vanished file, a failed sync.
class io_error : public error {
public:
  using error::error;
};

/// A path that cannot be used as it was given: no such folder, no permission, a file system that can only be read.
class path_error : public io_error {
public:
  using io_error::io_error;
  [[nodiscard]] int exit_code() const noexcept override { return 2; }
};

/// A job that ran and failed; `what()` holds the first cause.
class job_failed : public error {
public:
  using error::error;
};

/// User code that does not return, so that its actor can't end: only the end of the process helps.
class stuck_error : public job_failed {
public:
  using job_failed::job_failed;
};

} // namespace weir::inline v0
