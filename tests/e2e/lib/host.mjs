// A host of pack files on another origin that breaks connections where a test says, and counts bytes.

import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, extname, join } from 'node:path';

/**
 * Serves a pack's folder. `ranges: false` sends whole files only; `pace` sends so many bytes every 20 ms;
 * `beside` is a folder served at the host's root or at `path`, beside the pack, with other `types` by a file's
 * ending and without what is `missing`. Answers:
 * `url` of the folder; `requests`, each { file, start, sent } with the first byte and how many bytes
 * of the file went out; `cut(file, ...at)`, after which the next answers for `file` end at these
 * bytes of the file; `down`, true while every request is refused; `gone`, true while nobody answers; `close()`.
 */
export async function startHost(folder, { ranges = true, pace = 0, beside, path: root = '/', types, missing } = {}) {
  const cuts = new Map();
  const host = { requests: [], down: false, gone: false, cut: (file, ...at) => cuts.set(file, at) };
  const server = createServer((request, response) => {
    if (host.gone) return request.destroy();
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Cache-Control', 'no-cache');
    const { pathname } = new URL(request.url, 'http://host');
    const file = basename(pathname);
    if (beside && !pathname.startsWith('/pack/')) return sendBeside({ folder: beside, root, types, missing }, pathname, response);
    if (host.down) return response.writeHead(503).end();
    const path = join(folder, file);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile()) return response.writeHead(404).end();
    const range = ranges && /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = range ? Number(range[1]) : 0;
    const end = range && range[2] ? Math.min(Number(range[2]), stat.size - 1) : stat.size - 1;
    if (start >= stat.size) return response.writeHead(416, { 'Content-Range': `bytes */${stat.size}` }).end();
    if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${stat.size}`);
    response.writeHead(range ? 206 : 200, { 'Content-Length': end - start + 1 });
    const at = cuts.get(file)?.shift();
    const broken = at !== undefined && at > start && at <= end;
    const last = broken ? at - 1 : end;
    host.requests.push({ file, start, sent: last - start + 1 });
    if (pace && !broken) return sendSlowly(path, { start, end, pace }, host.requests.at(-1), response);
    const stream = createReadStream(path, { start, end: last });
    stream.pipe(response, { end: !broken });
    // The page has to have read what was sent, which nothing tells this host: a stream that fails drops what its reader
    // has not taken yet.
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
