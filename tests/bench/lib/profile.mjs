// Where the time of a whole analysis goes, kernel by kernel.

import * as environment from './environment.mjs';
import { modelOf } from './hidden.mjs';
import { openOurs } from './ours.mjs';

const PACKS = { q8: 'models/default/', q4: 'packs/q4/' };

/** Says something to the recorder in the worker; answers what it says to `replay`. */
function tell(page, word) {
  return page.evaluate((word) => new Promise((resolve) => {
    const channel = new BroadcastChannel('temporal-lens-profile');
    if (word === 'replay') channel.addEventListener('message', ({ data }) => resolve(data.rows));
    channel.postMessage(word);
    if (word !== 'replay') setTimeout(resolve, 50);
  }), word);
}

/** Measures every text; answers the rows, as they go into the JSON file. */
export async function benchProfile(browser) {
  const { texts } = modelOf(environment.models);
  const rows = [];
  for (const [pack, folder] of Object.entries(PACKS)) {
    const ours = await openOurs(browser, folder, { recorded: true });
    for (const { text, tokens } of texts.filter((text) => environment.wanted(text.tokens))) {
      await ours.afresh(text);
      // All but one token of it is computed again.
      await ours.analyze('7');
      await tell(ours.page, 'record');
      const { compute_ms: whole } = await ours.analyze(text);
      const kernels = (await tell(ours.page, 'replay')).sort((a, b) => b.ms - a.ms);
      rows.push({ pack, tokens, whole_ms: whole, kernels });
      console.log(`    ${pack}, ${tokens} tokens: ${kernels.map(({ name, ms }) => `${name} ${ms.toFixed(0)}`).join(', ')} of ${whole.toFixed(0)} ms`);
    }
    await ours.close();
  }
  return rows;
}
