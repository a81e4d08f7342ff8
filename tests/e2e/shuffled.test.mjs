// The yardstick of a text that is analyzed here: its numbers next to those of its tokens in other orders.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { analyze, launch, open, screenshot, waitForState } from './lib/browser.mjs';
import { defaultPack, packs, site } from './lib/environment.mjs';
import { downloadJson } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';

const TEXT = 'The nurse ran beside the stretcher while the surgeon called for blood, and the ambulance lights turned on the wall of the clinic. '
  + 'At the vineyard the pickers filled their baskets with ripe grapes, and the old winemaker tasted the juice beside the barrels.';
/** The page's own path on the processor, in wasm, rounds products that the command line fuses. */
const TOLERANCE = 0.005;

describe('numbers next to those of shuffled words', () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  test('are asked for, are the command line’s, and come along in the file', { timeout: 240_000 }, async () => {
    const page = await open(browser, site);
    await (await reach(page, 'words-toggle')).check();
    assert.equal(await analyze(page, TEXT), 'done');
    const sentences = await reach(page, 'sentences');
    assert.doesNotMatch(await sentences.innerText(), /huffled:/);
    assert.equal((await downloadJson(page)).shuffled, undefined, 'nothing of it before it is asked for');

    // Given up, it is as if it had not been asked for.
    await (await reach(page, 'shuffle')).click();
    await page.getByTestId('progress-label').filter({ hasText: 'other orders' }).waitFor();
    await page.getByTestId('cancel').click();
    await waitForState(page, ['done']);
    assert.doesNotMatch(await (await reach(page, 'sentences')).innerText(), /huffled:/);

    await (await reach(page, 'shuffle')).click();
    await sentences.filter({ hasText: 'Shuffled: the same tokens in three other orders.' }).waitFor({ timeout: 120_000 });
    assert.match(await sentences.innerText(), /shuffled: \d+ % expected, \d+ % new/);
    assert.equal(await page.getByTestId('shuffle').count(), 0);
    await screenshot(page, 'numbers-shuffled');
    const found = await downloadJson(page);
    const wanted = await commandLine.analyze(defaultPack, TEXT, '--shuffled', '3');
    assert.equal(found.shuffled.orders, 3);
    assert.equal(found.shuffled.statistics.length, 6);
    for (const { name, own, text, events } of found.shuffled.statistics) {
      const theirs = wanted.shuffled.statistics.find((it) => it.name === name);
      const near = (a, b, what) => assert.ok(a === b || Math.abs(a - b) <= TOLERANCE, `${name}, ${what}: ${a}, not ${b}`);
      near(own, theirs.own, 'own');
      for (const end of ['mean', 'min', 'max']) {
        near(text[end], theirs.text[end], `whole text, ${end}`);
        near(events[end], theirs.events[end], `within events, ${end}`);
      }
    }
    assert.deepEqual(page.problems, []);

    // A saved file has them, and asks for no model.
    const file = join(packs, 'shuffled.json');
    writeFileSync(file, JSON.stringify(found));
    const other = await open(browser, site);
    await (await reach(other, 'open-result')).setInputFiles(file);
    await other.getByTestId('file-mark').waitFor();
    assert.match(await (await reach(other, 'sentences')).innerText(), /shuffled: \d+ % expected/);
    assert.equal(await other.getByTestId('shuffle').count(), 0);
    await Promise.all([page.context().close(), other.context().close()]);
  });
});
