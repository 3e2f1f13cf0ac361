// The evolving job, version 1.
#define EVOLUTION 1
#include "process/evolution_job.hpp"

int main(int argc, char** argv) {
  return evolution::run(argc, argv);
}
