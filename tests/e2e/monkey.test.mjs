// Altered documents, and controls pressed without a plan: whatever the page accepts it survives, whatever
// it does not accept it refuses with a sentence. Every step follows from a seed; a failure names it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, open, visitor } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { example, show } from './lib/examples.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

const DOCUMENTS = 100;
/** Controls pressed with each document. */
const STEPS = 12;
/** The page answers a step within this, on a loaded machine too. */
const FREEZE_MS = 10_000;
/** So many of the documents are accepted at least: a test of refusals alone would prove little. */
const ACCEPTED = 40;

/** What needs a model, asks another host or the browser for more than a file, or ends the page. */
const LEFT_OUT = /^(analyze|attention-compute|compare|get-words|words-toggle|store-embedding|delete-stored|diagnostics|pack-.*|.*-copy|full-screen|neuronpedia.*|film-(webm|png)|open-result|retry)$/;

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { next, below, of: (list) => list[below(list.length)], is: (share) => next() < share };
}

const BASES = ['seed-prompt', 'garden-path', 'counting', 'poem', 'two-events'].map(example);
const TOKENS = ['', ' ', '\n\n\n', '\t', '▁', '▁'.repeat(40), '<bos>', '<b>&amp;', '\u0000', '\u202eabc', 'שלום', '🏳️‍🌈', 'e\u0301\u0301\u0301', '<0x0A>',
  'a'.repeat(900), '"', '\\', '%', '\ufeff', '漢字'];
const NUMBERS = [0, -0, 1, -1, 1e-30, 1e30, 3.4e38, -3.4e38, 1e-45, 0.5, 2 ** 24, null];
const OPTIONAL = ['pred_top', 'sources', 'events', 'words', 'surprise', 'shuffled', 'energy', 'attention', 'grams', 'selected'];
/** Lists with an item for each token. */
const OF_TOKENS = ['token_ids', 'tokens', 'l0_novel', 'l0_pred', 'l0_total', 'novel_top', 'pred_top', 'sources', 'surprise'];

/** Every number of a document below `it`, as [holder, key]. */
function numbers(it, found = []) {
  for (const [key, value] of Object.entries(it ?? {})) {
    if (typeof value === 'number') found.push([it, key]);
    else if (typeof value === 'object') numbers(value, found);
  }
  return found;
}

const MUTATIONS = [
  (it, dice) => { for (const key of OPTIONAL) if (dice.is(0.3)) delete it[key]; },
  (it, dice) => { it.tokens = it.tokens.map((token) => (dice.is(0.4) ? dice.of(TOKENS) : token)); },
  (it, dice) => { it.text = dice.of(['', 'x', it.text.repeat(2), TOKENS.join('')]); },
  (it, dice) => {
    const all = numbers(it);
    for (let i = 0; i < 8; i += 1) {
      const [holder, key] = dice.of(all);
      holder[key] = dice.of(NUMBERS);
    }
  },
  (it, dice) => {
    // A text of few tokens; what has more than a number for each would not fit.
    const count = 1 + dice.below(Math.min(6, it.tokens.length));
    for (const key of OF_TOKENS) if (it[key]) it[key] = it[key].slice(0, count);
    for (const key of ['attention', 'grams', 'events', 'words', 'energy']) delete it[key];
    it.selected = null;
    if (it.sources) it.sources = it.sources.map(() => []);
  },
  (it, dice) => {
    if (!it.events) return;
    const [event] = it.events;
    const last = it.tokens.length - 1;
    it.events = Array.from({ length: Math.min(last, 40) }, (_, at) => ({ ...event, first: at + 1, last: at + 1, expectation_from: at + 1, unclear: dice.is(0.5) }));
    if (it.events.length > 0) it.events.at(-1).last = last;
  },
  (it, dice) => {
    it.novel_top = it.novel_top.map((list) => (dice.is(0.5) ? [] : list.map((code) => ({ ...code, feature: dice.below(it.model.width), value: dice.of([0, 1e-40, 1, 3e38]) }))));
  },
  (it) => { if (it.sources) it.sources = it.sources.map((list, at) => list.map((source) => ({ ...source, position: Math.max(at - 1, 0), weight: 1 }))); },
  (it, dice) => { it.model = { ...it.model, name: dice.of(['', 'x'.repeat(900), '<script>', it.model.name]), pack_hash: dice.of(['0'.repeat(64), it.model.pack_hash]) }; },
  (it, dice) => { it.similarity_stats = { min: dice.of(NUMBERS), max: dice.of(NUMBERS), mean: dice.of(NUMBERS) }; },
];

