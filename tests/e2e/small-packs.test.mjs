// What goes wrong, and other hosts: on a pack of some kilobytes, so that each case takes seconds.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { analyze, launch, open, screenshot, waitForState } from './lib/browser.mjs';
import { defaultPack, packs, root, site, siteBelow, sitePlain } from './lib/environment.mjs';
import { downloadJson } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { absoluteDifference } from './lib/tensors.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const TEXT = 'Once upon a time, a little girl named Alice loved looking at the night sky.';
const LIMIT = { timeout: 240_000 };

const errorOf = (page) => page.getByTestId('error').innerText();

/** Analyzes the text on a small pack and compares the result with the command line's. */
async function answersAsTheCommandLine(page, pack) {
  const state = await analyze(page, TEXT);
  assert.equal(state, 'done', state === 'error' ? await errorOf(page) : state);
  const found = await downloadJson(page);
  const expected = await commandLine.analyze(join(packs, pack.replace(/^packs\//, '')), TEXT);
  assert.deepEqual(found.token_ids, expected.token_ids);
  assert.ok(absoluteDifference(found.similarity.flat(), expected.similarity.flat()).max <= 1e-2);
}

describe('other hosts', () => {
  let browser;
  // Files come the same way on every device.
  let withoutGpu;
  before(async () => { [browser, withoutGpu] = await Promise.all([launch(), launch({ webgpu: false })]); });
  after(() => Promise.all([browser?.close(), withoutGpu?.close()]));

  test('the site works under a sub-path', LIMIT, async () => {
    const pack = await commandLine.packPair(PAIR, 'below');
    const page = await open(browser, siteBelow, { pack });
    await page.getByTestId('precomputed-mark').waitFor();
    await answersAsTheCommandLine(page, pack);
    assert.deepEqual(page.requested.filter((url) => url.startsWith('http') && !url.startsWith(siteBelow)), []);
    assert.deepEqual(page.problems, []);
  });

  test('a host without byte ranges will do', LIMIT, async () => {
    const pack = await commandLine.packPair(PAIR, 'plain');
    const page = await open(withoutGpu, sitePlain, { pack });
    await answersAsTheCommandLine(page, pack);
    assert.deepEqual(page.problems, []);
  });
});

describe('a pack without words', () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  test('it says so, offers the command, and asks for none', LIMIT, async () => {
    const pack = await commandLine.packPair(PAIR, 'wordless');
    const page = await open(browser, site, { pack });
    assert.equal(await analyze(page, TEXT), 'done');
    await (await reach(page, 'token-5')).click();
    const note = await page.getByTestId('no-words').innerText();
    assert.ok(note.includes('no words') && note.includes('temporal-lens words --model PACK --corpus TEXTS'), note);
    // Neither a button that fetches what is not there, nor an empty list of words.
    assert.equal(await page.getByTestId('get-words').count(), 0);
    assert.equal(await page.getByTestId('words-past').count(), 0);
    assert.equal((await downloadJson(page)).words, undefined);
    assert.deepEqual(page.problems, []);
  });

  test('dashboards that fit it name its features, and have their words', LIMIT, async () => {
    const page = await open(browser, site, { pack: defaultWithoutWords() });
    assert.equal(await analyze(page, TEXT), 'done');
    await (await reach(page, 'token-5')).click();
    await page.getByTestId('no-words').waitFor();
    const found = await downloadJson(page);
    assert.equal(found.words, undefined);
    const { names, pack_hash } = JSON.parse(readFileSync(join(root, 'demo/dashboards/index.json'), 'utf8'));
    assert.equal(found.model.pack_hash, pack_hash, 'words are no part of the hash');
    const named = names.filter(({ feature }) => found.novel_top[5].some((it) => it.feature === feature));
    assert.ok(named.length > 0, 'none of the features at token 5 has a name');
    const row = (await reach(page, 'feature-list')).locator(`[data-feature="${named[0].feature}"]`);
    await row.filter({ hasText: named[0].text }).waitFor();
    await row.getByRole('button').first().click();
    await page.getByTestId('feature-contexts').locator('li').first().waitFor();
    assert.ok(await page.getByTestId('feature-logits').locator('li').count() > 0);
    assert.deepEqual(page.problems, []);
  });
});

/** The default pack as it was before it had words: the same pack, by its hash. Answers where it is served. */
function defaultWithoutWords() {
  const name = 'default-without-words';
  const folder = join(packs, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(defaultPack).filter((file) => file !== 'manifest.json')) {
    symlinkSync(join(defaultPack, file), join(folder, file));
  }
  const manifest = readFileSync(join(defaultPack, 'manifest.json'), 'utf8');
  const open = manifest.slice(0, manifest.lastIndexOf(',"words":{'));
  const checksum = createHash('sha256').update(`${open}}`).digest('hex');
  writeFileSync(join(folder, 'manifest.json'), `${open},"checksum":"${checksum}"}\n`);
  return `packs/${name}`;
}

describe('without WebGPU', () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  test('the page says so and still answers', LIMIT, async () => {
    const pack = await commandLine.packPair(PAIR, 'no-webgpu');
    const page = await open(browser, site, { pack });
    await answersAsTheCommandLine(page, pack);
    assert.match(await (await reach(page, 'device')).innerText(), /CPU/);
    assert.match(await (await reach(page, 'device-note')).innerText(), /WebGPU|GPU/);
    await screenshot(page, 'no-webgpu');
    assert.deepEqual(page.problems, []);
  });
});

describe('what goes wrong', () => {
  // With files and input, on any device: without WebGPU no kernel has to be compiled.
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  /** A file of a pack, and ways to break and to restore it. */
  function fileOf(pack, kind) {
    const folder = join(packs, pack.replace(/^packs\//, ''));
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
    const { file } = { shard: manifest.shards[0], embedding: manifest.embedding.shards[0], manifest: { file: 'manifest.json' } }[kind];
    const path = join(folder, file);
    const whole = readFileSync(path);
    return {
      file,
      remove: () => renameSync(path, `${path}.away`),
      truncate: () => writeFileSync(path, whole.subarray(0, Math.floor(whole.length / 2))),
      flip: () => {
        const damaged = Buffer.from(whole);
        damaged[damaged.length - 5] ^= 0x40;
        writeFileSync(path, damaged);
      },
      restore: () => writeFileSync(path, whole),
    };
  }

  const CASES = [
    ['a shard that is not there', 'shard', 'remove'],
    ['a shard cut short', 'shard', 'truncate'],
    ['a shard with a flipped bit', 'shard', 'flip'],
    ['an embedding shard that is not there', 'embedding', 'remove'],
    ['a manifest cut short', 'manifest', 'truncate'],
  ];
  for (const [name, kind, damage] of CASES) {
    test(`${name} is a message in place, and Try again works once it is restored`, LIMIT, async () => {
      const pack = await commandLine.packPair(PAIR, `broken-${kind}-${damage}`);
      const broken = fileOf(pack, kind);
      broken[damage]();
      const page = await open(browser, site, { pack });
      const text = `${TEXT} `;
      assert.equal(await analyze(page, text), 'error');
      const message = await errorOf(page);
      assert.ok(message.includes(broken.file), `the message names ${broken.file}: ${message}`);
      assert.equal(await (await reach(page, 'text-input')).inputValue(), text);
      await screenshot(page, `error-${kind}-${damage}`);
      broken.restore();
      await page.getByTestId('retry').click();
      await waitForState(page, ['loading', 'done']);
      const state = await waitForState(page, ['done', 'error']);
      assert.equal(state, 'done', state === 'error' ? await errorOf(page) : state);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }

  test('a blank text is not analyzed, and a wrong inf_k is said in place', LIMIT, async () => {
    const pack = await commandLine.packPair(PAIR, 'input');
    const page = await open(browser, site, { pack });
    for (const blank of ['', '  \n']) {
      await (await reach(page, 'text-input')).fill(blank);
      assert.ok(await (await reach(page, 'analyze')).isDisabled(), JSON.stringify(blank));
    }
    // The field itself refuses what is no count.
    await (await reach(page, 'inf-k')).fill('0');
    assert.equal(await (await reach(page, 'inf-k')).evaluate((field) => field.validity.valid), false);
    await (await reach(page, 'inf-k')).fill('100000');
    await analyze(page, TEXT, { states: ['loading', 'error'] });
    await page.getByTestId('error').filter({ hasText: /inf_k|100.?000/ }).waitFor();
    assert.equal(await (await reach(page, 'text-input')).inputValue(), TEXT);
    await (await reach(page, 'inf-k')).fill('');
    assert.equal(await analyze(page, TEXT, { states: ['done'] }), 'done');
    await page.context().close();
  });

  test('loading can be canceled, and analyzing again works', LIMIT, async () => {
    const pack = await commandLine.packPair(PAIR, 'cancel');
    const page = await open(browser, site, { pack });
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    // A host that does not answer: canceling must not wait for it.
    await page.route(/\/packs\/cancel\/.*safetensors$/, async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    assert.equal(await analyze(page, TEXT, { states: ['loading'] }), 'loading');
    await page.getByTestId('progress').waitFor();
    await page.getByTestId('cancel').click();
    assert.equal(await waitForState(page, ['idle', 'done', 'error']), 'idle');
    assert.equal(await (await reach(page, 'text-input')).inputValue(), TEXT);
    release();
    await page.unroute(/\/packs\/cancel\/.*safetensors$/);
    const state = await analyze(page, TEXT);
    assert.equal(state, 'done', state === 'error' ? await errorOf(page) : state);
    assert.deepEqual(page.problems, []);
  });
});
