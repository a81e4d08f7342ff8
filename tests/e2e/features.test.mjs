// A feature's card: opened from the word in focus, from the list and by its label, its contexts, neighbors, Neuronpedia's answer.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { analyze, launch, open, picture, screenshot, settled, visitor } from './lib/browser.mjs';
import { out, root, site } from './lib/environment.mjs';
import { example } from './lib/examples.mjs';
import { reach } from './lib/reach.mjs';

const folder = join(root, 'demo', 'dashboards');
const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const index = read('index.json');
const dashboard = (feature) => {
  const chunk = read(`${String(Math.floor(feature / index.per_file)).padStart(4, '0')}.json`);
  return chunk.features[feature - chunk.first];
};
const words = (tokens) => tokens.join('').replace(/[▁\s↵⇥·]/g, '');

describe('the card of a feature', () => {
  const prompt = example('seed-prompt');
  let browser;
  let context;
  let page;
  before(async () => {
    browser = await launch({ webgpu: false });
    context = await visitor(browser);
  });
  after(() => browser?.close());
  beforeEach(async () => {
    page = await open(browser, `${site}?example=seed-prompt`, { context });
    await page.getByTestId('precomputed-mark').waitFor();
  });
  afterEach(async () => {
    const { problems } = page;
    await page.close();
    assert.deepEqual(problems, []);
  });
  /** Opens the card of the strongest feature at a token; answers the feature. */
  const openCard = async (position) => {
    await page.getByTestId(`token-${position}`).click();
    const { feature } = prompt.novel_top[position][0];
    await (await reach(page, 'feature-list')).locator(`[data-feature="${feature}"] button`).click();
    await page.getByTestId('feature-contexts').waitFor();
    return feature;
  };
  const card = () => page.getByTestId('feature-card');
  const title = () => card().getByRole('heading', { level: 2 }).innerText();

  test('nothing but the names is fetched before a feature is opened', async () => {
    await (await reach(page, 'token-5')).click();
    await (await reach(page, 'added-features')).getByRole('button').first().waitFor();
    await settled(page);
    const fetched = page.requested.filter((url) => /\/dashboards\//.test(url)).map((url) => url.split('/').at(-1));
    assert.deepEqual(fetched, ['index.json']);
  });

  test('a feature of the word in focus opens its card in sight, with the focus; Esc closes it, then unpins', async () => {
    await (await reach(page, 'token-5')).click();
    const row = (await reach(page, 'added-features')).locator('[data-feature]').first();
    const feature = await row.getAttribute('data-feature');
    await row.getByRole('button').click();
    await page.getByTestId('feature-contexts').waitFor();
    assert.equal(await title(), `Feature ${feature}`);
    const { y, height } = await card().getByRole('heading', { level: 2 }).boundingBox();
    assert.ok(y >= 0 && y + height <= page.viewportSize().height, `its title is at ${y}`);
    assert.ok(await card().evaluate((it) => it.contains(document.activeElement)), 'the card has the focus');
    await page.keyboard.press('Escape');
    assert.equal(await card().count(), 0);
    assert.equal(await page.locator('.token.is-pinned').count(), 1);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.token.is-pinned').count(), 0);
  });

  test('a token, its strongest feature, its contexts', async () => {
    const feature = await openCard(5);
    assert.equal(await title(), `Feature ${feature}`);
    const expected = dashboard(feature);
    const contexts = await page.getByTestId('feature-contexts').locator('li').allInnerTexts();
    assert.deepEqual(contexts.map((text) => words([text])), expected.top.map(({ tokens }) => words(tokens)));
    const shaded = page.getByTestId('feature-contexts').locator('li').first().locator('.is-focus');
    assert.equal(words([await shaded.innerText()]), words([expected.top[0].tokens[expected.top[0].at]]));
    assert.equal(await page.locator('.bars span').count(), 20);
    const logits = await page.getByTestId('feature-logits').locator('li').allInnerTexts();
    assert.equal(logits.length, expected.raised.length + expected.lowered.length);
    assert.equal(await page.getByTestId('feature-in-text').locator('.shaded').count(), prompt.tokens.length);
    assert.equal(page.requested.filter((url) => /\/dashboards\//.test(url)).length, 2);
  });

  test('a neighbor is a click away', async () => {
    const [[near]] = dashboard(await openCard(5)).near;
    await card().getByRole('button', { name: `#${near} ` }).first().click();
    await page.waitForFunction((it) => document.getElementById('feature-card-title').textContent === `Feature ${it}`, near);
  });

  test('labels are searched', async () => {
    const label = [...index.labels].sort((a, b) => b.f1 - a.f1)[0];
    const [word] = label.text.match(/(?<=“)[^”]+/);
    await (await reach(page, 'feature-search')).fill(word);
    await (await reach(page, 'feature-labels')).getByRole('button', { name: `#${label.feature} ` }).click();
    assert.equal(await title(), `Feature ${label.feature}`);
    assert.equal(await page.getByTestId('feature-label').innerText(), label.text);
    await page.getByTestId('feature-close').click();
    // So are names that are no labels; the card says which of the two it is.
    const peaks = index.names.find(({ by }) => by === 'peaks');
    await (await reach(page, 'feature-search')).fill(peaks.text);
    await (await reach(page, 'feature-labels')).getByRole('button', { name: `#${peaks.feature} ${peaks.text}`, exact: true }).click();
    assert.equal(await page.getByTestId('feature-name').innerText(), peaks.text);
    await page.getByTestId('feature-close').click();
    await (await reach(page, 'feature-search')).fill('no such label');
    assert.match(await (await reach(page, 'feature-found')).innerText(), /No feature’s name has/);
    await (await reach(page, 'feature-search')).fill('999999');
    assert.match(await (await reach(page, 'feature-found')).innerText(), /numbered 0 to 1,919/);
  });

  test('what it looks like', async () => {
    await openCard(5);
    await card().scrollIntoViewIfNeeded();
    await screenshot(page, 'feature-card-wide');
    await picture(page, '.feature-card', 'feature-card');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 780 });
    await card().scrollIntoViewIfNeeded();
    await settled(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    await screenshot(page, 'feature-card-phone-dark');
    await page.getByTestId('feature-close').click();
    assert.equal(await card().count(), 0);
  });

  test('another text is analyzed, and the card stays with its feature', { timeout: 240_000 }, async () => {
    const label = index.labels.find(({ text }) => text.includes('“without”'));
    await (await reach(page, 'feature-search')).fill('without');
    await (await reach(page, 'feature-labels')).getByRole('button', { name: `#${label.feature} ` }).click();
    assert.equal(await title(), `Feature ${label.feature}`);
    const before = await page.locator('main').getAttribute('data-analysis-tokens');
    assert.equal(await analyze(page, 'She left without a word.', { timeout: 200_000 }), 'done');
    assert.equal(await title(), `Feature ${label.feature}`);
    assert.notEqual(await page.locator('main').getAttribute('data-analysis-tokens'), before);
    // It fires on this text, so its tokens stand in the card.
    const inText = await page.getByTestId('feature-in-text').locator('.shaded').count();
    assert.equal(String(inText), await page.locator('main').getAttribute('data-analysis-tokens'));
  });

  test('Neuronpedia’s answer fills the card of a pack that has a source there, and only on a click', async () => {
    const asked = [];
    await page.route(/neuronpedia\.org/, (route) => {
      asked.push(route.request().url());
      const body = { frac_nonzero: 0.01, pos_str: ['▁night'], pos_values: [1.5], neg_str: [], neg_values: [],
        explanations: [{ description: '<b>night</b> sky' }],
        activations: [{ tokens: ['The', '▁night'], values: [0, 3], maxValue: 3, maxValueTokenIndex: 1 }] };
      return asked.length === 1 ? route.abort() : route.fulfill({ json: body, headers: { 'access-control-allow-origin': '*' } });
    });
    const file = join(out, 'with-source-and-card.json');
    writeFileSync(file, JSON.stringify({ ...prompt, model: { ...prompt.model, neuronpedia: 'gemma-2-2b/12-temporal-res' } }));
    await (await reach(page, 'open-result')).setInputFiles(file);
    await page.getByTestId('file-mark').waitFor();
    const { feature } = prompt.novel_top.at(-2)[0];
    await (await reach(page, `token-${prompt.novel_top.length - 2}`)).click();
    await (await reach(page, 'feature-list')).locator(`[data-feature="${feature}"] button`).click();
    assert.deepEqual(asked, []);
    await page.getByTestId('neuronpedia-fill').click();
    await card().getByText('Neuronpedia did not answer').waitFor();
    await page.getByTestId('neuronpedia-fill').click();
    await page.getByTestId('neuronpedia-explanations').waitFor();
    assert.equal(await page.getByTestId('neuronpedia-explanations').innerText(), '<b>night</b> sky');
    assert.equal(asked[0], `https://www.neuronpedia.org/api/feature/gemma-2-2b/12-temporal-res/${feature}`);
  });
});
