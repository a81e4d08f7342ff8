// A host of pack files on another origin that breaks connections where a test says, and counts bytes.

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';

/**
 * Serves a pack's folder. `ranges: false` sends whole files only. Answers:
 * `url` of the folder; `requests`, each { file, start, sent } with the first byte and how many bytes
 * of the file went out; `cut(file, ...at)`, after which the next answers for `file` end at these
 * bytes of the file; `down`, true while every request is refused; `close()`.
 */
export async function startHost(folder, { ranges = true } = {}) {
  const cuts = new Map();
  const host = { requests: [], down: false, cut: (file, ...at) => cuts.set(file, at) };
  const server = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Cache-Control', 'no-cache');
    const file = basename(new URL(request.url, 'http://host').pathname);
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
    const stream = createReadStream(path, { start, end: last });
    stream.pipe(response, { end: !broken });
    // What was sent has to be on its way before the connection ends.
    if (broken) stream.on('end', () => setTimeout(() => response.destroy(), 200));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  host.url = `http://127.0.0.1:${server.address().port}/pack/`;
  host.of = (file) => host.requests.filter((request) => request.file === file);
  host.close = () => { server.closeAllConnections(); server.close(); };
  return host;
}
