// Requests that overtake each other: Back while one is under way, a text that was asked for before, a worker that breaks
// while something else waits for it. On a small pack without WebGPU.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { parameters } from './lib/address.mjs';
import { analyze, launch, open, waitForState } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { downloadJson } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const LIMIT = { timeout: 120_000 };
// Rows come in blocks of some neighbors: all tokens of the first two lie in the vocabulary's first two blocks, “an” does not.
const [FIRST, SECOND, THIRD] = ['bad cab', 'deaf jaw', 'Zebras vanish.'];

describe('requests that overtake each other', () => {
  let browser;
  let pack;
  let page;
  before(async () => {
    browser = await launch({ webgpu: false });
    pack = await commandLine.packPair(PAIR, 'requests');
  });
  after(() => browser?.close());
  beforeEach(async () => { page = await open(browser, site, { pack }); });
  afterEach(async () => {
    const { problems } = page;
    await page.context().close();
    assert.deepEqual(problems, []);
  });

  /** Waits until the analysis of `text` is shown. */
  const shows = async (text) => {
    await until(() => parameters(page).get('text') === text, 'the text in the address');
    await waitForState(page, ['done']);
    // From the Share dialog: choosing a tab would be a step of the history.
    assert.equal((await downloadJson(page, 'share-file')).text, text);
  };
  /** Analyzes two texts: Back leads to the first. */
  const analyzeTwo = async () => {
    for (const text of [FIRST, SECOND]) {
      assert.equal(await analyze(page, text), 'done');
      await shows(text);
    }
  };

  test('after Back, typing the text that was analyzed last shows it again', LIMIT, async () => {
    await analyzeTwo();
    await page.goBack();
    await shows(FIRST);
    assert.equal(await (await reach(page, 'text-input')).inputValue(), FIRST);
    await (await reach(page, 'text-input')).fill(SECOND);
    await shows(SECOND);
  });

  test('Back while a text is analyzed gives it up, and the next one is answered', LIMIT, async () => {
    await analyzeTwo();
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await page.route(/\/packs\/requests\/embedding/, async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
    assert.equal(await analyze(page, THIRD, { states: ['loading'] }), 'loading');
    await page.getByTestId('progress').waitFor();
    await page.goBack();
    await shows(FIRST);
    assert.equal(await page.getByTestId('progress').count(), 0, 'nothing is under way any more');
    release();
    await analyze(page, SECOND);
    await shows(SECOND);
  });

  test('what was pressed while a worker broke is asked of the next one', LIMIT, async () => {
    assert.equal(await analyze(page, FIRST), 'done');
    await page.route(/\/packs\/requests\/embedding/, () => {});
    // Typing asks for rows that never come; Analyze waits for that to end; then the worker breaks instead.
    await (await reach(page, 'text-input')).fill(THIRD);
    await waitForState(page, ['loading']);
    await page.unroute(/\/packs\/requests\/embedding/);
    await page.evaluate(() => {
      const worker = window.startedWorkers.at(-1);
      worker.postMessage = () => {};
      document.querySelector('[data-testid="analyze"]').click();
      worker.dispatchEvent(new ErrorEvent('error', { message: 'broken by the test' }));
    });
    await shows(THIRD);
    assert.equal(await page.evaluate(() => window.startedWorkers.length), 2);
  });

  test('a text of too many tokens is refused before any weight is asked for', LIMIT, async () => {
    // Some 700 words, of which this small tokenizer makes over 2,048 tokens.
    const text = 'Once upon a time, a little girl named Alice loved looking at the night sky. '.repeat(45);
    assert.equal(await analyze(page, text), 'error');
    assert.match(await page.getByTestId('error').innerText(), /the text has [\d,]+ tokens, at most 2,?048 can be analyzed/);
    const asked = (name) => page.requested.filter((url) => url.includes(name)).length;
    assert.equal(asked('tokenizer.bin'), 1);
    assert.equal(asked('shard-'), 0, page.requested.join('\n'));
    // The tokenizer is kept: a text that fits goes on from it.
    assert.equal(await analyze(page, FIRST), 'done');
    assert.equal(asked('tokenizer.bin'), 1);
  });
});
