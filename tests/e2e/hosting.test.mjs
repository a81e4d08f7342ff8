// The site as other hosts serve it: nginx below a path, Python's server without ranges, wrong types; and
// result files made elsewhere.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { analyze, launch, open } from './lib/browser.mjs';
import { dist, nginx, out, packs, python, pythonModules, root, site, xtask } from './lib/environment.mjs';
import { show } from './lib/examples.mjs';
import { downloadJson } from './lib/files.mjs';
import { freePort, startHost } from './lib/host.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

const run = promisify(execFile);
const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const TEXT = 'Once upon a time, a little girl named Alice loved looking at the night sky.';
const SLOW = { timeout: 600_000 };
const folder = join(out, 'hosting');

/** Bytes of all files below a folder. */
function bytesBelow(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Waits until `process` answers at `url`. */
function answers(url, process) {
  return until(async () => {
    assert.equal(process.exitCode, null, 'the server ended');
    return fetch(url).then((response) => response.ok, () => false);
  }, `an answer at ${url}`);
}

describe('on other hosts', () => {
  let browser;
  const running = [];
  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    browser = await launch({ webgpu: false });
  });
  after(async () => {
    running.forEach((it) => (it.kill ? it.kill() : it.close()));
    await browser?.close();
  });

  test('nginx below a path', SLOW, async () => {
    const pack = join(packs, (await commandLine.packPair(PAIR, 'nginx')).replace(/^packs\//, ''));
    const port = await freePort();
    // As the documents give them: the worker is bound by them, too.
    const headers = readFileSync(join(root, 'docs/hosting.md'), 'utf8').match(/^add_header .*;$/gm).join('\n');
    assert.match(headers, /Content-Security-Policy/);
    const config = join(folder, 'nginx.conf');
    writeFileSync(config, `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
      ${process.getuid() === 0 ? 'user root;' : ''}
      events {} http { access_log off;
        client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
        server { listen 127.0.0.1:${port};
          ${headers}
          location /deep/path/pack/ { alias ${pack}/; }
          location /deep/path/ { alias ${dist}/;
            types { text/html html; text/css css; text/javascript js; application/wasm wasm; application/json json; image/svg+xml svg; image/png png; }
            default_type application/octet-stream; } } }`);
    const server = spawn(nginx, ['-p', folder, '-c', config], { stdio: ['ignore', 'ignore', 'inherit'] });
    running.push(server);
    const url = `http://localhost:${port}/deep/path/`;
    await answers(url, server);
    // The static pages of the examples: a folder is its index, a picture is one.
    for (const [file, type] of [['', /^text\/html/], ['picture.png', /^image\/png$/]]) {
      const response = await fetch(`${url}e/two-events/${file}`);
      assert.equal(response.status, 200, file);
      assert.match(response.headers.get('content-type'), type);
    }
    const page = await open(browser, `${url}?model=pack/`);
    await reach(page, 'heatmap');
    assert.equal(await analyze(page, TEXT), 'done');
    assert.equal((await downloadJson(page)).text, TEXT);
    const outside = page.requested.filter((it) => /^http/.test(it) && !it.startsWith(url));
    assert.deepEqual(outside, []);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('the zip from a stick: Python’s server, no ranges, the real model', SLOW, async () => {
    // The README's command.
    const made = join(folder, 'made');
    await run(xtask, ['dist', '--with-model', '--out', made], { cwd: root });
    // Its size is what the documents say, to a tenth.
    const megabytes = bytesBelow(made) / 1e6;
    for (const [name, phrase] of [['README.md', /any static host: (\d+) MB/], ['docs/hosting.md', /(\d+) MB, no file over 50 MB/]]) {
      const [, said] = phrase.exec(readFileSync(join(root, name), 'utf8'));
      assert.ok(Math.abs(said / megabytes - 1) < 0.1, `${name} says ${said} MB, the folder has ${megabytes} MB`);
    }
    const unzipped = join(folder, 'stick');
    await run(python, ['-m', 'zipfile', '-e', `${made}.zip`, unzipped]);
    const port = await freePort();
    const server = spawn(python, ['-m', 'http.server', '--bind', '127.0.0.1', '--directory', join(unzipped, 'made'), String(port)], { stdio: 'ignore' });
    running.push(server);
    const url = `http://localhost:${port}/`;
    await answers(url, server);
    const page = await open(browser, url);
    await reach(page, 'heatmap');
    assert.equal(await analyze(page, 'The fox saw the hen.', { timeout: 300_000 }), 'done');
    const document = await downloadJson(page);
    assert.equal(document.tokens.length, 7);
    assert.ok(document.variance_explained > 0.5, String(document.variance_explained));
    assert.deepEqual(page.requested.filter((it) => /^http/.test(it) && !it.startsWith(url)), []);
    await page.context().close();
  });

  /** The built page, served with faults, beside a small pack. */
  async function startFaulty(faults) {
    const pack = join(packs, (await commandLine.packPair(PAIR, 'faulty')).replace(/^packs\//, ''));
    const host = await startHost(pack, { beside: dist, ...faults });
    running.push(host);
    return host.site;
  }

  for (const type of ['application/octet-stream', 'text/plain']) {
    test(`wasm as ${type} works, in the page and in its worker`, SLOW, async () => {
      const page = await open(browser, `${await startFaulty({ types: { '.wasm': type } })}?model=pack/`);
      await reach(page, 'heatmap');
      await show(page, 'poem');
      assert.equal(await analyze(page, TEXT), 'done');
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }

  test('scripts as text: the page says what is wrong with its host', async () => {
    const url = await startFaulty({ types: { '.js': 'text/plain' } });
    const page = await open(browser, url, { main: '#boot[role="alert"]' });
    const said = await page.locator('#boot').innerText();
    assert.match(said, /serves .*\.js as “text\/plain”/);
    assert.match(said, /text\/javascript/);
    await page.context().close();
  });

  test('a site that was not copied whole says which file is missing', async () => {
    const url = await startFaulty({ missing: /app-.*\.js$/ });
    const page = await open(browser, url, { main: '#boot[role="alert"]' });
    assert.match(await page.locator('#boot').innerText(), /answers 404 for .*app-.*\.js: the site was not copied whole/);
    await page.context().close();
  });

  test('Python turns the notebook’s tensors into a result the page opens', SLOW, async () => {
    const pack = join(packs, (await commandLine.packPair(PAIR, 'notebook')).replace(/^packs\//, ''));
    const tensors = join(folder, 'tensors.safetensors');
    const expected = await commandLine.analyze(pack, TEXT, '--dump', tensors);
    const script = join(folder, 'notebook.py');
    writeFileSync(script, `
import json, struct, sys
import numpy as np
sys.path.insert(0, ${JSON.stringify(join(root, 'python'))})
import temporal_lens as tl
data = open(sys.argv[1], "rb").read()
size, = struct.unpack("<Q", data[:8])
def tensor(name):  # with the notebook's batch dimension
    entry = json.loads(data[8:8 + size])[name]
    start, end = entry["data_offsets"]
    return np.frombuffer(data[8 + size + start:8 + size + end], {"F32": "<f4", "I64": "<i8"}[entry["dtype"]]).reshape(1, *entry["shape"])
expected = json.load(open(sys.argv[2]))
results = {name: tensor(name) for name in ["residual", "recons", "novel_codes", "pred_codes", "novel_recons", "pred_recons"]}
tl.save(tl.from_tensors(text=expected["text"], tokens=expected["tokens"], token_ids=tensor("token_ids")[0], **results,
                        model="google/gemma-2-2b", layer=12, neuronpedia="gemma-2-2b/12-temporal-res"), sys.argv[3])
`);
    const wanted = join(folder, 'expected.json');
    writeFileSync(wanted, JSON.stringify(expected));
    const made = join(packs, 'from-notebook.json');
    await run(python, [script, tensors, wanted, made], { env: { ...process.env, PYTHONPATH: pythonModules } });
    const document = JSON.parse(readFileSync(made, 'utf8'));
    for (const key of ['text', 'token_ids', 'tokens', 'l0_novel', 'l0_pred', 'l0_total']) assert.deepEqual(document[key], expected[key], key);
    const near = (a, b, what) => assert.ok(Math.abs(a - b) <= 1e-4 * Math.max(1, Math.abs(b)), `${what}: ${a}, ${b}`);
    near(document.variance_explained, expected.variance_explained, 'variance explained');
    for (const key of ['min', 'max', 'mean']) near(document.similarity_stats[key], expected.similarity_stats[key], key);
    assert.equal(document.selected.feature, expected.selected.feature);
    document.novel_top.forEach((row, t) => {
      const own = expected.novel_top[t];
      row.slice(0, own.length).forEach(({ value }, i) => near(value, own[i].value, `novel ${t} ${i}`));
    });
    for (const key of Object.keys(expected.energy ?? {})) {
      expected.energy[key].forEach((value, t) => near(document.energy[key][t], value, `energy of ${key} at ${t}`));
    }
    for (const key of Object.keys(expected.grams ?? {})) {
      const read = (text) => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);
      const [a, b] = [read(document.grams[key]), read(expected.grams[key])];
      assert.equal(a.length, b.length);
      const scale = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      b.forEach((value, i) => assert.ok(Math.abs(a[i] - value) <= 1e-4 * scale, `${key} ${i}: ${a[i]}, ${value}`));
    }
    const page = await open(browser, `${site}?result=packs/from-notebook.json`);
    await reach(page, 'heatmap');
    assert.equal(await page.locator('main').getAttribute('data-analysis-tokens'), String(expected.tokens.length));
    await reach(page, 'neuronpedia-feature');
    await page.context().close();
  });
});
