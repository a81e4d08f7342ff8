// Bench 9: what readouts in words add to an analysis, and to one more token at its end.

import * as environment from './environment.mjs';
import { median } from './measure.mjs';
import { openOurs, tokensOf } from './ours.mjs';
import { beginnings } from './texts.mjs';

/** A sentence, a paragraph, a page. */
const TOKENS = [18, 141, 500];
/** One token in Gemma's vocabulary, wherever it is appended. */
const APPENDED = ' the';

/** Measures every text; answers the rows, as they go into the JSON file. */
export async function benchWords(browser, rounds) {
  const texts = await beginnings(browser, TOKENS.filter(environment.wanted));
  const ours = await openOurs(browser, 'models/default/');
  const rows = [];
  for (const { text, tokens } of texts) {
    const runs = { plain: [], words: [], plain_more: [], words_more: [] };
    // The first round fetches the words and compiles what they need.
    for (let round = 0; round <= rounds; round += 1) {
      const order = round % 2 ? [true, false] : [false, true];
      for (const words of order) {
        const whole = await ours.afresh(text, { words });
        const more = await ours.analyze(text + APPENDED, { words });
        if (tokensOf(more) !== tokens + 1 || Boolean(more.analysis.words) !== words) throw new Error('that is another answer');
        if (round === 0) continue;
        runs[words ? 'words' : 'plain'].push(whole.compute_ms);
        runs[words ? 'words_more' : 'plain_more'].push(more.compute_ms);
      }
    }
    const of = Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, median(all)]));
    rows.push({ tokens, ...of, runs });
    console.log(`    ${tokens} tokens: ${of.plain.toFixed(0)} ms, with words ${of.words.toFixed(0)} ms; one more ${of.plain_more.toFixed(0)}, ${of.words_more.toFixed(0)} ms`);
  }
  await ours.close();
  return rows;
}
