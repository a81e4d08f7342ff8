#!/bin/sh
# Stage 1, natively on Vulkan: every kernel against the CPU, the speed of each, whole analyses.
set -eu
. "$(dirname "$0")/kit.sh"
within_limit "$SECONDS_1"

if [ "$CHECK" = yes ]; then
  echo "== kernels against the CPU"
  logged kernels-checked.txt temporal-lens kernels --device "$DEVICE"
fi
echo "== speed of kernels and analyses"
set -- --device "$DEVICE" --bench --model "$KIT/site/models/default"
[ -z "$PEAK" ] || set -- "$@" --peak "$PEAK"
for tokens in $KERNEL_TOKENS; do
  set -- "$@" --tokens "$tokens"
done
# shellcheck disable=SC2086 # Several flags.
logged kernels.txt temporal-lens kernels "$@" $KERNEL_FLAGS
