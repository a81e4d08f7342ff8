// Readouts in words of the shipped worker against PyTorch (tests/reference/words.py), on WebGPU and on the processor.
//
// Random models with a vocabulary, means and a lens drawn at random, then the real model, unpacked to f32, on the three
// texts of tests/fixtures/real. Tolerances as in crates/engine/tests/words.rs and real_model.rs: 1e-3 of a list's largest
// value; words whose values differ by less may come in either order.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { launch, open } from './lib/browser.mjs';
import { fixtures, packs, root, site, weights } from './lib/environment.mjs';
import { analyze, packPair, pairs, temporalLens } from './lib/program.mjs';
import { copyWithMetadata, readSafetensors, writeSafetensors } from './lib/tensors.mjs';
import { ask, device, startWorker } from './lib/worker.mjs';

const TOLERANCE = 1e-3;
const LIST = 8;
const SLOW = 600_000;

const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const cases = json(join(fixtures, 'words/random.json'));
const spelled = (piece) => piece.replace(/^▁/, '');
/** Whether a list has only the better of two words: they begin alike. */
const fold = (a, b) => [a, b].map((it) => it.toLowerCase().slice(0, 3)).every((it, _, [first]) => it === first);

/** Gives a pack words and a lens; `files` are the paths of its four files. */
async function addWords(folder, { vocabulary, means, pieces, lens }) {
  await temporalLens('words', '--model', folder, '--vocabulary', vocabulary, '--means', means);
  await temporalLens('lens', '--model', folder, '--pieces', pieces, '--lens', lens);
}

/**
 * `found`, pairs of word and value, are the best of `all`, pairs likewise and highest first, up to ties: none is passed over but
 * those that fold into one that is listed. Of `all` there may be the first ones alone: no value below `from` is looked for in it.
 */
function assertBest(what, found, all, from = -Infinity) {
  const near = (a, b) => Math.abs(a - b) <= TOLERANCE * all[0][1];
  const has = new Map();
  for (const [word, value] of all) has.set(word, [...(has.get(word) ?? []), value]);
  // Scores of 0 and below are left out.
  if (all[0][1] <= 0) {
    assert.deepEqual(found, [], what);
    return;
  }
  assert.ok(found.length > 0 && near(found[0][1], all[0][1]), `${what}: the first is ${found[0]}, not ${all[0]}`);
  for (const [word, value] of found) {
    if (value <= from || near(value, from)) continue;
    assert.ok(has.get(word)?.some((own) => near(value, own)), `${what}: ${word} has ${value}, not ${has.get(word)}`);
  }
  const least = Math.min(...found.map(([, value]) => value), found.length < LIST ? 0 : Infinity);
  const listed = new Set(found.map(([word]) => word));
  for (const [word, value] of all) {
    if (value <= least || near(value, least) || listed.has(word)) continue;
    assert.ok(found.some(([other]) => fold(word, other)), `${what}: ${word} with ${value} is missing from ${[...listed]}`);
  }
}

function assertSurprise(what, found, expected) {
  assert.equal(found.length, expected.length);
  expected.forEach((value, position) => {
    if (value === null || Number.isNaN(value)) assert.equal(found[position], null, `${what}, token ${position}`);
    else assert.ok(Math.abs(found[position] - value) <= TOLERANCE * Math.max(1, value), `${what}, token ${position}: ${found[position]}, not ${value}`);
  });
}

const scored = (list) => list.map(({ word, score }) => [word, score]);
const highestFirst = (pairs) => [...pairs].sort((a, b) => b[1] - a[1]);

