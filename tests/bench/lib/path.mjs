// Bench 2: the default model's layers on a whole text, ours against the peer's export of the same weights.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ask, runFixture } from '../../e2e/lib/worker.mjs';
import * as environment from './environment.mjs';
import { alternate, isHopeless } from './measure.mjs';
import { call, openPage, openWorker } from './pages.mjs';

/** Ours: packs below the site, by name. */
const PACKS = { 'ours-q8': 'models/default/', 'ours-q4': 'packs/q4/' };
/** The peer: accuracy levels of MatMulNBits. */
const LEVELS = [0, 4];
const peerName = (level) => `peer-${level}`;
/** Begins like none of the texts. */
const OTHER_TEXT = '7';
/** Longer than a long text takes on a loaded processor. */
const LIMIT_MS = 600_000;
/**
 * Least median cosine of the hidden states' rows: ours with PyTorch's on the GGUF's weights (q4 is coarse on
 * so small a model), the peer's with PyTorch's on the export's own int4 weights (level 4 rounds activations).
 */
const LEAST_COSINE = { 'ours-q8': 0.99, 'ours-q4': 0.7, 'peer-0': 0.999, 'peer-4': 0.9 };

function readFloats(name) {
  const bytes = readFileSync(join(environment.models, name));
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** The final norm of [T, width]: ours stops before it, the peer's export ends with it. */
function normed(hidden, weight, { width, norm_epsilon: epsilon }) {
  const out = new Float32Array(hidden.length);
  for (let row = 0; row < hidden.length; row += width) {
    let squares = 0;
    for (let i = 0; i < width; i += 1) squares += hidden[row + i] ** 2;
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i += 1) out[row + i] = hidden[row + i] * scale * weight[i];
  }
  return out;
}

/** Smallest and median cosine of two tensors' rows. */
function rowCosines(found, expected, { width }) {
  if (found.length !== expected.length) throw new Error(`${found.length} values, expected ${expected.length}`);
  const cosines = [];
  for (let row = 0; row < expected.length; row += width) {
    let [product, a, b] = [0, 0, 0];
    for (let i = row; i < row + width; i += 1) {
      product += found[i] * expected[i];
      a += found[i] ** 2;
      b += expected[i] ** 2;
    }
    cosines.push(product / Math.sqrt(a * b));
  }
  cosines.sort((a, b) => a - b);
  return { min: cosines[0], median: cosines[cosines.length >> 1] };
}

/** A pack of ours in a page of its own. */
async function openOurs(browser, pack) {
  const page = await openWorker(browser);
  const packUrl = new URL(pack, environment.site).href;
  const request = { kind: 'analyze', pack_url: packUrl, inf_k: null };
  return {
    close: () => page.close(),
    hidden: async ({ ids }) => {
      const { residual } = await runFixture(page, { pack: packUrl, tokenIds: ids, tensors: ['residual'] }, LIMIT_MS);
      return residual.values;
    },
    time: async ({ text, tokens }, repeats) => {
      let sum = 0;
      for (let i = 0; i < repeats; i += 1) {
        // The worker keeps what it computed of the last text: another one takes its place, all but BOS.
        await ask(page, { ...request, text: OTHER_TEXT }, LIMIT_MS);
        const answer = await ask(page, { ...request, text }, LIMIT_MS);
        const found = JSON.parse(answer.json).tokens.length;
        if (found !== tokens) throw new Error(`our tokenizer makes ${found} tokens of a text of ${tokens}`);
        if (answer.reused_tokens > 1) throw new Error(`${answer.reused_tokens} tokens were not computed again`);
        sum += answer.compute_ms;
      }
      return sum / repeats;
    },
  };
}

/** Measures every text; answers the rows, as they go into the JSON file. */
export async function benchPath(browser, rounds) {
  const { texts, ...sizes } = JSON.parse(readFileSync(join(environment.models, 'peer.json'), 'utf8'));
  const norm = readFloats('final-norm.bin');
  const page = await openPage(browser);
  const ours = new Map();
  for (const [name, pack] of Object.entries(PACKS)) ours.set(name, await openOurs(browser, pack));
  const rows = [];
  for (const text of texts.filter(({ tokens }) => environment.wanted(tokens))) {
    const reference = readFloats(`hidden-${text.tokens}.bin`);
    const int4 = readFloats(`hidden-int4-${text.tokens}.bin`);
    const cosines = {};
    const check = (name, found, expected) => {
      const { median } = rowCosines(found, expected, sizes);
      if (median >= LEAST_COSINE[name]) return;
      throw new Error(`${name} computes something else on ${text.tokens} tokens: median cosine ${median}`);
    };
    const contenders = [];
    for (const [name, { hidden, time }] of ours) {
      // The first request loads the tokenizer, too.
      await time(text, 1);
      const found = normed(await hidden(text), norm, sizes);
      check(name, found, reference);
      cosines[name] = rowCosines(found, reference, sizes);
      contenders.push({ name, time: (repeats) => time(text, repeats) });
    }
    const last = rows.at(-1);
    const levels = LEVELS.filter(
      (level) => !last || !isHopeless(peerName(level), LEVELS.map(peerName), last.timings, text.tokens / last.tokens),
    );
    for (const level of levels) {
      const name = peerName(level);
      const options = { tokens: text.tokens, level, sizes };
      const found = await call(page, 'preparePeerModel', name, options);
      check(name, found, int4);
      cosines[name] = rowCosines(found, reference, sizes);
      contenders.push({ name, time: (repeats) => call(page, 'timePeer', name, repeats) });
    }
    const row = { tokens: text.tokens, cosines, timings: await alternate(contenders, rounds) };
    for (const level of levels) await call(page, 'releasePeer', peerName(level));
    rows.push(row);
    console.log(`    ${describe(row)}`);
  }
  await Promise.all([page.close(), ...[...ours.values()].map(({ close }) => close())]);
  return rows;
}

function describe({ tokens, timings, cosines }) {
  const parts = Object.entries(timings).map(
    ([name, { median_ms: ms }]) => `${name} ${ms.toFixed(0)} ms (median cosine ${cosines[name].median.toFixed(4)})`,
  );
  return `${tokens} tokens: ${parts.join(', ')}`;
}
