// How files come and stay: broken connections, hosts without ranges, storage, lost devices. On packs
// of some kilobytes from a host of the tests' own, so that every byte is counted.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { analyze, diagnostics, launch, open, screenshot, visitor, waitForState } from './lib/browser.mjs';
import { packs, site } from './lib/environment.mjs';
import { downloadJson } from './lib/files.mjs';
import { startHost } from './lib/host.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { damage, storedNames } from './lib/storage.mjs';
import { until } from './lib/until.mjs';
import { ask, startWorker } from './lib/worker.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const TEXT = 'Once upon a time, a little girl named Alice loved looking at the night sky.';
const LIMIT = { timeout: 240_000 };

const errorOf = (page) => page.getByTestId('error').innerText();
const isEmbedding = ({ file }) => file.startsWith('embedding');
const sent = (requests) => requests.reduce((sum, request) => sum + request.sent, 0);

async function done(page, text = TEXT) {
  const state = await analyze(page, text);
  assert.equal(state, 'done', state === 'error' ? await errorOf(page) : state);
}

/** A copy of a pack's folder, as `packs/NAME`. */
function copyOf(folder, name) {
  const copy = join(packs, name);
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  return copy;
}

/** A copy of a pack at f32 that differs in the signs of a third of the embedding's values, with checksums to match. */
function withOtherRows(folder, name) {
  const copy = copyOf(folder, name);
  const manifest = JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8'));
  const { embedding, row_checks: { rows, list } } = manifest;
  const sha256 = (...pieces) => pieces.reduce((hash, piece) => hash.update(piece), createHash('sha256')).digest();
  const checks = [];
  for (const shard of embedding.shards) {
    const bytes = readFileSync(join(copy, shard.file));
    for (let at = embedding.data_start + 3; at < bytes.length; at += 12) bytes[at] ^= 0x80;
    writeFileSync(join(copy, shard.file), bytes);
    shard.sha256 = sha256(bytes).toString('hex');
    for (let at = embedding.data_start; at < bytes.length; at += rows * embedding.row_bytes) {
      const number = Buffer.alloc(4);
      number.writeUInt32LE(checks.length);
      checks.push(sha256(number, bytes.subarray(at, at + rows * embedding.row_bytes)).subarray(0, 8));
    }
  }
  const content = Buffer.concat(checks);
  writeFileSync(join(copy, list.file), content);
  list.sha256 = sha256(content).toString('hex');
  writeFileSync(join(copy, 'manifest.json'), sealed(manifest));
  return copy;
}

/** A manifest's text with the checksum of what it holds. */
function sealed({ checksum, ...rest }) {
  const text = JSON.stringify(rest);
  return JSON.stringify({ ...rest, checksum: createHash('sha256').update(text).digest('hex') });
}

/** Keeps what the worker notes from here on in `window.notes`. */
const collectNotes = (page) => page.evaluate(() => {
  window.notes = [];
  window.lens.listeners.add(({ kind, text }) => { if (kind === 'note') window.notes.push(text); });
});

/** A copy of a pack as version 3 of the format has it. */
function withoutChecksum(folder, name) {
  const copy = copyOf(folder, name);
  const text = readFileSync(join(copy, 'manifest.json'), 'utf8');
  writeFileSync(join(copy, 'manifest.json'), text.replace('"version":4', '"version":3').replace(`,"checksum":"${JSON.parse(text).checksum}"`, ''));
  return copy;
}

/** A copy of a pack as version 2 of the format has it. */
function withoutRowChecks(folder, name) {
  const copy = copyOf(folder, name);
  const text = readFileSync(join(copy, 'manifest.json'), 'utf8');
  const { row_checks: checks, checksum } = JSON.parse(text);
  writeFileSync(join(copy, 'manifest.json'), text.replace('"version":4', '"version":2').replace(`,"checksum":"${checksum}"`, '').replace(`,"row_checks":${JSON.stringify(checks)}`, ''));
  rmSync(join(copy, checks.list.file));
  return copy;
}

