// Bench 13: the first answer of a worker, nothing loaded: when it had a device, and when each stage reported first and last.
//
// Stages overlap: files are fetched while the device opens. A cold start is a new browser profile; a stored one finds the
// first one's files, and compiles its kernels again.

import { ask, startWorker } from '../../e2e/lib/worker.mjs';
import * as environment from './environment.mjs';
import { median } from './measure.mjs';
import { LIMIT_MS, tokensOf } from './ours.mjs';
import { openPage } from './pages.mjs';

const TEXT = 'Once upon a time, a little girl named Alice loved looking at the night sky.';
/** What the worker is asked for: nothing, so that it measures and chooses, or WebGPU. */
const WISHES = ['', 'webgpu'];

/** Starts a worker in a new page of `context` and asks it for an analysis; answers milliseconds since its start, by what they end. */
async function start(context, wish) {
  const page = await openPage(context);
  const from = await page.evaluate(() => performance.now());
  await startWorker(page, wish);
  await page.evaluate((begun) => {
    window.timeline = {};
    window.lens.listeners.add(({ kind, stage }) => {
      const at = performance.now() - begun;
      if (kind === 'ready') window.timeline.ready = { first: at, last: at };
      if (kind === 'progress') window.timeline[stage] = { first: window.timeline[stage]?.first ?? at, last: at };
    });
  }, from);
  const packUrl = new URL('models/default/', environment.site).href;
  const answer = await ask(page, { kind: 'analyze', pack_url: packUrl, inf_k: null, text: TEXT }, LIMIT_MS);
  const { timeline, device, end } = await page.evaluate((begun) => ({
    timeline: window.timeline, device: window.lens.device, end: performance.now() - begun,
  }), from);
  await page.close();
  return { timeline: { ...timeline, answer: { first: end, last: end } }, device: device.webgpu ? 'WebGPU' : 'CPU', tokens: tokensOf(answer) };
}

/** Measures every wish, cold and stored; answers the rows, as they go into the JSON file. */
export async function benchStart(browser, rounds) {
  const rows = [];
  for (const wish of WISHES) {
    const runs = { cold: [], stored: [] };
    for (let round = 0; round <= rounds; round += 1) {
      const context = await browser.newContext({ serviceWorkers: 'block' });
      for (const how of ['cold', 'stored']) {
        const run = await start(context, wish);
        // The first round starts the browser's own parts.
        if (round > 0) runs[how].push(run);
      }
      await context.close();
    }
    for (const [how, all] of Object.entries(runs)) {
      const names = [...new Set(all.flatMap(({ timeline }) => Object.keys(timeline)))];
      const of = (name, end) => median(all.filter(({ timeline }) => timeline[name]).map(({ timeline }) => timeline[name][end]));
      const parts = names.map((name) => ({ name, first_ms: of(name, 'first'), last_ms: of(name, 'last') }));
      parts.sort((a, b) => a.last_ms - b.last_ms);
      const row = { asked: wish || 'nothing', device: all[0].device, tokens: all[0].tokens, how, parts, runs: all };
      rows.push(row);
      console.log(`    asked for ${row.asked}, ${row.device}, ${how}: ${parts.at(-1).last_ms.toFixed(0)} ms`);
    }
  }
  return rows;
}
