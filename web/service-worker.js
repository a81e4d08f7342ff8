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
const OPENING = ["examples/index.json", "examples/three-scenes.json", "dashboards/index.json"];
const WORKER = ["worker.js", "worker_bg.wasm"];
/** What the build writes into the page. */
const MARK = '<meta name="temporal-lens-shell" content="';
// A hash that begins with zeros is shorter.
const HASHED = /-[0-9a-f]{8,16}(_bg)?\.(js|css|wasm|svg)$/;

const beside = (name) => new URL(name, self.registration.scope).href;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const used = await caches.match(beside("worker_bg.wasm"));
    const shell = await caches.open(SHELL);
    const names = FILES.filter((name) => used || !WORKER.includes(name));
    const fetched = async (cache, name) => {
      const response = await fetch(new Request(beside(name), { cache: "no-cache" }));
      if (!await keep(cache, beside(name), response)) throw new Error(`${name} is not a file of this site`);
    };
    // The page is whole without its examples.
    await caches.open(KEPT).then((kept) => Promise.all(OPENING.map((name) => fetched(kept, name)))).catch(() => {});
    await Promise.all(names.map((name) => fetched(shell, name)));
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

/**
 * Whether an answer is what its address promises. A network that wants its visitors to log in first answers every address
 * with a page of its own, and so do hosts with a page for what is not there: as 200.
 */
async function isOurs(key, response) {
  if (key === beside("index.html")) return (await response.text()).includes(MARK);
  if (/^\s*text\/html\b/i.test(response.headers.get("content-type") ?? "")) return false;
  return key.endsWith(".json") ? response.json().then(() => true, () => false) : true;
}

/** Stores an answer; tells whether it was one to store. */
async function keep(cache, key, response) {
  // Whole answers only: an error page must not take the place of the page.
  if (response.status !== 200 || response.type === "opaque") return false;
  if (!await isOurs(key, response.clone())) return false;
  await cache.put(key, response);
  return true;
}

async function answer(event, { cache: name, key, isHashed }) {
  const cache = await caches.open(name);
  if (isHashed) {
    const kept = await cache.match(key);
    if (kept) return again(kept);
  }
  try {
    const response = await fetch(event.request);
    // A redirected answer cannot stand for a navigation.
    if (!response.redirected) event.waitUntil(keep(cache, key, response.clone()).catch(() => {}));
    return response;
  } catch (error) {
    const kept = await cache.match(key);
    if (kept) return again(kept);
    throw error;
  }
}
