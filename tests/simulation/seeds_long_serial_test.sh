#!/usr/bin/env bash
# A hundred thousand seeds of the simulation, others than the short test's. Uses all processors.
set -euo pipefail
exec "$WEIR_BINARY_DIR/tests/simulation/simulate_program" --seeds 100000 --first-seed 10000 --every-kind
