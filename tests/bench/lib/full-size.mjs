// Bench 3: Gemma-2-2B's size, random weights: loading, memory, prefill; against the peer's 13 layers of that size.

import * as environment from './environment.mjs';
import { modelOf, readFloats, rowCosines } from './hidden.mjs';
import { openOurs, tokensOf } from './ours.mjs';
import { call, openPage } from './pages.mjs';

/** Words of one token each. */
const WORD = ' the';
const PEER = 'peer-0';
/** Least median cosine of the peer's hidden states with PyTorch's on the export's own int4 weights. */
const LEAST_COSINE = 0.99;
/** The peer is left out where it would take longer, by a shorter text in the same run: SwiftShader takes minutes. */
const MOST_PEER_MS = 400_000;

/** Loads once and runs every length; answers one row a length, as they go into the JSON file. */
export async function benchFullSize(browser) {
  const { texts, ...sizes } = modelOf(environment.fullSizeModel);
  const rows = await benchOurs(browser, texts.map(({ tokens }) => tokens).filter(environment.wanted));
  await benchPeer(browser, sizes, rows);
  return rows;
}

async function benchOurs(browser, lengths) {
  const ours = await openOurs(browser, 'full-size/');
  // Loads, and compiles the kernels.
  await ours.analyze(WORD);
  const rows = [];
  for (const tokens of lengths) {
    const answer = await ours.afresh(WORD.repeat(tokens - 1), { kind: 'analyze_in_stages' });
    if (tokensOf(answer) !== tokens) throw new Error(`${tokensOf(answer)} tokens, not ${tokens}`);
    const { heap_bytes: heap, gpu_bytes: gpu, packs: [pack] } = await ours.facts();
    const { load_ms: load, tokenizer_ms: tokenizer, weight_bytes: weights } = pack;
    rows.push({ tokens, load_ms: load, tokenizer_ms: tokenizer, heap_bytes: heap, gpu_bytes: gpu, weight_bytes: weights,
      compute_ms: answer.compute_ms, stages: answer.stages });
    console.log(`    ${tokens} tokens: ${answer.compute_ms.toFixed(0)} ms; loaded in ${load.toFixed(0)} ms`);
  }
  // Both models at once would be too much for a small GPU.
  await ours.close();
  return rows;
}

/** Adds `peer_ms`, 13 layers without SAE and analysis, to the rows of lengths that it can be asked for. */
async function benchPeer(browser, sizes, rows) {
  const page = await openPage(browser);
  let last;
  for (const row of rows) {
    if (last && (last.peer_ms * row.tokens) / last.tokens > MOST_PEER_MS) continue;
    const found = await call(page, 'preparePeerModel', PEER, { tokens: row.tokens, level: 0, sizes, folder: 'peer-full-size' });
    const { median } = rowCosines(found, readFloats(environment.fullSizeModel, `hidden-int4-${row.tokens}.bin`), sizes);
    if (!(median >= LEAST_COSINE)) throw new Error(`the peer computes something else on ${row.tokens} tokens: median cosine ${median}`);
    row.peer_ms = await call(page, 'timePeer', PEER, 1);
    row.peer_cosine = median;
    await call(page, 'releasePeer', PEER);
    last = row;
    console.log(`    ${row.tokens} tokens: the peer's 13 layers ${row.peer_ms.toFixed(0)} ms (median cosine ${median.toFixed(4)})`);
  }
  await page.close();
}
