// The evolving job, version 3.
#define EVOLUTION 3
#include "process/evolution_job.hpp"

int main(int argc, char** argv) {
  return evolution::run(argc, argv);
}
