// Bench 11: how much a reader has to do on the page, and how still it stands: controls, Tab presses, heights, layout shifts, and
// the time from a pointer's move to the next painted frame.
//
// No model is needed: the first screen is a precomputed example, the long text a saved analysis.

import { opened } from './drawing.mjs';
import * as environment from './environment.mjs';
import { median } from './measure.mjs';

const DESKTOP = { width: 1440, height: 900 };
const WIDTHS = [360, 768, 1280, 1440, 2560];
/** Nearly the longest text that the model takes. */
const LONG_TOKENS = 1832;
/** More Tab presses than any page should need. */
const TABS_MOST = 400;

/** What runs in the page before its scripts: layout shifts as the browser counts them. */
function watch() {
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}

async function openAt(browser, viewport, query = '') {
  const context = await browser.newContext({ viewport, serviceWorkers: 'block' });
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(`${environment.site}${query}`);
  await page.waitForFunction(() => document.querySelector('[data-testid="heatmap"]')?.width > 100);
  await page.waitForFunction(() => document.querySelector('[data-testid="added-features"] li'));
  await page.evaluate(() => document.fonts.ready);
  return page;
}

/** Names of what the Tab key stops at, in order, until it leaves the page. */
async function tabStops(page) {
  const stops = [];
  await page.evaluate(() => document.body.focus());
  for (let press = 0; press < TABS_MOST; press += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const it = document.activeElement;
      if (!it || it === document.body) return null;
      const box = it.getBoundingClientRect();
      const isSeen = box.bottom > 0 && box.top < window.innerHeight;
      return { name: it.dataset.testid || it.className || it.tagName, inside: it.closest('[data-testid="added-features"]') !== null, isSeen };
    });
    if (at === null || (stops.length > 0 && at.name === stops[0].name && press > 3)) break;
    stops.push(at);
  }
  return stops;
}

const shiftOf = (page) => page.evaluate(() => window.shift);

/** Milliseconds from a pointer's move over tokens to the second frame after it. */
async function hovers(page, rounds) {
  const times = [];
  const count = Number(await page.locator('main').getAttribute('data-analysis-tokens'));
  for (let round = 0; round < 10 * rounds; round += 1) {
    const position = 1 + ((round * 7) % Math.min(40, count - 1));
    const time = await page.evaluate((id) => new Promise((resolve) => {
      const token = document.getElementById(id);
      const started = performance.now();
      token.dispatchEvent(new PointerEvent('pointerover', { bubbles: true, pointerType: 'mouse' }));
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - started)));
    }), `token-${position}`);
    times.push(time);
  }
  return times;
}

/** Measures the page; answers the rows, as they go into the JSON file. */
export async function benchPage(browser, rounds) {
  const rows = [];
  const add = (what, value, unit = '') => {
    rows.push({ what, value, unit });
    console.log(`    ${what}: ${value}${unit && ` ${unit}`}`);
  };
  const page = await openAt(browser, DESKTOP);
  const stops = await tabStops(page);
  const presses = (test) => stops.findIndex(test) + 1;
  add('controls that Tab reaches on the first screen', stops.filter(({ isSeen }) => isSeen).length);
  add('Tab stops in the page', stops.length);
  add('Tab presses to the text', presses(({ name }) => name === 'token-strip'));
  add('Tab presses to the matrix', presses(({ name }) => name === 'heatmap'));
  add('Tab presses to a feature of the word', presses(({ inside }) => inside));
  add('height of the page', await page.evaluate(() => document.documentElement.scrollHeight), 'px');
  await page.context().close();
  for (const width of WIDTHS) {
    const at = await openAt(browser, { width, height: width < 700 ? 780 : 900 });
    add(`layout shift of the first load at ${width} px`, (await shiftOf(at)).toFixed(3));
    await at.context().close();
  }
  const changed = await openAt(browser, DESKTOP);
  const before = await shiftOf(changed);
  for (const id of ['poem', 'news', 'two-events']) {
    await changed.getByTestId('gallery').selectOption(id);
    await changed.waitForFunction((it) => document.querySelector('[data-testid="gallery"]').value === it, id);
    await changed.waitForFunction(() => document.querySelector('[data-testid="added-features"] li'));
  }
  add('layout shift of three changes of the example', ((await shiftOf(changed)) - before).toFixed(3));
  const times = await hovers(changed, rounds);
  add('hover to the second frame after it, 111 tokens, median', median(times).toFixed(0), 'ms');
  add('the same, longest', Math.max(...times).toFixed(0), 'ms');
  await changed.context().close();
  const long = await opened(browser, LONG_TOKENS);
  const slow = await hovers(long, rounds);
  const count = LONG_TOKENS.toLocaleString('en-US');
  add(`hover to the second frame after it, ${count} tokens, median`, median(slow).toFixed(0), 'ms');
  add('the same, longest', Math.max(...slow).toFixed(0), 'ms');
  await long.context().close();
  return rows;
}
