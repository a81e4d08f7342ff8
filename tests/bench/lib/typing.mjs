// Bench 4: what one more token costs at the end of a text that was analyzed before, and what keeping another number
// of its novel codes, against the whole text.

import * as environment from './environment.mjs';
import { modelOf } from './hidden.mjs';
import { median } from './measure.mjs';
import { openOurs, tokensOf } from './ours.mjs';

/** One token in Gemma's vocabulary, wherever it is appended. */
const APPENDED = ' the';
/** Half of what the default SAE keeps. */
const OTHER_K = 16;

/** Measures every text; answers the rows, as they go into the JSON file. */
export async function benchTyping(browser, rounds) {
  const { texts } = modelOf(environment.models);
  const ours = await openOurs(browser, 'models/default/');
  const rows = [];
  for (const { text, tokens } of texts.filter((text) => environment.wanted(text.tokens))) {
    const [whole, appended, encoded] = [[], [], []];
    // The first round compiles what one token needs.
    for (let round = 0; round <= rounds; round += 1) {
      const before = await ours.afresh(text);
      const after = await ours.analyze(text + APPENDED);
      if (after.reused_tokens !== tokens || tokensOf(after) !== tokens + 1) {
        throw new Error(`${tokensOf(after) - after.reused_tokens} tokens were computed where one was appended to ${tokens}`);
      }
      // Its tokens are all there: what Gemma said of them is taken over.
      const again = await ours.analyze(text, { inf_k: OTHER_K });
      if (again.reused_tokens !== tokens) throw new Error(`${tokens - again.reused_tokens} tokens were computed for another inf_k`);
      if (round === 0) continue;
      whole.push(before.compute_ms);
      appended.push(after.compute_ms);
      encoded.push(again.compute_ms);
    }
    rows.push({ tokens, whole_ms: median(whole), appended_ms: median(appended), encoded_ms: median(encoded), runs: { whole, appended, encoded } });
    const [all, more, again] = [whole, appended, encoded].map((runs) => median(runs).toFixed(0));
    console.log(`    ${tokens} tokens: ${all} ms, one more ${more} ms, another inf_k ${again} ms`);
  }
  await ours.close();
  return rows;
}
