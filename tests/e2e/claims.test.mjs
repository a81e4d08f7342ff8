// Sentences, captions, legends and numbers of the page, held against the data that they are about: each is computed here from the saved
// analysis, by other code than the page's.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, open } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { example, examples, show } from './lib/examples.mjs';
import { downloadCsv } from './lib/files.mjs';
import { reach } from './lib/reach.mjs';

const COUNTS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
/** Weights of sources below this are not listed. */
const LEAST_SHARE = 0.005;
/** Two decimals of a cosine, or a whole percent, may be rounded the other way. */
const COSINE = 0.0051;
const PERCENT = 0.51;

const number = (text) => Number(text.replace('−', '-'));
const oneLine = (text) => text.replace(/\s+/g, ' ').trim();
const mean = (values) => values.reduce((sum, it) => sum + it, 0) / values.length;

/** The entry of a Gram matrix: its upper triangle, row by row, f32. */
function gramOf(base64, size) {
  const bytes = Buffer.from(base64, 'base64');
  return (i, j) => {
    const [low, high] = i < j ? [i, j] : [j, i];
    return bytes.readFloatLE(4 * (low * size - (low * (low - 1)) / 2 + high - low));
  };
}

/** Cosines of the centered codes of tokens 1.., centered with the first token, which is left out then. */
function cosines(gram, size) {
  const all = [...Array(size).keys()];
  const rows = all.map((i) => mean(all.map((j) => gram(i, j))));
  const whole = mean(rows);
  const centered = (i, j) => gram(i, j) - rows[i] - rows[j] + whole;
  return (i, j) => centered(i, j) / Math.sqrt(centered(i, i) * centered(j, j));
}

