// Bench 7: how long until the first matrix stands, in the whole page and in a frame's page, without any model.
//
// From the start of the navigation to the end of the first frame in which the matrix' canvas has its size: the
// page's own clock. A first visit is a new browser profile; the second one finds the first one's files.

import { until } from '../../e2e/lib/until.mjs';
import * as environment from './environment.mjs';
import { median } from './measure.mjs';

/** What, its address, and what it shows last. */
const PAGES = [
  ['the page', '', '[data-testid="inspector-name"]'],
  ['a frame with an example', '?embed=true&example=two-events', '[data-testid="heatmap"]'],
];

/** What runs in the page before its scripts. */
function watch() {
  const look = () => {
    const canvas = document.querySelector('[data-testid="heatmap"]');
    if (!canvas || canvas.width < 100) return requestAnimationFrame(look);
    // After this frame is painted.
    return requestAnimationFrame(() => { window.pictureMs = performance.now(); });
  };
  requestAnimationFrame(look);
}

async function visit(context, url, last) {
  const page = await context.newPage();
  let bytes = 0;
  // The list of examples is asked for when the example is shown, before there is a picture of it.
  const open = new Set();
  page.on('request', (request) => open.add(request));
  page.on('requestfailed', (request) => open.delete(request));
  page.on('requestfinished', async (request) => {
    const sizes = await request.sizes().catch(() => null);
    bytes += sizes?.responseBodySize ?? 0;
    open.delete(request);
  });
  await page.addInitScript(watch);
  await page.goto(url);
  await page.waitForFunction(() => window.pictureMs);
  const time = await page.evaluate(() => window.pictureMs);
  await page.locator(last).waitFor();
  await until(() => open.size === 0, 'the end of every request');
  await page.close();
  return { time, bytes };
}

const timing = (times) => ({ median_ms: median(times), min_ms: Math.min(...times), runs: times });

/** Measures both pages; answers the rows, as they go into the JSON file. */
export async function benchPicture(browser, rounds) {
  const rows = [];
  for (const [what, query, last] of PAGES) {
    const [first, again] = [[], []];
    let sent = 0;
    for (let round = 0; round <= rounds; round += 1) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, serviceWorkers: 'block' });
      const cold = await visit(context, `${environment.site}${query}`, last);
      const warm = await visit(context, `${environment.site}${query}`, last);
      await context.close();
      // The first round starts the browser's own parts.
      if (round === 0) continue;
      first.push(cold.time);
      again.push(warm.time);
      sent = cold.bytes;
    }
    rows.push({ what, first: timing(first), again: timing(again), bytes: sent });
    console.log(`    ${what}: ${median(first).toFixed(0)} ms, again ${median(again).toFixed(0)} ms`);
  }
  return rows;
}