for (const webgpu of [true, false]) {
  describe(`words of random models are PyTorch’s ${webgpu ? 'on WebGPU' : 'on the processor, in wasm'}`, () => {
    let browser;
    let page;
    let scratch;
    before(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'words-'));
      browser = await launch({ webgpu });
      page = await open(browser, site);
      await startWorker(page);
      assert.equal((await device(page)).webgpu, webgpu);
    });
    after(async () => {
      await browser?.close();
      rmSync(scratch, { recursive: true, force: true });
    });

    for (const it of cases) {
      test(it.pair, { timeout: 300_000 }, async () => {
        const pair = pairs.find(({ name }) => name === it.pair);
        const name = `words-${webgpu}-${it.pair}`;
        const pack = await packPair(pair, name);
        const folder = join(packs, name);
        const { model } = await analyze(folder, pair.text);
        const { vocab } = json(join(fixtures, pair.tokenizer)).model;
        const pieces = Object.fromEntries(Object.entries(vocab).map(([piece, id]) => [id, piece]));
        const file = (suffix) => join(scratch, `${it.pair}-${suffix}`);
        const row = (values) => ({ shape: [1, values.length], values });
        const d = it.lens.mean_x.length;
        writeFileSync(file('vocabulary.txt'), it.ids.map((id) => `${id}\t${spelled(pieces[id])}\n`).join(''));
        writeFileSync(file('pieces.txt'), it.pieces.map((id) => `${id}\t${JSON.stringify(pieces[id])}\n`).join(''));
        writeSafetensors(
          file('means.safetensors'),
          { format: 'temporal-lens-word-means', pack_hash: model.pack_hash, corpus_tokens: '1' },
          Object.fromEntries(Object.entries(it.means).map(([part, mean]) => [`words.mean.${part}`, row(mean)])),
        );
        const cap = it.lens.cap === null ? {} : { final_logit_softcapping: String(it.lens.cap) };
        writeSafetensors(
          file('lens.safetensors'),
          { format: 'temporal-lens-fitted-lens', pack_hash: model.pack_hash, tokens: '1', ...cap },
          { 'lens.matrix': { shape: [d, d], values: it.lens.matrix }, 'lens.mean_x': row(it.lens.mean_x), 'lens.mean_y': row(it.lens.mean_y) },
        );
        await addWords(folder, {
          vocabulary: file('vocabulary.txt'), means: file('means.safetensors'), pieces: file('pieces.txt'), lens: file('lens.safetensors'),
        });

        const packUrl = new URL(pack, page.url()).href;
        const { analysis } = await ask(page, { kind: 'analyze', pack_url: packUrl, text: pair.text, inf_k: null, words: true });
        assert.deepEqual(analysis.token_ids, pair.token_ids);
        const { words } = analysis;
        assert.equal(words.vocabulary, it.ids.length);
        const named = (ids, values) => highestFirst(ids.map((id, i) => [spelled(pieces[id]), values[i]]));
        const listed = [...it.ids, ...it.pieces];
        for (let position = 1; position < it.predictable.length; position += 1) {
          // Nothing is foretold at the first token.
          if (position > 1) assertBest(`predictable, ${position}`, scored(words.predictable[position]), named(it.ids, it.predictable[position]));
          assertBest(`novel, ${position}`, scored(words.novel[position]), named(it.ids, it.novel[position]));
          const next = words.next[position].map(({ word, probability }) => [spelled(word), probability]);
          assertBest(`after ${position}`, next, named(listed, it.next[position]));
          // What comes next is not folded: two spellings are two tokens.
          assert.equal(next.length, LIST);
        }
        assertSurprise('surprise', analysis.surprise, it.surprise);
      });
    }
  });
}

describe('words of the real model at f32 on WebGPU', () => {
  const NAME = 'gemma-3-270m-f32';
  const folder = join(packs, NAME);
  const reference = readSafetensors(join(fixtures, 'words/real.safetensors'));
  let browser;
  let page;
  let scratch;
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'words-'));
    rmSync(folder, { recursive: true, force: true });
    await temporalLens(
      'pack', '--gemma', join(weights, 'gemma-3-270m-q4_k_m.gguf'), '--tokenizer', join(weights, 'tokenizer.json'),
      '--sae', join(root, 'demo/sae'), '--layer', '12', '--precision', 'f32', '--out', folder,
    );
    const { model } = await analyze(folder, 'a');
    const demo = (name) => join(root, 'demo/words', name);
    for (const name of ['means.safetensors', 'lens.safetensors']) copyWithMetadata(demo(name), join(scratch, name), { pack_hash: model.pack_hash });
    await addWords(folder, {
      vocabulary: demo('vocabulary.txt'), means: join(scratch, 'means.safetensors'), pieces: demo('pieces.txt'), lens: join(scratch, 'lens.safetensors'),
    });
    browser = await launch();
    page = await open(browser, site);
    await startWorker(page);
    assert.ok((await device(page)).webgpu);
  }, { timeout: SLOW });
  after(async () => {
    await browser?.close();
    rmSync(scratch, { recursive: true, force: true });
    // A gigabyte.
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { name, text, token_ids: ids } of json(join(fixtures, 'real/texts.json')).texts) {
    test(name, { timeout: SLOW }, async () => {
      const request = { kind: 'analyze', pack_url: new URL(`packs/${NAME}/`, page.url()).href, text, inf_k: null, words: true };
      const { analysis } = await ask(page, request, SLOW);
      assert.deepEqual(analysis.token_ids, ids);
      const manifest = json(join(folder, 'manifest.json'));
      const { words, pieces } = json(join(folder, manifest.words.vocabulary.file));
      const spelling = new Map([...words, ...pieces]);
      const tensor = (what, position) => {
        const { shape: [, width], values } = reference[`${name}.${what}`];
        return values.slice(position * width, (position + 1) * width);
      };
      const best = (names, values, position, nameOf) => {
        const found = tensor(values, position);
        return Array.from(tensor(names, position), (it, i) => [nameOf(it), found[i]]);
      };
      let empty = 0;
      for (let position = 1; position < ids.length; position += 1) {
        for (const part of ['predictable', 'novel']) {
          const found = scored(analysis.words[part][position]);
          // What the start of the text alone foretells is left out, at its first tokens only.
          if (part === 'predictable' && position <= LIST && found.length === 0) {
            empty += 1;
            continue;
          }
          const all = best(`${part}.words`, `${part}.scores`, position, (index) => words[index][1]);
          assertBest(`${part} part of ${position}`, found, all, all.at(-1)[1]);
        }
        const next = analysis.words.next[position].map(({ word, probability }) => [spelled(word), probability]);
        assertBest(`after ${position}`, next, best('next.tokens', 'next.probabilities', position, (id) => spelled(spelling.get(id))));
      }
      assert.ok(empty < LIST, 'every list of the first tokens is empty');
      assertSurprise('surprise', analysis.surprise, Array.from(reference[`${name}.surprise`].values));
    });
  }
});
