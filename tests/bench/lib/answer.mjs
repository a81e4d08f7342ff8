// Bench 8: from the GPU's last work to the drawn matrix, in the whole page: how long an answer takes to be read
// back, assembled, sent, read and drawn.
//
// The worker's script notes when work was last submitted and when a result last came back, the page when its matrix
// was drawn first and the frame after it. Both clocks have one origin. Every round analyzes another text first, so
// that nothing is taken over but BOS.

import { readFileSync } from 'node:fs';

import { reach } from '../../e2e/lib/reach.mjs';
import * as environment from './environment.mjs';
import { median } from './measure.mjs';
import { LIMIT_MS } from './ours.mjs';
import { beginnings } from './texts.mjs';

/** A paragraph, and nearly the longest text that the model takes. */
const TOKENS = [141, 1892];
const OTHER_TEXT = '7';

/** What runs in the page before its scripts: notes when the matrix is drawn, and when two frames after it are over. */
function watchDrawing() {
  window.draws = [];
  const now = () => performance.timeOrigin + performance.now();
  const { drawImage } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.drawImage = function noted(...values) {
    drawImage.apply(this, values);
    if (this.canvas.dataset.testid !== 'heatmap') return;
    const draw = { at: now() };
    window.draws.push(draw);
    requestAnimationFrame(() => requestAnimationFrame(() => { draw.shown = now(); }));
  };
}

/** Analyzes a text in the page; answers milliseconds from each stamp of the worker to the drawn matrix. */
async function measure(page, text) {
  await (await reach(page, 'text-input')).fill(text);
  await page.evaluate(() => { window.draws = []; });
  await (await reach(page, 'analyze')).click();
  await page.locator('main[data-state="loading"]').waitFor();
  await page.locator('main[data-state="done"], main[data-state="error"]').waitFor({ timeout: LIMIT_MS });
  const stamps = await page.evaluate(() => new Promise((resolve) => {
    const channel = new BroadcastChannel('temporal-lens-stamps');
    channel.addEventListener('message', ({ data }) => resolve(data));
    channel.postMessage('ask');
  }));
  // A drawing before the answer is the old matrix in another place.
  const drawn = await page.waitForFunction(
    (since) => window.draws.find(({ at, shown }) => at >= since && shown), stamps.readBack, { timeout: LIMIT_MS });
  const { at, shown } = await drawn.jsonValue();
  const { submitted, readBack } = stamps;
  if (!(submitted > 0 && submitted <= readBack)) throw new Error(`the worker noted nothing: ${JSON.stringify(stamps)}`);
  return { submitted: at - submitted, readBack: at - readBack, frame: shown - at };
}

/** Measures every text; answers the rows, as they go into the JSON file. */
export async function benchAnswer(browser, rounds) {
  const counts = TOKENS.filter(environment.wanted);
  const texts = await beginnings(browser, counts);
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, serviceWorkers: 'block' });
  const script = readFileSync(new URL('../page/stamps.js', import.meta.url), 'utf8');
  await context.route('**/worker-loader.js*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${script}\n${await response.text()}` });
  });
  const page = await context.newPage();
  await page.addInitScript(watchDrawing);
  // The adapter of the bench, whatever is faster.
  await page.goto(`${environment.site}?device=webgpu`);
  // Asking the page to follow while one types would start analyses of its own.
  await (await reach(page, 'live')).uncheck();
  const rows = [];
  for (const { text, tokens } of texts) {
    const runs = [];
    // The first round loads, and compiles.
    for (let round = 0; round <= rounds; round += 1) {
      await measure(page, OTHER_TEXT);
      const run = await measure(page, text);
      if (round > 0) runs.push(run);
    }
    const of = (key) => ({ median_ms: median(runs.map((run) => run[key])), min_ms: Math.min(...runs.map((run) => run[key])) });
    const row = { tokens, submitted: of('submitted'), read_back: of('readBack'), frame: of('frame'), runs };
    rows.push(row);
    console.log(`    ${tokens} tokens: drawn ${row.submitted.median_ms.toFixed(0)} ms after the last dispatch, ${
      row.read_back.median_ms.toFixed(0)} ms after the last read-back`);
  }
  await context.close();
  return rows;
}
