// Bench 6: the page's figures while they move: panning a zoomed matrix of 1,000 x 1,000, orbiting 2,000 points.
//
// Pointer events are dispatched once a frame inside the page. "Script" is what handlers and drawing calls take of
// a frame, "frame" the time from one frame to the next, which the screen's rate bounds from below.

import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { putAway, reach } from '../../e2e/lib/reach.mjs';
import * as environment from './environment.mjs';
import { median } from './measure.mjs';
import { document as documentOf } from './points.mjs';

const FRAMES = 240;
/** Before they count: pictures are uploaded, code is compiled. */
const WARM_UP = 20;

/** What runs in the page: drags over a canvas, an event a frame. */
async function drag({ testId, frames }) {
  const canvas = document.querySelector(`[data-testid="${testId}"]`);
  canvas.scrollIntoView({ block: 'center' });
  const box = canvas.getBoundingClientRect();
  const at = (i) => ({
    clientX: box.x + box.width * (0.45 + 0.2 * Math.sin(i / 17)), clientY: box.y + box.height * (0.45 + 0.2 * Math.sin(i / 23)),
  });
  const send = (type, i) => canvas.dispatchEvent(
    new PointerEvent(type, { ...at(i), bubbles: true, pointerType: 'mouse', buttons: 1, button: 0 }));
  const { port1, port2 } = new MessageChannel();
  const settled = () => new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  const nextFrame = () => new Promise((resolve) => { requestAnimationFrame(resolve); });
  const script = [];
  const frame = [];
  send('pointerdown', 0);
  let last = await nextFrame();
  for (let i = 1; i <= frames; i += 1) {
    const started = performance.now();
    send('pointermove', i);
    // After the microtasks in which the page draws.
    await settled();
    script.push(performance.now() - started);
    const now = await nextFrame();
    frame.push(now - last);
    last = now;
  }
  send('pointerup', frames);
  return { script, frame };
}

/** The page with a saved analysis of so many tokens. */
export async function opened(browser, tokens) {
  const file = join(tmpdir(), `temporal-lens-bench-${process.pid}-${tokens}.json`);
  writeFileSync(file, JSON.stringify(documentOf(tokens)));
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  await page.goto(`${environment.site}?device=webgpu`);
  await (await reach(page, 'open-result')).setInputFiles(file);
  await page.getByTestId('file-mark').waitFor({ timeout: 120_000 });
  await putAway(page);
  return page;
}

function summed({ script, frame }) {
  const [s, f] = [script, frame].map((values) => values.slice(WARM_UP));
  const late = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.95)];
  return {
    script_ms: { median: median(s), p95: late(s) }, frame_ms: { median: median(f), p95: late(f) }, frames: f.length,
  };
}

/** Milliseconds of a frame of each figure. */
export async function benchDrawing(browser) {
  const rows = [];
  const matrix = await opened(browser, 1000);
  await matrix.waitForFunction(() => globalThis.document.querySelector('[data-testid="heatmap"]')?.width > 100);
  for (let press = 0; press < 2; press += 1) await (await reach(matrix, 'zoom-in')).click();
  rows.push({ what: 'panning a matrix of 1,000 x 1,000, 490 shown', ...summed(await matrix.evaluate(drag, { testId: 'heatmap', frames: FRAMES + WARM_UP })) });
  await matrix.close();

  const cloud = await opened(browser, 2000);
  await (await reach(cloud, 'trajectory-method')).selectOption('pca');
  await cloud.locator('[data-testid="trajectory"][data-points="2000"]').waitFor({ timeout: 120_000 });
  rows.push({ what: 'orbiting 2,000 points', ...summed(await cloud.evaluate(drag, { testId: 'trajectory', frames: FRAMES + WARM_UP })) });
  await cloud.close();
  return rows;
}
