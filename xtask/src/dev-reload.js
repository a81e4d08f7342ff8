// Reloads the page after each build of `cargo xtask dev`, which then writes another number into a file.
(async () => {
  const build = async () => {
    const answer = await fetch('BUILD_FILE', { cache: 'no-store' }).catch(() => null);
    return answer?.ok ? answer.text() : null;
  };
  const shown = await build();
  setInterval(async () => {
    // Between two builds, or while the server is down, there is no number.
    const latest = await build();
    if (latest !== null && latest !== shown) window.location.reload();
  }, 500);
})();
