#!/usr/bin/env bash
# Two thousand seeds of the simulation; every kind of trouble must have happened. Uses all processors.
set -euo pipefail
exec "$WEIR_BINARY_DIR/tests/simulation/simulate_program" --seeds 2000 --every-kind
