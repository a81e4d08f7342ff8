// Bench 3: Gemma-2-2B's size, random weights: loading, memory, prefill.

import * as environment from './environment.mjs';
import { openOurs, tokensOf } from './ours.mjs';

/** Words of one token each. */
const WORD = ' the';
const TOKENS = [18, 141, 512];

/** Loads once and runs every length; answers one row a length, as they go into the JSON file. */
export async function benchFullSize(browser) {
  const ours = await openOurs(browser, 'full-size/');
  // Loads, and compiles the kernels.
  await ours.analyse(WORD);
  const rows = [];
  for (const tokens of TOKENS.filter(environment.wanted)) {
    const answer = await ours.afresh(WORD.repeat(tokens - 1), { apart: true });
    if (tokensOf(answer) !== tokens) throw new Error(`${tokensOf(answer)} tokens, not ${tokens}`);
    const { heap_bytes: heap, gpu_bytes: gpu, packs: [pack] } = await ours.facts();
    const { load_ms: load, tokenizer_ms: tokenizer, weight_bytes: weights } = pack;
    rows.push({ tokens, load_ms: load, tokenizer_ms: tokenizer, heap_bytes: heap, gpu_bytes: gpu, weight_bytes: weights,
      compute_ms: answer.compute_ms, stages: answer.stages });
    console.log(`    ${tokens} tokens: ${answer.compute_ms.toFixed(0)} ms; loaded in ${load.toFixed(0)} ms`);
  }
  await ours.close();
  return rows;
}
