// Lets the page open without a network. The build writes the two constants.
//
// Files whose names carry a hash of their contents never change and come from the cache. Everything
// else of the page is asked of the network first, so that no deploy is ever stale, and comes from the
// cache where there is no network. The worker's module is large: it is kept once it was used. A pack's
// weights are none of this script's business (web/loader keeps them); its manifest, which every visit
// asks for, is. A new version waits until the visitor takes it, or until no page of the old one is open.

const VERSION = "unbuilt";
const FILES = [];

const PREFIX = "temporal-lens-shell-";
const SHELL = PREFIX + VERSION;
/** Examples and manifests; they outlive a version. */
const KEPT = "temporal-lens-kept";
/** What the page opens with. */
const OPENING = ["examples/index.json", "examples/two-events.json", "dashboards/index.json"];
const WORKER = ["worker-loader.js", "worker.js", "worker_bg.wasm"];
// A hash that begins with zeros is shorter.
const HASHED = /-[0-9a-f]{8,16}(_bg)?\.(js|css|wasm|svg)$/;

const beside = (name) => new URL(name, self.registration.scope).href;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const used = await caches.match(beside("worker_bg.wasm"));
    const shell = await caches.open(SHELL);
    const names = FILES.filter((name) => used || !WORKER.includes(name));
    // The page is whole without its examples.
    await caches.open(KEPT).then((kept) => kept.addAll(OPENING.map(beside))).catch(() => {});
    await shell.addAll(names.map((name) => new Request(beside(name), { cache: "no-cache" })));
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== SHELL).map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
});

/** Where what is asked for is kept, and under which address; none for what is left alone. */
function place(request) {
  const url = new URL(request.url);
  if (request.method !== "GET" || request.headers.has("range") || !/^https?:$/.test(url.protocol)) return null;
  url.search = "";
  url.hash = "";
  if (url.pathname.endsWith("/manifest.json")) return { cache: KEPT, key: url.href };
  if (!url.href.startsWith(self.registration.scope)) return null;
  const name = url.href.slice(self.registration.scope.length);
  if (name === "" || name === "index.html") return { cache: SHELL, key: beside("index.html") };
  if (/^examples\/[\w-]+\.json$/.test(name)) return { cache: KEPT, key: url.href };
  return FILES.includes(name) ? { cache: SHELL, key: url.href, isHashed: HASHED.test(name) } : null;
}

self.addEventListener("fetch", (event) => {
  const found = place(event.request);
  if (found) event.respondWith(answer(event, found));
});

/**
 * A kept answer without the address it once came from: scripts read their parameters from their own address,
 * which is then the one that was asked for.
 */
function again({ body, status, headers }) {
  return new Response(body, { status, headers });
}

async function answer(event, { cache: name, key, isHashed }) {
  const cache = await caches.open(name);
  if (isHashed) {
    const kept = await cache.match(key);
    if (kept) return again(kept);
  }
  try {
    const response = await fetch(event.request);
    // Whole answers only: an error page must not take the place of the page. A redirected answer
    // cannot stand for a navigation.
    if (response.status === 200 && !response.redirected && response.type !== "opaque") {
      event.waitUntil(cache.put(key, response.clone()).catch(() => {}));
    }
    return response;
  } catch (error) {
    const kept = await cache.match(key);
    if (kept) return again(kept);
    throw error;
  }
}
