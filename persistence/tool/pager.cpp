#include "pager.hpp"

#include <csignal>
#include <cstdlib>
#include <string>

#include <unistd.h>

namespace weir::tool {

pager::pager(bool wanted) : terminal_(::isatty(STDOUT_FILENO) != 0) {
  const char* named = std::getenv("PAGER"); // NOLINT(concurrency-mt-unsafe): before there are threads
  const std::string program = named ? named : "less";
  if (!wanted || !terminal_ || program.empty())
    return;
  std::signal(SIGPIPE, SIG_IGN); // a pager that is left early is no failure
  ::setenv("LESS", "FRSX", 0);   // NOLINT(concurrency-mt-unsafe): short output is shown at once
  const std::string first = program.substr(0, program.find(' '));
  if (std::system(("command -v '" + first + "' >/dev/null 2>&1").c_str()) == 0) // NOLINT: as a shell would
    pipe_ = ::popen(program.c_str(), "w"); // NOLINT(cert-env33-c): what the user has named
}

pager::~pager() {
  if (pipe_)
    ::pclose(pipe_);
}

} // namespace weir::tool
