// The text in words: what the past foretold at a token and what it added, events by their words, names of features.
//
// A result of the command line is opened for what is shown; the real model runs once on WebGPU for how words are asked
// for, fetched and computed.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { analyze, launch, open, screenshot, settled, waitForState } from './lib/browser.mjs';
import { defaultPack, fixtures, out, root, site } from './lib/environment.mjs';
import { downloadJson } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';

/** A story of two events; the second begins at token 51. */
const STORY = 'harbour-kitchen';
/** Scores of WebGPU and the processor: they round differently, and words of near scores change places. */
const NEAR = 0.02;
const SLOW = 600_000;

const story = () => {
  const stories = JSON.parse(readFileSync(join(fixtures, 'events', 'stories.json'), 'utf8'));
  const { first, second } = stories.find(({ name }) => name === STORY);
  return `${first} ${second}`;
};
const spelled = (words) => words.map(({ word }) => word).join(', ');

describe('a result in words', () => {
  let browser;
  let document;
  before(async () => {
    document = await commandLine.analyze(defaultPack, story());
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  /** A page that shows `shown`. */
  async function opened(shown = document, options = {}) {
    const file = join(out, `words-${process.pid}.json`);
    writeFileSync(file, JSON.stringify(shown));
    const page = await open(browser, site, options);
    await (await reach(page, 'open-result')).setInputFiles(file);
    await page.getByTestId('file-mark').waitFor();
    return page;
  }

  test('a pinned token says what the past foretold there, and what it added', async () => {
    const page = await opened();
    for (const position of [20, 60]) {
      await page.getByTestId(`token-${position}`).click();
      await page.mouse.move(0, 0);
      const past = page.getByTestId('words-past').filter({ hasText: document.words.predictable[position][0].word });
      await past.waitFor();
      assert.equal(await past.innerText(), spelled(document.words.predictable[position]));
      assert.equal(await page.getByTestId('words-new').innerText(), spelled(document.words.novel[position]));
      const percent = ({ weight }) => `${(100 * weight).toFixed(0)} %`;
      // The start of the text comes last, whatever its share, and all that is not listed.
      const [words, start] = [true, false].map((isWord) => document.sources[position].filter((it) => (it.position > 0) === isWord));
      const sources = page.getByTestId('words-sources');
      assert.deepEqual(await sources.locator('.value').allInnerTexts(), words.map(percent));
      const rest = 1 - document.sources[position].reduce((sum, { weight }) => sum + weight, 0);
      const others = [...start.map((it) => `the start of the text: ${percent(it)}`), `all else: ${percent({ weight: rest })}`];
      assert.deepEqual(await sources.locator('li.note').allInnerTexts(), [others.join(' · ')]);
      // The same words are underlined in the text, with their shares; of those in a row only the strongest has room for it.
      const marked = await page.locator('.token.is-source').evaluateAll((them) => them.map((it) => [Number(it.dataset.position), it.dataset.share]));
      const byPosition = (a, b) => a[0] - b[0];
      const run = (it) => {
        const all = [it];
        for (const step of [-1, 1]) {
          for (let at = it.position + step, found; (found = words.find((other) => other.position === at)); at += step) all.push(found);
        }
        return all;
      };
      const written = (it) => run(it).every((other) => other === it || other.weight < it.weight);
      assert.ok(words.some(written));
      assert.deepEqual(marked.sort(byPosition), words.map((it) => [it.position, written(it) ? percent(it) : '']).sort(byPosition));
    }
    // Nothing is foretold at the first token.
    assert.deepEqual(document.words.predictable[1], []);
    await (await reach(page, 'token-1')).click();
    await page.getByTestId('inspector').filter({ hasText: 'Expected here is only what the start of any text foretells' }).waitFor();
    assert.equal(await page.getByTestId('words-past').count(), 0);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('events carry their words: in the text, in the list, in the claim', async () => {
    const page = await opened();
    const { events } = document;
    assert.equal(events.length, 2);
    const rows = await (await reach(page, 'event-words')).locator('li').allInnerTexts();
    assert.equal(rows.length, 2);
    rows.forEach((row, i) => assert.ok(row.includes(spelled(events[i].words)), `${row}: ${spelled(events[i].words)}`));
    for (const [i, { words }] of events.entries()) {
      const name = spelled(words.slice(0, 3));
      assert.ok((await page.getByTestId(`scene-${i + 1}`).innerText()).includes(`Scene ${i + 1} · ${name}`));
      assert.ok((await page.getByTestId('lede').innerText()).includes(name), name);
    }
    await page.context().close();
  });

  test('the words of this story are those of its events', async () => {
    // The finding that the page is built on, on a text that is in the repository.
    const [harbor, kitchen] = document.events.map(({ words }) => words.map(({ word }) => word.toLowerCase()));
    assert.ok(harbor.some((word) => word.startsWith('sail')) && harbor.some((word) => word.startsWith('boat')), harbor.join());
    assert.ok(kitchen.some((word) => word.startsWith('bak')) && kitchen.includes('kitchen'), kitchen.join());
  });

  test('words of a file are text, whatever they look like', async () => {
    const changed = structuredClone(document);
    const hostile = '<img src=x onerror="window.broken = true">';
    changed.words.predictable[20][0].word = hostile;
    changed.events[0].words[0].word = hostile;
    const page = await opened(changed);
    await (await reach(page, 'token-20')).click();
    await page.getByTestId('words-past').filter({ hasText: hostile }).waitFor();
    assert.ok((await page.getByTestId('scene-1').innerText()).startsWith(`Scene 1 · ${hostile}`));
    await settled(page);
    assert.equal(await page.evaluate(() => window.broken), undefined);
    await page.context().close();
  });

  test('features have names, with their numbers', async () => {
    const page = await opened();
    const { names } = JSON.parse(readFileSync(join(root, 'demo/dashboards/index.json'), 'utf8'));
    const { feature } = document.novel_top[20].find((it) => names.some((name) => name.feature === it.feature));
    const { text } = names.find((name) => name.feature === feature);
    await (await reach(page, 'token-20')).click();
    // In the list of all of them,
    const row = (await reach(page, 'feature-list')).locator(`[data-feature="${feature}"]`);
    await row.filter({ hasText: text }).waitFor();
    assert.ok((await row.innerText()).includes(`#${feature}`));
    const nameOf = (number) => names.find((name) => name.feature === number)?.text;
    const assertForetold = async (list, all) => {
      const rows = list.locator('[data-feature]');
      const listed = await rows.evaluateAll((them) => them.map((it) => Number(it.dataset.feature)));
      assert.deepEqual(listed, all.map((it) => it.feature));
      const named = listed.findIndex(nameOf);
      await rows.nth(named).filter({ hasText: nameOf(listed[named]) }).waitFor();
    };
    const foretold = (view) => page.locator(view).getByTestId('predictable-features');
    await assertForetold(foretold('#figure'), document.pred_top[20]);
    // and the first six beside the word in focus.
    await page.locator('.inspector summary').click();
    await assertForetold(foretold('.inspector'), document.pred_top[20].slice(0, 6));
    await page.getByTestId('added-features').locator('[data-feature]').filter({ hasText: /\d+ %/ }).first().waitFor();
    await page.context().close();
  });

  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 1280]) {
      test(`it fits ${width} pixels (${colorScheme})`, async () => {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, acceptDownloads: true, serviceWorkers: 'block' });
        const page = await opened(document, { context });
        await (await reach(page, 'token-60')).click();
        await settled(page);
        const wide = await page.evaluate(() => globalThis.document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${wide} pixels`);
        await screenshot(page, `words-${width}-${colorScheme}`);
        await context.close();
      });
    }
  }
});

describe('words of the real model in the page', () => {
  let browser;
  let page;
  const manifest = JSON.parse(readFileSync(join(defaultPack, 'manifest.json'), 'utf8'));
  const files = [manifest.words.vocabulary, ...manifest.words.shards];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const asked = () => page.requested.filter((url) => files.some(({ file }) => url.endsWith(file)));
  before(async () => {
    browser = await launch();
    page = await open(browser, site);
  });
  after(() => browser?.close());

  test('they cost nothing before they are asked for, then are fetched once; the answer is the command line’s', { timeout: SLOW }, async () => {
    const text = story();
    const expected = await commandLine.analyze(defaultPack, text);
    const button = async () => (await reach(page, 'analyze')).innerText();
    const before = await button();
    assert.equal(await analyze(page, text, { timeout: SLOW }), 'done');
    assert.deepEqual(asked(), []);
    assert.equal((await downloadJson(page)).words, undefined);

    await page.getByTestId('get-words').filter({ hasText: `${(bytes / 1e6).toFixed(1)} MB` }).click();
    await page.getByTestId('words-past').waitFor({ timeout: SLOW });
    await reach(page, 'words');
    assert.deepEqual([...asked()].sort(), files.map(({ file }) => `${new URL('models/default/', site)}${file}`).sort());
    const found = await downloadJson(page);
    assert.equal(found.words.vocabulary, manifest.words.words);
    for (const part of ['predictable', 'novel']) {
      found.words[part].forEach((list, position) => assertNear(list, expected.words[part][position], `${part} ${position}`));
    }
    assert.deepEqual(found.events.map(({ first, last }) => [first, last]), expected.events.map(({ first, last }) => [first, last]));
    found.events.forEach(({ words }, i) => assertNear(words, expected.events[i].words, `event ${i}`));

    // Typing goes on in words, and fetches none again.
    await (await reach(page, 'text-input')).fill(`${text} Outside`);
    await page.waitForFunction((count) => Number(globalThis.document.querySelector('main').dataset.analysisTokens) > count, found.tokens.length);
    await waitForState(page, ['done']);
    const typed = await downloadJson(page);
    assert.equal(typed.words.novel.length, found.tokens.length + 1);
    assert.ok(typed.words.novel.at(-1).length > 0);
    assert.equal(asked().length, files.length);
    assert.deepEqual(page.problems, []);

    // They are stored: another page of this visitor reads them without asking for them.
    const back = await open(browser, site, { context: page.context() });
    if (!await (await reach(back, 'words-toggle')).isChecked()) await (await reach(back, 'words-toggle')).check();
    assert.equal(await analyze(back, 'The tide was in.', { timeout: SLOW }), 'done');
    assert.ok((await downloadJson(back)).words.predictable.length > 0);
    assert.deepEqual(back.requested.filter((url) => files.some(({ file }) => url.endsWith(file))), []);
    await back.close();

    // The button of a visitor who asked for words says what they cost.
    const again = await open(browser, site);
    assert.equal(await (await reach(again, 'analyze')).innerText(), before);
    await (await reach(again, 'words-toggle')).check();
    assert.notEqual(await (await reach(again, 'analyze')).innerText(), before);
    await again.context().close();
  });
});

/** Whether two lists are the same words with the same scores, up to words of near scores. */
function assertNear(found, expected, what) {
  const near = (a, b) => Math.abs(a - b) <= NEAR * Math.max(...expected.map(({ score }) => score), 0);
  assert.equal(found.length, expected.length, `${what}: ${spelled(found)} and ${spelled(expected)}`);
  found.forEach(({ word, score }, i) => {
    assert.ok(near(score, expected[i].score), `${what}: ${word} has ${score}, ${expected[i].score} is expected here`);
    const same = expected.find((it) => it.word === word);
    // A word that is missing there has a score near that list's last.
    assert.ok(near(score, same ? same.score : expected.at(-1).score), `${what}: ${word} is not in ${spelled(expected)}`);
  });
}
