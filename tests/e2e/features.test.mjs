// A feature's card: opened from the list and by its label, its contexts, neighbours, Neuronpedia's answer.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { launch, open, picture, screenshot, settled, visitor } from './lib/browser.mjs';
import { out, root, site } from './lib/environment.mjs';

const folder = join(root, 'demo', 'dashboards');
const read = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const index = read('index.json');
const dashboard = (feature) => {
  const chunk = read(`${String(Math.floor(feature / index.per_file)).padStart(4, '0')}.json`);
  return chunk.features[feature - chunk.first];
};
const words = (tokens) => tokens.join('').replace(/[▁\s↵⇥·]/g, '');

describe('the card of a feature', () => {
  const example = JSON.parse(readFileSync(join(root, 'demo/examples/seed-prompt.json'), 'utf8'));
  let browser;
  let context;
  let page;
  before(async () => {
    browser = await launch({ webgpu: false });
    context = await visitor(browser);
  });
  after(() => browser?.close());
  beforeEach(async () => {
    page = await open(browser, site, { context });
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
    const { feature } = example.novel_top[position][0];
    await page.locator(`[data-feature="${feature}"] button`).click();
    await page.getByTestId('feature-contexts').waitFor();
    return feature;
  };
  const card = () => page.getByTestId('feature-card');
  const title = () => card().getByRole('heading', { level: 2 }).innerText();

  test('nothing is fetched before a feature is opened', () => {
    assert.deepEqual(page.requested.filter((url) => /\/dashboards\//.test(url)), []);
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
    assert.equal(await page.getByTestId('feature-in-text').locator('.shaded').count(), example.tokens.length);
    assert.equal(page.requested.filter((url) => /\/dashboards\//.test(url)).length, 2);
  });

  test('a neighbour is a click away', async () => {
    const [[near]] = dashboard(await openCard(5)).near;
    await card().getByRole('button', { name: `#${near} ` }).first().click();
    await page.waitForFunction((it) => document.getElementById('feature-card-title').textContent === `Feature ${it}`, near);
  });

  test('labels are searched', async () => {
    const label = [...index.labels].sort((a, b) => b.f1 - a.f1)[0];
    const [word] = label.text.match(/(?<=“)[^”]+/);
    await page.getByTestId('feature-search').fill(word);
    await page.getByTestId('feature-labels').getByRole('button', { name: `#${label.feature} ` }).click();
    assert.equal(await title(), `Feature ${label.feature}`);
    assert.equal(await page.getByTestId('feature-label').innerText(), label.text);
    await page.getByTestId('feature-search').fill('no such label');
    assert.match(await page.getByTestId('feature-found').innerText(), /No feature’s name has/);
    await page.getByTestId('feature-search').fill('999999');
    assert.match(await page.getByTestId('feature-found').innerText(), /numbered 0 to 1,919/);
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

  test('another text is tried, and the card stays with its feature', { timeout: 240_000 }, async () => {
    const label = index.labels.find(({ text }) => text.includes('“without”'));
    await page.getByTestId('feature-search').fill('without');
    await page.getByTestId('feature-labels').getByRole('button', { name: `#${label.feature} ` }).click();
    assert.equal(await title(), `Feature ${label.feature}`);
    const before = await page.locator('main').getAttribute('data-analysis-tokens');
    await page.getByTestId('feature-try').fill('She left without a word.');
    await card().getByRole('button', { name: 'Analyze' }).click();
    await page.locator('main[data-state="done"]').waitFor({ timeout: 200_000 });
    assert.equal(await page.getByTestId('text-input').inputValue(), 'She left without a word.');
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
    writeFileSync(file, JSON.stringify({ ...example, model: { ...example.model, neuronpedia: 'gemma-2-2b/12-temporal-res' } }));
    await page.getByTestId('open-result').setInputFiles(file);
    await page.getByTestId('file-mark').waitFor();
    const { feature } = example.novel_top.at(-2)[0];
    await page.locator(`[data-feature="${feature}"] button`).click();
    assert.deepEqual(asked, []);
    await page.getByTestId('neuronpedia-fill').click();
    await card().getByText('Neuronpedia did not answer').waitFor();
    await page.getByTestId('neuronpedia-fill').click();
    await page.getByTestId('neuronpedia-explanations').waitFor();
    assert.equal(await page.getByTestId('neuronpedia-explanations').innerText(), '<b>night</b> sky');
    assert.equal(asked[0], `https://www.neuronpedia.org/api/feature/gemma-2-2b/12-temporal-res/${feature}`);
  });
});
