# What the stages share: each reads this first.

KIT=$(cd "$(dirname "$0")" && pwd)
. "$KIT/settings.sh"
: "${RESULTS=$KIT/results}"
mkdir -p "$RESULTS"

# The kit's programs before the machine's; of libraries all but the C library.
PATH=$KIT/bin:$PATH
export PATH
with_libraries() {
  LD_LIBRARY_PATH="$KIT/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$@"
}
# Runs a program of the kit, what it prints on the screen and in a file of the results; fails as the program does.
logged() {
  log=$RESULTS/$1
  shift
  { with_libraries "$@" 2>&1 && status=0 || status=$?; echo "$status" > "$KIT/status"; } | tee -a "$log"
  return "$(cat "$KIT/status")"
}

# The driver: one that the kit names, or NVIDIA's where the loader of Vulkan does not look by itself.
if [ -n "$DRIVER" ]; then
  VK_DRIVER_FILES=$KIT/$DRIVER
  export VK_DRIVER_FILES
elif [ -z "${VK_DRIVER_FILES-}" ] && [ -f /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json ]; then
  VK_DRIVER_FILES=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
  export VK_DRIVER_FILES
fi
# Older loaders know only this one.
VK_ICD_FILENAMES=${VK_DRIVER_FILES-}
[ -z "$VK_ICD_FILENAMES" ] || export VK_ICD_FILENAMES

if [ -d "$KIT/fonts" ]; then
  printf '<fontconfig><dir>%s</dir><cachedir>%s</cachedir></fontconfig>\n' "$KIT/fonts" "$KIT/font-cache" > "$KIT/fonts.conf"
  FONTCONFIG_FILE=$KIT/fonts.conf
  export FONTCONFIG_FILE
fi

# Whatever hangs, the stage ends.
within_limit() {
  if [ -z "${WITHIN_LIMIT-}" ]; then
    WITHIN_LIMIT=yes
    export WITHIN_LIMIT
    exec timeout --kill-after=10 "$1" sh "$0"
  fi
}