describe('what the page says is so', () => {
  let browser;
  let page;
  before(async () => {
    browser = await launch({ webgpu: false });
    page = await open(browser, site);
    await page.getByTestId('gallery').waitFor();
  });
  after(() => browser?.close());
  const said = async (testid) => oneLine(await (await reach(page, testid)).innerText());

  for (const { id } of examples) {
    const document = example(id);
    const { tokens, energy, events, sources } = document;
    const count = tokens.length;
    const shares = energy.novel.map((novel, i) => novel / (novel + energy.predictable[i]));

    test(`of ${id}: shades, scenes and the claim`, async () => {
      await show(page, id);
      await reach(page, 'heatmap');
      assert.equal(await page.getByTestId('token-count').innerText(), `${count} tokens`);
      const [, low, high] = /^How new: (\d+) % (\d+) %$/.exec(await said('strip-legend'));
      const percents = shares.slice(1).map((share) => 100 * share);
      assert.ok(Math.abs(low - Math.min(...percents)) <= PERCENT && Math.abs(high - Math.max(...percents)) <= PERCENT, `${low} ${high}`);
      // The most strongly shaded token is the newest.
      const levels = await page.locator('[data-position]').evaluateAll((them) => them.map((it) => Number(it.style.getPropertyValue('--level'))));
      const newest = percents.indexOf(Math.max(...percents)) + 1;
      assert.equal(levels.slice(1).indexOf(Math.max(...levels.slice(1))) + 1, newest);

      // Scenes: their number, their tokens, their names, and how much later the expectation changes.
      const titles = await page.locator('.scene-name').allInnerTexts();
      assert.equal(titles.length, events.length);
      const names = titles.map((title, i) => {
        const { first, expectation_from: from, words } = events[i];
        const lag = from - first;
        const [, scene, name, follows] = /^Scene (\d+) · ([^·]+?)(?: · (.*))?$/.exec(oneLine(title));
        assert.equal(Number(scene), i + 1);
        assert.ok(name === 'unclear' || words.map(({ word }) => word).join(', ').startsWith(name), `${name}: ${JSON.stringify(words)}`);
        assert.equal(follows, lag > 0 ? `the expectation follows ${lag} token${lag === 1 ? '' : 's'} later` : undefined);
        return name;
      });
      const of = await page.locator('.scene').evaluateAll((them) => them.map((it) => {
        const inside = [...it.querySelectorAll('[data-position]')].map(({ dataset }) => Number(dataset.position));
        return [inside.at(0), inside.at(-1)];
      }));
      assert.deepEqual(of, events.map(({ first, last }) => [first, last]));
      const claim = await said('lede');
      if (events.length > 1) {
        assert.ok(claim.includes(`passed through ${COUNTS[events.length]} scenes`), claim);
        if (events.length <= 4) names.filter((name) => name !== 'unclear').forEach((name) => assert.ok(claim.includes(name), `${name}: ${claim}`));
      } else {
        assert.doesNotMatch(claim, /scenes/);
        assert.equal(/stayed in one scene: /.test(claim), names[0] !== 'unclear', claim);
      }
      // Lines are spoken of where they are drawn.
      const lines = await said('heatmap-readout');
      assert.equal(/line/i.test(lines), events.length > 1, lines);
      assert.equal(/dashed/.test(lines), events.slice(1).some(({ first, expectation_from: from }) => from > first), lines);
    });

    test(`of ${id}: a word’s shares, its sources, its words`, async () => {
      await show(page, id);
      await reach(page, 'heatmap');
      for (const position of [2, Math.floor(count / 2), count - 2]) {
        await page.getByTestId(`token-${position}`).click();
        const [, expected, fresh] = /^(\d+) % of its state was expected, (\d+) % is new$/.exec(await said('inspector-shares'));
        assert.ok(Math.abs(fresh - 100 * shares[position]) <= PERCENT, `${position}: ${fresh}`);
        assert.equal(Number(expected) + Number(fresh), 100);
        // Listed are the words that it was expected from; with what is not listed they make all of it.
        const rows = (await page.getByTestId('words-sources').locator('li').allInnerTexts()).map(oneLine);
        const listed = rows.flatMap((row) => /^(.*) (\d+) % (\d+)$/.exec(row) ?? []).length / 4;
        const weights = sources[position].filter((it) => it.position > 0 && it.weight >= LEAST_SHARE);
        assert.equal(listed, weights.length, `${position}: ${JSON.stringify(rows)}`);
        weights.forEach(({ position: from, weight }, i) => {
          const [, , percent, at] = /^(.*) (\d+) % (\d+)$/.exec(rows[i]);
          assert.equal(Number(at), from);
          assert.ok(Math.abs(percent - 100 * weight) <= PERCENT, `${position}: ${rows[i]}`);
          assert.equal(rows.slice(0, i).includes(rows[i]), false);
        });
        const sum = rows.flatMap((row) => [...row.matchAll(/(\d+) %/g)]).reduce((total, [, percent]) => total + Number(percent), 0);
        if (weights.length > 0) assert.ok(Math.abs(sum - 100) <= 1 + rows.length * 0.5, `${position}: ${sum} % in ${JSON.stringify(rows)}`);
        const words = (part) => document.words[part][position].map(({ word }) => word.toLowerCase());
        for (const [name, part] of [['words-past', 'predictable'], ['words-new', 'novel']]) {
          if (await page.getByTestId(name).count() === 0) continue;
          for (const word of (await said(name)).split(', ')) assert.ok(words(part).includes(word.toLowerCase()), `${position}, ${part}: ${word}`);
        }
        await page.getByTestId(`token-${position}`).click();
      }
    });

    test(`of ${id}: its numbers in sentences, its path, its features`, async () => {
      await show(page, id);
      await reach(page, 'stats');
      const gram = gramOf(document.grams.predictable, count);
      const cosine = cosines(gram, count);
      const text = oneLine(await page.locator('.figure-main').first().innerText());
      const [predictable, novel] = ['predictable', 'novel'].map((part) => energy[part].slice(1).reduce((sum, it) => sum + it, 0));
      const [, share] = /(\d+) % expected, (\d+) % new\./.exec(text);
      assert.ok(Math.abs(share - (100 * predictable) / (predictable + novel)) <= PERCENT, text);
      if (events.length > 1) {
        const sceneOf = (position) => events.findIndex(({ first, last }) => first <= position && position <= last);
        const [within, across] = [[], []];
        for (let i = 1; i < count; i += 1) {
          for (let j = i + 1; j < count; j += 1) (sceneOf(i) === sceneOf(j) ? within : across).push(cosine(i, j));
        }
        const [, scenes, , saidWithin, , saidAcross] = /(\d+) scenes: ([a-z ]+) within \(([+−]?[\d.]+)\),?([a-z ]+) across \(([+−]?[\d.]+)\)/.exec(text)
          ?? /(\d+) scenes: ([a-z ]+) within \(([+−]?[\d.]+)\)( than) across \(([+−]?[\d.]+)\)/.exec(text) ?? [];
        assert.equal(Number(scenes), events.length, text);
        assert.ok(Math.abs(number(saidWithin) - mean(within)) <= COSINE, `${saidWithin} ${mean(within)}`);
        assert.ok(Math.abs(number(saidAcross) - mean(across)) <= COSINE, `${saidAcross} ${mean(across)}`);
      } else {
        assert.doesNotMatch(text, /\d scenes:/);
      }

      // How long the path is: in the space of the codes, over the tokens that are drawn.
      await reach(page, 'trajectory');
      await page.locator('[data-testid="trajectory"][data-points]').waitFor();
      if (await page.getByTestId('tortuosity').count() > 0) {
        const drawn = (await downloadCsv(page, 'trajectory-csv')).slice(1).map(([position]) => Number(position));
        const distance = (i, j) => Math.sqrt(Math.max(0, gram(i, i) + gram(j, j) - 2 * gram(i, j)));
        const length = drawn.slice(1).reduce((sum, position, i) => sum + distance(drawn[i], position), 0);
        const times = length / distance(drawn.at(0), drawn.at(-1));
        const [, shown] = /([\d.]+) times as long/.exec(await said('tortuosity'));
        assert.ok(Math.abs(shown - times) <= (times < 9.95 ? 0.051 : 0.51), `${shown} ${times}`);
      }

      // As many rows as the caption counts.
      await reach(page, 'feature-map');
      const caption = await said('feature-map-readout');
      const rows = (await downloadCsv(page, 'features-csv')).slice(1);
      const features = new Set(document.novel_top.flat().map(({ feature }) => feature));
      const counted = /^The (\d+) strongest new features/.exec(caption);
      assert.equal(Number(counted?.[1] ?? NaN), Math.min(24, features.size), caption);
      assert.equal(rows.length, Math.min(24, features.size));
      assert.deepEqual(page.problems, []);
    });
  }
});
