#!/usr/bin/env bash
# A thousand seeds more, so that no test takes a minute.
set -euo pipefail
exec "$WEIR_BINARY_DIR/tests/simulation/simulate_program" --seeds 1000 --first-seed 1001 --every-kind
