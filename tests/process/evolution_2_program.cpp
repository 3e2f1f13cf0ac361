// The evolving job, version 2.
#define EVOLUTION 2
#include "process/evolution_job.hpp"

int main(int argc, char** argv) {
  return evolution::run(argc, argv);
}