function made(dice) {
  const it = structuredClone(dice.of(BASES));
  const count = 1 + dice.below(3);
  for (let i = 0; i < count; i += 1) dice.of(MUTATIONS)(it, dice);
  return JSON.stringify(it);
}

/** Chooses one control of the page by `choice` from 0 to 1, as `window.chosen`; answers its name. */
function choose([choice, leftOut]) {
  const controls = [...document.querySelectorAll('button, summary, select, canvas, input[type="checkbox"], input[type="range"], .token')]
    .filter((it) => !it.disabled && !it.closest('[inert]') && it.checkVisibility({ visibilityProperty: true }))
    .filter((it) => !new RegExp(leftOut).test(it.dataset.testid ?? ''));
  // Words are many, and alike: one in ten.
  const rare = controls.filter((it, at) => !it.matches('.token') || at % 10 === 0);
  const it = rare[Math.floor(choice * rare.length)];
  window.chosen = it;
  return it ? `${it.tagName.toLowerCase()} ${it.dataset.testid ?? it.getAttribute('aria-label') ?? it.textContent.slice(0, 30)}` : 'nothing';
}

/** Presses the chosen control, where and how `detail` from 0 to 1 says. */
function press(detail) {
  const it = window.chosen;
  if (!it) return;
  const { x, y, width, height } = it.getBoundingClientRect();
  const place = { bubbles: true, cancelable: true, clientX: x + detail * width, clientY: y + ((detail * 7) % 1) * height };
  if (it.matches('select')) {
    it.selectedIndex = Math.floor(detail * it.options.length);
    it.dispatchEvent(new Event('change', { bubbles: true }));
  } else if (it.matches('input[type="range"]')) {
    it.value = String(Number(it.min) + detail * (Number(it.max) - Number(it.min)));
    it.dispatchEvent(new Event('input', { bubbles: true }));
  } else if (it.matches('canvas')) {
    it.dispatchEvent(new PointerEvent('pointermove', { ...place, pointerType: 'mouse' }));
    const what = Math.floor(detail * 5);
    if (what === 0) it.dispatchEvent(new WheelEvent('wheel', { ...place, ctrlKey: true, deltaY: detail > 0.1 ? -200 : 200 }));
    else if (what === 1) it.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, key: ['ArrowDown', 'End', 'Enter', '+', '0'][Math.floor(detail * 25) % 5] }));
    else it.dispatchEvent(new MouseEvent('click', place));
  } else it.click();
}

describe('documents and controls at random', () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  test(`${DOCUMENTS} documents, ${STEPS} controls each`, async () => {
    const context = await visitor(browser, { viewport: { width: 1280, height: 800 } });
    const page = await open(browser, site, { context });
    await page.getByTestId('added-features').waitFor();
    // Files are made, and go nowhere.
    await page.evaluate(() => { HTMLAnchorElement.prototype.click = () => {}; });
    let accepted = 0;
    for (let seed = 1; seed <= DOCUMENTS; seed += 1) {
      const dice = random(seed);
      const json = made(dice);
      await page.keyboard.press('Escape');
      const name = `monkey-${seed}.json`;
      await page.getByTestId('open-result').setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(json) });
      const outcome = async () => page.evaluate((it) => {
        if (document.querySelector('[data-testid="error"]')?.textContent.includes(it)) return 'refused';
        return document.querySelector('[data-testid="file-mark"]')?.textContent.includes(it) ? 'accepted' : null;
      }, name);
      await until(async () => await outcome() !== null || page.problems.length > 0, `document ${seed} is shown or refused`);
      const story = [`document ${seed}`];
      if (await outcome() === 'accepted') {
        accepted += 1;
        for (let step = 0; step < STEPS && page.problems.length === 0; step += 1) {
          const began = Date.now();
          // Its name first: a renderer that dies of it tells no more.
          const [choice, detail] = [dice.next(), dice.next()];
          story.push(await page.evaluate(choose, [choice, LEFT_OUT.source]));
          await page.evaluate(press, detail).catch((error) => {
            throw new Error(`${error.message}: ${story.join(' > ')}`, { cause: error });
          });
          await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => resolve()); }));
          assert.ok(Date.now() - began < FREEZE_MS, `frozen for ${Date.now() - began} ms: ${story.join(' > ')}`);
        }
      }
      assert.deepEqual(page.problems, [], story.join(' > '));
    }
    assert.ok(accepted >= ACCEPTED, `${accepted} of ${DOCUMENTS} were accepted`);
    console.log(`    ${accepted} of ${DOCUMENTS} documents were accepted`);
    // It still is the page that it was.
    await page.goto(site);
    await show(page, 'poem');
    assert.equal(await (await reach(page, 'heatmap')).isVisible(), true);
    await context.close();
  });
});
