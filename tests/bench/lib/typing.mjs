// Bench 4: what one more token costs at the end of a text that was analysed before, beside the whole text.

import * as environment from './environment.mjs';
import { modelOf } from './hidden.mjs';
import { median } from './measure.mjs';
import { openOurs, tokensOf } from './ours.mjs';

/** One token in Gemma's vocabulary, wherever it is appended. */
const APPENDED = ' the';

/** Measures every text; answers the rows, as they go into the JSON file. */
export async function benchTyping(browser, rounds) {
  const { texts } = modelOf(environment.models);
  const ours = await openOurs(browser, 'models/default/');
  const rows = [];
  for (const { text, tokens } of texts.filter((text) => environment.wanted(text.tokens))) {
    const [whole, appended] = [[], []];
    // The first round compiles what one token needs.
    for (let round = 0; round <= rounds; round += 1) {
      const before = await ours.afresh(text);
      const after = await ours.analyse(text + APPENDED);
      if (after.reused_tokens !== tokens || tokensOf(after) !== tokens + 1) {
        throw new Error(`${tokensOf(after) - after.reused_tokens} tokens were computed where one was appended to ${tokens}`);
      }
      if (round === 0) continue;
      whole.push(before.compute_ms);
      appended.push(after.compute_ms);
    }
    rows.push({ tokens, whole_ms: median(whole), appended_ms: median(appended), runs: { whole, appended } });
    console.log(`    ${tokens} tokens: ${median(whole).toFixed(0)} ms, one more ${median(appended).toFixed(0)} ms`);
  }
  await ours.close();
  return rows;
}