describe('loading', () => {
  // Files come and stay the same way on every device: without WebGPU no kernel has to be compiled.
  let browser;
  let withGpu;
  let folder;
  let manifest;
  let shard;
  const hosts = [];
  before(async () => {
    browser = await launch({ webgpu: false });
    withGpu = await launch();
    folder = join(packs, (await commandLine.packPair(PAIR, 'loader')).replace(/^packs\//, ''));
    manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
    [shard] = manifest.shards;
  });
  after(async () => {
    hosts.forEach((host) => host.close());
    await Promise.all([browser?.close(), withGpu?.close()]);
  });

  async function startOwn(options) {
    const host = await startHost(folder, options);
    hosts.push(host);
    return host;
  }

  /** A page of this visitor with a worker of its own. */
  async function withWorker(context) {
    const page = await open(browser, site, { context });
    await startWorker(page);
    return page;
  }

  /** What a worker makes of the text with the pack at `url`. */
  async function computed(page, url) {
    const { analysis, buffers } = await ask(page, { kind: 'analyze', pack_url: url, text: TEXT, inf_k: null });
    return { hash: analysis.model.pack_hash, buffers };
  }

  /** The same for a new visitor, with the pack in `served`. */
  async function computedFresh(served) {
    const host = await startHost(served);
    hosts.push(host);
    const context = await visitor(browser);
    const result = await computed(await withWorker(context), host.url);
    await context.close();
    return result;
  }

  test('a broken connection goes on at the byte where it stopped', LIMIT, async () => {
    const host = await startOwn();
    const cuts = [1000, Math.floor(shard.bytes / 2), shard.bytes - 1];
    host.cut(shard.file, ...cuts);
    const page = await open(browser, site, { pack: host.url });
    await done(page);
    assert.deepEqual(host.of(shard.file).map(({ start }) => start), [0, ...cuts]);
    assert.equal(sent(host.of(shard.file)), shard.bytes);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('Try again and a reload go on, too', LIMIT, async () => {
    const host = await startOwn();
    const context = await visitor(browser);
    const page = await open(browser, site, { pack: host.url, context });
    const [first, second] = [Math.floor(shard.bytes / 3), Math.floor((2 * shard.bytes) / 3)];
    for (const [start, cut] of [[0, first], [first, second]]) {
      host.cut(shard.file, cut);
      const known = host.of(shard.file).length;
      await (await reach(page, start === 0 ? 'analyze' : 'retry')).click();
      await until(() => host.of(shard.file).length > known, 'a request for the shard');
      host.down = true;
      assert.equal(await waitForState(page, ['error']), 'error');
      assert.ok((await errorOf(page)).includes(shard.file), await errorOf(page));
      host.down = false;
    }
    await screenshot(page, 'connection-lost');
    await page.reload();
    await done(page);
    assert.deepEqual(host.of(shard.file).map(({ start }) => start), [0, first, second]);
    assert.equal(sent(host.of(shard.file)), shard.bytes);
    await context.close();
  });

  test('a host without ranges sends that file again, and each embedding shard once', LIMIT, async () => {
    const host = await startOwn({ ranges: false });
    host.cut(shard.file, Math.floor(shard.bytes / 2));
    const page = await open(browser, site, { pack: host.url });
    await done(page);
    assert.deepEqual(host.of(shard.file).map(({ start }) => start), [0, 0]);
    await done(page, `${TEXT} A second text has other tokens, from the same shards.`);
    const files = host.requests.filter(isEmbedding).map(({ file }) => file);
    assert.ok(files.length > 0 && new Set(files).size === files.length, files.join(' '));
    await page.context().close();
  });

  test('a second visit asks for the manifest only; the result is the same', LIMIT, async () => {
    const host = await startOwn();
    const context = await visitor(browser);
    const page = await open(browser, site, { pack: host.url, context });
    await done(page);
    const expected = await downloadJson(page);
    // Rows side by side come together.
    const rows = host.requests.filter(isEmbedding);
    assert.ok(rows.length < new Set(expected.token_ids).size, `${rows.length} requests for rows`);
    await page.close();
    const before = host.requests.length;
    const again = await open(browser, site, { pack: host.url, context });
    await done(again);
    assert.deepEqual(host.requests.slice(before).map(({ file }) => file), ['manifest.json']);
    assert.deepEqual((await downloadJson(again)).similarity, expected.similarity);
    // And without its host.
    host.down = true;
    await again.close();
    const offline = await open(browser, site, { pack: host.url, context });
    await done(offline);
    assert.match(await offline.getByTestId('note').innerText(), /stored in this browser/);
    await context.close();
  });

  test('what was damaged in storage is fetched again', LIMIT, async () => {
    const host = await startOwn();
    const context = await visitor(browser);
    const page = await open(browser, site, { pack: host.url, context });
    await done(page);
    await page.close();
    const again = await open(browser, site, { pack: host.url, context });
    await damage(again, shard.sha256);
    const rows = (await storedNames(again)).find((name) => name.startsWith('rows-'));
    await damage(again, rows);
    const before = host.requests.length;
    await done(again);
    const fetched = host.requests.slice(before);
    assert.equal(sent(fetched.filter(({ file }) => file === shard.file)), shard.bytes);
    // One block of rows was damaged: one is asked for.
    const [block, ...more] = fetched.filter(isEmbedding);
    assert.deepEqual(more, []);
    assert.ok(block.sent <= manifest.row_checks.rows * manifest.embedding.row_bytes, `${block.sent} bytes`);
    await context.close();
  });

  const FAULTS = {
    'a flipped bit': { flip: true },
    'bytes from further on': { shift: 4 },
    'another Content-Range': { said: 4 },
  };
  for (const [name, fault] of Object.entries(FAULTS)) {
    test(`a part with ${name} enters nothing: the whole shard is asked for`, LIMIT, async () => {
      const expected = await computedFresh(folder);
      const host = await startOwn();
      host.wrong = ({ file, isPart }) => (isPart && isEmbedding({ file }) ? fault : undefined);
      const context = await visitor(browser);
      assert.deepEqual(await computed(await withWorker(context), host.url), expected);
      const bytes = new Map(manifest.embedding.shards.map((it) => [it.file, it.bytes]));
      const requests = host.requests.filter(isEmbedding);
      assert.ok(requests.some(({ file, sent: count }) => count < bytes.get(file)), 'a part was asked for');
      assert.ok(requests.some(({ file, sent: count }) => count === bytes.get(file)), 'a whole shard was asked for');
      // What stays is right, too: a visit without its host computes the same.
      host.down = true;
      assert.deepEqual(await computed(await withWorker(context), host.url), expected);
      await context.close();
    });
  }

  test('a shard that is another one is refused by name, and is right once it is repaired', LIMIT, async () => {
    const expected = await computedFresh(folder);
    // A host whose answers browsers keep.
    const host = await startOwn({ cacheControl: 'max-age=3600' });
    const context = await visitor(browser);
    for (const fault of [{ flip: true }, { shift: 4 }]) {
      const page = await withWorker(context);
      host.wrong = ({ file }) => (isEmbedding({ file }) ? fault : undefined);
      await assert.rejects(computed(page, host.url), /embedding-\d+\.safetensors: checksum differs/);
    }
    host.wrong = undefined;
    assert.deepEqual(await computed(await withWorker(context), host.url), expected);
    await context.close();
  });

  for (const [kind, nameOf] of [
    ['manifest', () => 'manifest.json'],
    ['shard', () => shard.file],
    ['embedding shard', (manifest) => manifest.embedding.shards[0].file],
    ['tokenizer', (manifest) => manifest.tokenizer.file],
    ['list of checksums', (manifest) => manifest.row_checks.list.file],
  ]) {
    test(`a Git LFS pointer in place of a pack's ${kind} is named as what it is; the text stays`, LIMIT, async () => {
      const copy = copyOf(folder, 'loader-pointer');
      const file = nameOf(JSON.parse(readFileSync(join(copy, 'manifest.json'), 'utf8')));
      writeFileSync(join(copy, file), `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 1048576\n`);
      // Hosts without ranges send the pointer whole, others answer 416 for the bytes that it does not have.
      for (const ranges of [true, false]) {
        const host = await startHost(copy, { ranges });
        hosts.push(host);
        const page = await open(browser, site, { pack: host.url });
        assert.equal(await analyze(page, TEXT), 'error');
        const said = await errorOf(page);
        assert.ok(said.includes(file) && /Git LFS pointer.*git lfs pull/.test(said), said);
        assert.equal(await (await reach(page, 'text-input')).inputValue(), TEXT);
        await page.context().close();
      }
    });
  }

  test('another pack of the same shapes at the same address gives its own numbers', LIMIT, async () => {
    const other = withOtherRows(folder, 'loader-other');
    const [first, second] = [await computedFresh(folder), await computedFresh(other)];
    assert.notEqual(first.hash, second.hash);
    assert.notDeepEqual(first.buffers, second.buffers);
    const host = await startOwn({ cacheControl: 'max-age=3600' });
    const context = await visitor(browser);
    for (const [served, expected] of [[folder, first], [other, second], [folder, first]]) {
      host.folder = served;
      assert.deepEqual(await computed(await withWorker(context), host.url), expected);
    }
    await context.close();
  });

  test('a pack without checksums of rows is read, with a note; its rows are not stored', LIMIT, async () => {
    const expected = await computedFresh(folder);
    const host = await startHost(withoutRowChecks(folder, 'loader-version-2'));
    hosts.push(host);
    const context = await visitor(browser);
    const page = await withWorker(context);
    await collectNotes(page);
    // The same numbers and the same hash.
    assert.deepEqual(await computed(page, host.url), expected);
    const notes = await page.evaluate(() => window.notes);
    assert.ok(notes.some((note) => /no checksums of embedding rows/.test(note)), notes.join(' '));
    assert.ok(!(await storedNames(page)).some((name) => name.startsWith('rows-')), 'no row is stored');
    await context.close();
  });

  test('a pack whose manifest has no checksum is read, with a note; one whose manifest was changed is refused', LIMIT, async () => {
    const expected = await computedFresh(folder);
    const earlier = withoutChecksum(folder, 'loader-version-3');
    const [host, changed] = await Promise.all([startHost(earlier), startHost(copyOf(folder, 'loader-changed-manifest'))]);
    hosts.push(host, changed);
    const context = await visitor(browser);
    const page = await withWorker(context);
    await collectNotes(page);
    assert.deepEqual(await computed(page, host.url), expected);
    const notes = await page.evaluate(() => window.notes);
    assert.ok(notes.some((note) => /manifest has no checksum of its own/.test(note)), notes.join(' '));
    // A number that nothing else contradicts.
    const file = join(packs, 'loader-changed-manifest', 'manifest.json');
    const text = readFileSync(file, 'utf8');
    const other = text.replace(/"rms_norm_eps":[^,]+/, '"rms_norm_eps":0.00002');
    assert.notEqual(other, text);
    writeFileSync(file, other);
    await assert.rejects(computed(page, changed.url), (error) => /checksum differs/.test(error.message));
    await context.close();
  });

  // No numbers; and numbers so large that the first layer's output is none.
  for (const [name, fill] of [['no numbers', 0xff], ['too large', 0x7e]]) {
    test(`rows that are ${name}, of such a pack: Try again asks for them again`, LIMIT, async () => {
      const host = await startHost(withoutRowChecks(folder, 'loader-try-again'));
      hosts.push(host);
      const good = await open(browser, site, { pack: host.url });
      await done(good);
      const expected = await downloadJson(good);
      await good.context().close();
      host.wrong = ({ file, isPart }) => (isPart && isEmbedding({ file }) ? { fill } : undefined);
      const page = await open(browser, site, { pack: host.url });
      assert.equal(await analyze(page, TEXT), 'error');
      assert.match(await errorOf(page), /not finite/);
      host.wrong = undefined;
      await page.getByTestId('retry').click();
      assert.equal(await waitForState(page, ['done']), 'done');
      assert.deepEqual((await downloadJson(page)).similarity, expected.similarity);
      await page.context().close();
    });
  }

  test('a foreign host is asked over https only, and no host learns the page', LIMIT, async () => {
    const context = await visitor(browser);
    const page = await withWorker(context);
    for (const url of ['http://packs.example/pack/', 'http://localhost.example/', 'http://192.0.2.1/pack/']) {
      await assert.rejects(computed(page, url), (error) => error.message.includes(`${url} is not asked`));
    }
    assert.deepEqual(page.requested.filter((url) => new URL(url).host !== new URL(site).host), []);
    const host = await startOwn();
    await computed(await withWorker(context), host.url);
    assert.ok(host.requests.length > 3 && host.requests.every(({ referer }) => referer === undefined));
    await context.close();
  });

  test('two tabs fetch every file once', LIMIT, async () => {
    const host = await startOwn();
    const context = await visitor(browser);
    const pages = await Promise.all([1, 2].map(() => open(browser, site, { pack: host.url, context })));
    await Promise.all(pages.map((page) => done(page)));
    for (const { file, bytes } of [manifest.tokenizer, manifest.row_checks.list, ...manifest.shards]) {
      assert.equal(sent(host.of(file)), bytes, file);
    }
    await context.close();
  });

  test('full storage is survived, with a note', LIMIT, async () => {
    const host = await startOwn();
    const context = await visitor(browser);
    const page = await open(browser, site, { pack: host.url, context });
    const devtools = await context.newCDPSession(page);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(site).origin, quotaSize: 20_000 });
    await done(page);
    assert.match(await page.getByTestId('note').innerText(), /storage is full/);
    assert.equal(sent(host.of(shard.file)), shard.bytes);
    await screenshot(page, 'storage-full');
    await context.close();
  });

  test('a browser that stores no files is survived, with a note; Try again goes on', LIMIT, async () => {
    const host = await startOwn();
    const workerPrelude = 'StorageManager.prototype.getDirectory = () => Promise.reject(new Error("refused"));';
    const page = await open(browser, site, { pack: host.url, workerPrelude });
    const half = Math.floor(shard.bytes / 2);
    host.cut(shard.file, half);
    await (await reach(page, 'analyze')).click();
    await until(() => host.of(shard.file).length > 0, 'a request for the shard');
    host.down = true;
    assert.equal(await waitForState(page, ['error']), 'error');
    host.down = false;
    await page.getByTestId('retry').click();
    assert.equal(await waitForState(page, ['done']), 'done');
    assert.deepEqual(host.of(shard.file).map(({ start }) => start), [0, half]);
    assert.match(await (await reach(page, 'storage-note')).innerText(), /stores no files.*refused/);
    await page.context().close();
  });

  test('the whole embedding is stored at a click; then no text asks for rows', LIMIT, async () => {
    const host = await startOwn();
    const context = await visitor(browser);
    const page = await open(browser, site, { pack: host.url, context });
    await (await reach(page, 'store-embedding')).click();
    await page.getByTestId('note').filter({ hasText: 'whole embedding' }).waitFor();
    const bytes = manifest.embedding.shards.reduce((sum, entry) => sum + entry.bytes, 0);
    assert.equal(sent(host.requests.filter(isEmbedding)), bytes);
    const before = host.requests.length;
    await done(page, 'No row of this text was ever asked for.');
    assert.deepEqual(host.requests.slice(before).filter(isEmbedding), []);
    // The page says what is stored, and deletes it at a click.
    assert.match(await (await reach(page, 'stored')).innerText(), /^[\d.]+ [kM]?B stored in this browser/);
    await (await reach(page, 'delete-stored')).click();
    await (await reach(page, 'stored')).filter({ hasText: 'Nothing is stored' }).waitFor();
    await page.close();
    const fresh = await open(browser, site, { pack: host.url, context });
    await done(fresh);
    assert.equal(host.of(shard.file).length, 2);
    await context.close();
  });

  test('rows are not asked for where that was forbidden; the tokens are named', LIMIT, async () => {
    const host = await startOwn();
    const page = await open(browser, site, { pack: host.url });
    await startWorker(page);
    const request = { kind: 'analyze', pack_url: host.url, text: TEXT, inf_k: null };
    await assert.rejects(ask(page, { ...request, rows: 'stored_only' }), /does not store the embedding rows of .*more/);
    assert.deepEqual(host.requests.filter(isEmbedding), []);
    assert.equal((await ask(page, request)).kind, 'analysis');
    const before = host.requests.length;
    assert.equal((await ask(page, { ...request, rows: 'stored_only' })).kind, 'analysis');
    assert.equal(host.requests.length, before);
    // The page asks the visitor, as the host is another one, and remembers the answer.
    await (await reach(page, 'rows-while-typing')).check();
    await page.reload();
    assert.ok(await (await reach(page, 'rows-while-typing')).isChecked());
    await page.context().close();
  });

  test('a device lost between analyses or amid one is replaced, from storage', LIMIT, async () => {
    const host = await startOwn();
    const page = await open(withGpu, site, { pack: host.url });
    const lose = () => page.evaluate(() => {
      window.startedWorkers.at(-1).postMessage(JSON.stringify({ lose_device: { id: 0 } }));
    });
    await done(page);
    const expected = await downloadJson(page);
    await lose();
    await page.getByTestId('note').filter({ hasText: 'GPU was lost' }).waitFor();
    await screenshot(page, 'device-lost');
    const before = host.requests.length;
    await (await reach(page, 'analyze')).click();
    await waitForState(page, ['loading']);
    assert.equal(await waitForState(page, ['done', 'error']), 'done');
    assert.equal(await page.evaluate(() => window.startedWorkers.length), 2);
    // Amid one: the worker starts again by itself, and the text is kept.
    await (await reach(page, 'text-input')).fill(`${TEXT} `);
    await (await reach(page, 'analyze')).click();
    await waitForState(page, ['loading']);
    await lose();
    await page.getByTestId('note').filter({ hasText: 'Starting again' }).waitFor();
    const state = await waitForState(page, ['done', 'error']);
    assert.equal(state, 'done', state === 'error' ? await errorOf(page) : state);
    assert.equal(await page.evaluate(() => window.startedWorkers.length), 3);
    assert.equal(await (await reach(page, 'text-input')).inputValue(), `${TEXT} `);
    const fetched = host.requests.slice(before).map(({ file }) => file);
    assert.ok(fetched.every((file) => file === 'manifest.json' || file.startsWith('embedding')), fetched.join(' '));
    assert.equal((await downloadJson(page)).model.pack_hash, expected.model.pack_hash);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('a worker that the browser ended is said to be silent, and started again', LIMIT, async () => {
    const host = await startOwn();
    const page = await open(browser, site, { pack: host.url });
    await page.clock.install();
    await done(page);
    const expected = await downloadJson(page);
    // The browser tells the page nothing of it.
    await page.evaluate(() => window.startedWorkers.at(-1).terminate());
    await (await reach(page, 'analyze')).click();
    await waitForState(page, ['loading']);
    // The page listens for half a minute, by its clock.
    await page.clock.fastForward(15_000);
    assert.equal(await page.getByTestId('silence').count(), 0);
    await page.clock.fastForward(20_000);
    await page.getByTestId('silence').filter({ hasText: 'the browser has ended it' }).waitFor();
    assert.equal(await page.locator('main').getAttribute('data-state'), 'loading');
    await screenshot(page, 'silence');
    await page.getByTestId('restart').click();
    assert.equal(await waitForState(page, ['done', 'error']), 'done');
    assert.equal(await page.getByTestId('silence').count(), 0);
    assert.equal(await page.evaluate(() => window.startedWorkers.length), 2);
    assert.deepEqual((await downloadJson(page)).similarity, expected.similarity);
    await page.context().close();
  });

  test('a GPU without memory left is said; the text is kept, and Try again works', LIMIT, async () => {
    const host = await startOwn();
    // Once its first worker has asked for weights, it has the adapter refuse every buffer: none has memory for
    // the largest that there may be.
    const workerPrelude = `
      if (!(await caches.has('asked'))) {
        await caches.open('asked');
        const { fetch, GPUDevice: { prototype: device } } = self;
        const { createBuffer } = device;
        self.fetch = (request, ...more) => {
          const largest = function (descriptor) {
            return createBuffer.call(this, { ...descriptor, size: this.limits.maxBufferSize });
          };
          if ((request.url ?? String(request)).endsWith('${shard.file}')) device.createBuffer = largest;
          return fetch(request, ...more);
        };
      }`;
    const page = await open(withGpu, site, { pack: host.url, workerPrelude });
    const text = `${TEXT} `;
    assert.equal(await analyze(page, text), 'error');
    assert.match(await errorOf(page), /GPU has no memory left/);
    assert.equal(await (await reach(page, 'text-input')).inputValue(), text);
    await screenshot(page, 'out-of-memory');
    await page.getByTestId('retry').click();
    await waitForState(page, ['loading', 'done']);
    const state = await waitForState(page, ['done', 'error']);
    assert.equal(state, 'done', state === 'error' ? await errorOf(page) : state);
    assert.equal(await page.evaluate(() => window.startedWorkers.length), 2);
    await page.context().close();
  });

  test('what does not fit is refused before it is fetched, with the numbers', LIMIT, async () => {
    const host = await startOwn();
    // A device that tells of 100 kB of memory, of which weights get half.
    const tells = 'Object.defineProperty(WorkerNavigator.prototype, "deviceMemory", { get: () => 1e5 / 2 ** 30 });';
    const page = await open(withGpu, site, { pack: host.url, workerPrelude: tells });
    assert.equal(await analyze(page, TEXT), 'error');
    assert.match(await errorOf(page), /does not fit: its weights have \d+ [kM]B, and this device has about 50 kB/);
    assert.deepEqual(host.requests.map(({ file }) => file), ['manifest.json']);
    await page.context().close();
  });

  test('diagnostics are copied, and shown where the clipboard is refused', LIMIT, async () => {
    const host = await startOwn();
    const context = await visitor(withGpu);
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const page = await open(withGpu, site, { pack: host.url, context });
    await done(page);
    const facts = await diagnostics(page);
    assert.match(facts.browser, /Chrome/);
    assert.match(facts.temporal_lens.version, /^\d+\.\d+\.\d+$/);
    const commit = await page.locator('meta[name=temporal-lens-commit]').getAttribute('content');
    assert.equal(facts.temporal_lens.commit, commit || null);
    assert.ok(facts.worker.limits.max_buffer_size > 0 && facts.worker.device.name);
    assert.match(facts.worker.packs[0].hash, /^[0-9a-f]{64}$/);
    assert.ok(!JSON.stringify(facts).includes('Alice'), 'nothing of the text is in it');
    await (await reach(page, 'diagnostics-notice')).filter({ hasText: 'Copied' }).waitFor();
    assert.deepEqual(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())), facts);
    await screenshot(page, 'diagnostics');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 800 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than a small phone`);
    await screenshot(page, 'diagnostics-dark-narrow');
    await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new Error('refused')); });
    await (await reach(page, 'diagnostics')).click();
    await (await reach(page, 'diagnostics-notice')).filter({ hasText: 'refused' }).waitFor();
    await context.close();
  });
});
