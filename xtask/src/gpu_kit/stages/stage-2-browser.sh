#!/bin/sh
# Stage 2, in the browser: the benches of the page next to other implementations.
set -eu
. "$(dirname "$0")/kit.sh"
within_limit "$SECONDS_2"

set -- --kit "$KIT" --browser "$BROWSER" --json "$RESULTS/bench.json" --rounds "$ROUNDS"
[ "$DEVICE" != gpu ] || set -- "$@" --gpu
for bench in $BENCHES; do
  set -- "$@" --only "$bench"
done
for tokens in $BENCH_TOKENS; do
  set -- "$@" --tokens "$tokens"
done
logged bench.txt xtask kit-bench "$@"
