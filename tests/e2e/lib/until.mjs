// Waiting for what happens outside the page: in a test's own host, in a server's process.

/** Milliseconds between two looks. */
const LOOK_EVERY_MS = 20;

/** Waits until `isTrue` answers so; after `limit` milliseconds fails with `what`, which was waited for. */
export async function until(isTrue, what, limit = 60_000) {
  const end = performance.now() + limit;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${limit} ms`);
    await new Promise((resolve) => { setTimeout(resolve, LOOK_EVERY_MS); });
  }
}
