// A host of pack files on another origin that breaks connections where a test says, and counts bytes.

import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { basename, extname, join } from 'node:path';

/**
 * Serves a pack's folder. `ranges: false` sends whole files only; `pace` sends so many bytes every 20 ms;
 * `beside` is a folder served at the host's root or at `path`, beside the pack, with other `types` by a file's
 * ending and without what is `missing`. Answers:
 * `url` of the folder; `requests`, each { file, start, sent, referer } with the first byte, how many bytes
 * of the file went out, and the page that the browser named; `folder`, another one from when it is set; `wrong`, a function of a request's `file` and of
 * whether it is for a part, that answers with the fault of a partial or whole answer (`flip`: a bit of what is sent;
 * `fill`: every byte of it; `shift`: bytes from so much further on; `said`: so much is added to both ends in Content-Range), or nothing;
 * `cut(file, ...at)`, after which the next answers for `file` end at these
 * bytes of the file; `down`, true while every request is refused;
 * `portal`, a page that answers every request in place of its file; `gone`, true while no request is answered; `close()`.
 */
export async function startHost(folder, options = {}) {
  const { ranges = true, pace = 0, cacheControl = 'no-cache', beside, path: root = '/', types, missing } = options;
  const cuts = new Map();
  const host = { folder, requests: [], down: false, gone: false, cut: (file, ...at) => cuts.set(file, at) };
  const server = createServer((request, response) => {
    if (host.gone) return request.destroy();
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Expose-Headers', 'Content-Range');
    response.setHeader('Cache-Control', cacheControl);
    const { pathname } = new URL(request.url, 'http://host');
    const file = basename(pathname);
    if (host.portal) return response.setHeader('Content-Type', 'text/html').end(host.portal);
    if (beside && !pathname.startsWith('/pack/')) return sendBeside({ folder: beside, root, types, missing }, pathname, response);
    if (host.down) return response.writeHead(503).end();
    const path = join(host.folder, file);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile()) return response.writeHead(404).end();
    const range = ranges && /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = range ? Number(range[1]) : 0;
    const end = range && range[2] ? Math.min(Number(range[2]), stat.size - 1) : stat.size - 1;
    if (start >= stat.size) return response.writeHead(416, { 'Content-Range': `bytes */${stat.size}` }).end();
    const fault = host.wrong?.({ file, isPart: Boolean(range) });
    const said = fault?.said ?? 0;
    if (range) response.setHeader('Content-Range', `bytes ${start + said}-${end + said}/${stat.size}`);
    response.writeHead(range ? 206 : 200, { 'Content-Length': end - start + 1 });
    const at = cuts.get(file)?.shift();
    const broken = at !== undefined && at > start && at <= end;
    const last = broken ? at - 1 : end;
    host.requests.push({ file, start, sent: last - start + 1, referer: request.headers.referer });
    if (fault?.flip || fault?.shift || fault?.fill) return response.end(altered(path, { start, end, ...fault }));
    if (pace && !broken) return sendSlowly(path, { start, end, pace }, host.requests.at(-1), response);
    const stream = createReadStream(path, { start, end: last });
    stream.pipe(response, { end: !broken });
    // A fixed time, because nothing tells this host when the page has read what was sent, and a stream that fails drops what
    // its reader has not taken yet.
    if (broken) stream.on('end', () => setTimeout(() => response.destroy(), 200));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const origin = `http://127.0.0.1:${server.address().port}`;
  host.site = `${origin}${root}`;
  host.url = `${origin}/pack/`;
  host.of = (file) => host.requests.filter((request) => request.file === file);
  host.close = () => { server.closeAllConnections(); server.close(); };
  return host;
}

/** What a host sends in place of a file's bytes from `start` to `end`. */
function altered(path, { start, end, flip, fill, shift = 0 }) {
  const content = readFileSync(path);
  // As many bytes as were promised, from the file's beginning where it ends too early.
  const sent = Buffer.concat([content.subarray(start + shift, end + 1 + shift), content]).subarray(0, end + 1 - start);
  if (fill) sent.fill(fill);
  if (flip) sent[Math.floor(sent.length / 2)] ^= 0x10;
  return sent;
}

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json',
  '.wasm': 'application/wasm', '.svg': 'image/svg+xml',
};

function sendBeside({ folder, root, types, missing }, pathname, response) {
  const path = join(folder, pathname === root ? 'index.html' : decodeURIComponent(pathname.slice(root.length - 1)));
  if (!pathname.startsWith(root) || missing?.test(pathname) || !statSync(path, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end();
  response.setHeader('Content-Type', types?.[extname(path)] ?? TYPES[extname(path)] ?? 'application/octet-stream');
  return response.end(readFileSync(path));
}

/** Sends a part of a file slowly; `record.sent` is what went out, whenever the visitor leaves. */
async function sendSlowly(path, { start, end, pace }, record, response) {
  record.sent = 0;
  const content = readFileSync(path).subarray(start, end + 1);
  for (let at = 0; at < content.length && !response.destroyed; at += pace) {
    const piece = content.subarray(at, at + pace);
    response.write(piece);
    record.sent += piece.length;
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  response.end();
}

/** A port that nothing listens at. */
export async function freePort() {
  const server = createSocket();
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}
