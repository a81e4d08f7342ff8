// The views of one analysis: shading, spans, sources, zoom, dendrogram, events, exports, keys, axe.
//
// The analysis is real, made by the command line on the default pack, and opened as a saved result in
// every test: what is tried here does not depend on where it was computed, nor on the test before.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { seriousViolations } from './lib/axe.mjs';
import { countColors, launch, open, screenshot, settled, visitor } from './lib/browser.mjs';
import { defaultPack, fixtures, out, packs, root, site } from './lib/environment.mjs';
import { download, downloadCsv, downloadJson, downloadSvg, pngCorners, pngSize } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { putAway, reach } from './lib/reach.mjs';

/** A story of two events; the second begins at token 51. */
const STORY = 'harbour-kitchen';
const SECOND_EVENT = 51;

describe('the views of one analysis', () => {
  let browser;
  let context;
  let page;
  let document;
  before(async () => {
    const stories = JSON.parse(readFileSync(join(fixtures, 'events', 'stories.json'), 'utf8'));
    const { first, second } = stories.find(({ name }) => name === STORY);
    document = await commandLine.analyze(defaultPack, `${first} ${second}`);
    writeFileSync(join(packs, `${STORY}.json`), JSON.stringify(document));
    browser = await launch({ webgpu: false });
    context = await visitor(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  });
  after(() => browser?.close());

  /** The page with the story's result, or another one, and more settings as a link has them. */
  const show = async (settings = '', result = STORY) => {
    page = await open(browser, `${site}?result=packs/${result}.json${settings}`, { context });
    await page.getByTestId('file-mark').waitFor();
    await page.waitForFunction(() => globalThis.document.querySelector('main :is([data-testid="heatmap"], [data-testid="trajectory"])')?.width > 100);
  };
  const leave = async () => {
    const { problems } = page;
    await page.close();
    assert.deepEqual(problems, [], 'nothing broke on the way');
  };
  beforeEach(() => show());
  afterEach(leave);

  const token = (position) => page.getByTestId(`token-${position}`);
  /** Selects nothing and unpins: each press takes one away. */
  const unpin = async () => { for (let press = 0; press < 2; press += 1) await page.keyboard.press('Escape'); };
  /** The center of the cell at fractions of the matrix; the figure's margins are left out by hovering. */
  const point = async (u, v) => {
    await putAway(page);
    const box = await (await reach(page, 'heatmap')).boundingBox();
    return { x: box.x + u * box.width, y: box.y + v * box.height };
  };
  const span = async () => Number(await (await reach(page, 'heatmap')).getAttribute('data-span'));
  const pixels = async () => (await reach(page, 'heatmap')).evaluate((canvas) => canvas.toDataURL());
  /** Tokens of the matrix as the page opens: all but the first. */
  const rowsOf = () => document.tokens.length - 1;

  test('a token is shaded by the chosen quantity', async () => {
    const level = (position) => token(position).evaluate((it) => Number(it.style.getPropertyValue('--level')));
    await (await reach(page, 'quantity')).selectOption('predictable-l0');
    const counts = document.l0_pred.slice(1);
    const most = 1 + counts.indexOf(Math.max(...counts));
    await page.waitForFunction(
      (id) => globalThis.document.getElementById(id).style.getPropertyValue('--level') === '1.000', `token-${most}`);
    assert.equal(await level(1 + counts.indexOf(Math.min(...counts))), 0);
    await putAway(page);
    await token(most).hover();
    assert.ok((await (await reach(page, 'strip-readout')).innerText()).includes(`Predictable L0: ${counts[most - 1]}`));
    await (await reach(page, 'quantity')).selectOption('none');
    assert.equal(await level(most), 0);
  });

  test('a quantity that the result lacks is named as missing', async () => {
    const shadeByShare = async () => (await reach(page, 'quantity')).selectOption('predictable-share');
    await shadeByShare();
    await page.getByTestId('strip-legend').waitFor();
    assert.equal(await page.getByTestId('strip-missing').count(), 0);
    const { energy, ...lacking } = document;
    assert.ok(energy, 'the result has what the other one lacks');
    const name = `${STORY}-without-energies`;
    writeFileSync(join(packs, `${name}.json`), JSON.stringify(lacking));
    await leave();
    await show('', name);
    await shadeByShare();
    await page.getByTestId('strip-missing').waitFor();
    assert.match(await page.getByTestId('strip-missing').innerText(), /without energies/);
    assert.equal(await page.getByTestId('strip-legend').count(), 0);
  });

  test('the second event is found and drawn', async () => {
    const marked = await page.locator('.token.is-boundary').evaluateAll((them) => them.map((it) => it.id));
    assert.deepEqual(marked, [`token-${SECOND_EVENT}`]);
    assert.equal(await (await reach(page, 'stat-events')).innerText(), '2');
    const within = Number((await (await reach(page, 'stat-events-within')).innerText()).replace('−', '-'));
    const across = Number((await (await reach(page, 'stat-events-across')).innerText()).replace('−', '-'));
    assert.ok(within > across, `${within} within, ${across} across`);
    const before = await pixels();
    await (await reach(page, 'events')).uncheck();
    assert.notEqual(await pixels(), before);
    assert.equal(await page.locator('.token.is-boundary').count(), 0);
  });

  test('hovering the matrix focuses its tokens in the text, and the layout stays', async () => {
    const layout = () => page.evaluate(() => {
      const places = [...globalThis.document.querySelectorAll('main > *, .token-strip, [data-testid="heatmap"]')].map((it) => {
        const { x, y, width, height } = it.getBoundingClientRect();
        return [it.className, x, y, width, height];
      });
      return { height: globalThis.document.documentElement.scrollHeight, places };
    });
    await settled(page);
    const before = await layout();
    const { x, y } = await point(0.4, 0.5);
    await page.mouse.move(x, y);
    const names = await (await reach(page, 'heatmap-readout')).locator('.readout-token').allInnerTexts();
    const positions = names.map((name) => parseInt(name, 10)).sort((a, b) => a - b);
    const focused = await page.locator('.token.is-focused').evaluateAll((them) => them.map((it) => Number(it.dataset.position)));
    assert.deepEqual(focused, positions);
    assert.deepEqual(await layout(), before);
  });

  test('pointing at a word moves no word', async () => {
    const places = () => page.locator('.token').evaluateAll((them) => them.map((it) => {
      const { x, y, width } = it.getBoundingClientRect();
      return [x, y, width];
    }));
    const before = await places();
    for (const position of [20, 60]) {
      await token(position).hover();
      await page.locator('.token.is-source').first().waitFor();
      assert.deepEqual(await places(), before);
    }
  });

  test('a click pins, a second click unpins', async () => {
    await token(30).click();
    assert.ok(await token(30).evaluate((it) => it.classList.contains('is-pinned')));
    await token(30).click();
    assert.equal(await page.locator('.token.is-pinned').count(), 0);
  });

  test('shift-click selects spans and compares two', async () => {
    await token(10).click();
    await token(20).click({ modifiers: ['Shift'] });
    await token(60).click();
    await token(75).click({ modifiers: ['Shift'] });
    assert.equal(await page.locator('.token.is-span-a').count(), 11);
    assert.equal(await page.locator('.token.is-span-b').count(), 16);
    // Below the text, while no word is pointed at.
    await page.mouse.move(0, 0);
    const values = await page.getByTestId('selection').locator('dd').allInnerTexts();
    let sum = 0;
    for (let i = 10; i <= 20; i += 1) for (let j = 60; j <= 75; j += 1) sum += document.similarity[i][j];
    const across = Number(values[4].replace('−', '-'));
    assert.ok(Math.abs(across - sum / (11 * 16)) < 1e-4, `${across}`);
    assert.match(values[5], /^−?[01]\.\d{4}$/);
    await screenshot(page, 'views-spans');
    await unpin();
    assert.equal(await page.locator('.is-span-a, .is-span-b, .is-pinned').count(), 0);
  });

  test('sources, modes and colors change the picture and its numbers', async () => {
    const seen = new Set([await pixels()]);
    for (const [menu, choice] of [['source', 'novel'], ['source', 'total'], ['source', 'residual'], ['scale', 'unit']]) {
      await (await reach(page, menu)).selectOption(choice);
      await settled(page);
      seen.add(await pixels());
    }
    await (await reach(page, 'mode')).selectOption('notebook');
    await settled(page);
    seen.add(await pixels());
    assert.equal(seen.size, 6);
    assert.match(await (await reach(page, 'heatmap-title')).innerText(), /residual stream/);
    await (await reach(page, 'source')).selectOption('predictable');
    const { length } = document.tokens;
    let sum = 0;
    for (let i = 1; i < length; i += 1) for (let j = 1; j < length; j += 1) sum += document.similarity[i][j];
    const mean = async () => Number((await (await reach(page, 'stat-shown-mean')).innerText()).replace('−', '-'));
    assert.ok(Math.abs((await mean()) - document.similarity_stats.mean) < 1e-4, `${await mean()}`);
    await (await reach(page, 'mode')).selectOption('neuronpedia');
    assert.ok(Math.abs((await mean()) - sum / (length - 1) ** 2) < 1e-4, `${await mean()}`);
  });

  test('the matrix zooms, pans and comes back', async () => {
    const whole = rowsOf();
    assert.equal(await span(), whole);
    await (await reach(page, 'zoom-in')).click();
    await (await reach(page, 'zoom-in')).click();
    assert.ok(Math.abs((await span()) - whole * 0.49) < 0.01);
    const zoomed = await pixels();
    const from = await point(0.4, 0.4);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x + 120, from.y + 60, { steps: 4 });
    await page.mouse.up();
    assert.notEqual(await pixels(), zoomed);
    assert.equal(await page.locator('.token.is-pinned').count(), 0, 'a drag is no click');
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -200);
    await page.keyboard.up('Control');
    assert.ok((await span()) < whole * 0.4);
    await (await reach(page, 'zoom-reset')).click();
    assert.equal(await span(), whole);
  });

  test('the dendrogram orders the matrix', async () => {
    const before = await pixels();
    await (await reach(page, 'dendrogram')).check();
    await settled(page);
    assert.notEqual(await pixels(), before);
    const tree = JSON.parse(await saved('dendrogram-json'));
    // Leaves are numbered as they are named there, from the first one in the matrix.
    assert.deepEqual([...tree.leaf_order].sort((a, b) => a - b), tree.tokens.map((_, i) => i));
    assert.equal(tree.tokens.length, rowsOf());
    assert.ok(tree.tokens[0].startsWith('1 '), tree.tokens[0]);
    assert.equal(tree.linkage.length, rowsOf() - 1);
    // Lines of scenes need the text's order: the box for them says so.
    assert.ok(await page.getByTestId('events').isDisabled());
    await screenshot(page, 'views-dendrogram');
    // The readout names the tokens of the new order, with their own value.
    const { x, y } = await point(0.35, 0.4);
    await page.mouse.move(x, y);
    const readout = page.getByTestId('heatmap-readout');
    const [row, column] = (await readout.locator('.readout-token').allInnerTexts()).map((name) => parseInt(name, 10));
    const value = Number((await readout.locator('strong').innerText()).replace('−', '-'));
    assert.ok(Math.abs(value - document.similarity[row][column]) < 1e-4);
  });

  const saved = async (testId) => (await download(page, testId)).toString('utf8');

  test('the matrix is saved as CSV with its tokens', async () => {
    const rows = (await saved('heatmap-csv')).trim().split('\r\n');
    assert.equal(rows.length, rowsOf() + 1);
    const last = rows.at(-1).split(',');
    assert.ok(Math.abs(Number(last.at(-2)) - document.similarity.at(-1).at(-2)) < 1e-6);
  });

  test('the figure is saved as a picture at twice the size on a solid ground', async () => {
    const png = await download(page, 'heatmap-png');
    assert.deepEqual([...png.subarray(1, 4)], [...Buffer.from('PNG')]);
    const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
    assert.ok(width > 1400 && width <= 1800 && height > 1400, `${width} x ${height}`);
    writeFileSync(join(out, 'views-saved.png'), png);
    const corners = (await pngCorners(page, png)).map(([, , , alpha]) => alpha);
    assert.deepEqual(corners, [255, 255, 255, 255]);
  });

  test('strip and features are saved as CSV', async () => {
    const strip = (await saved('strip-csv')).trim().split('\r\n');
    assert.equal(strip[0], 'position,token,token_id,novel-share');
    assert.equal(strip.length, document.tokens.length + 1);
    const features = (await saved('features-csv')).trim().split('\r\n');
    assert.equal(features.length, 25);
  });

  test('every vector figure is saved as SVG with its names', async () => {
    const features = await downloadSvg(page, 'features-svg');
    assert.equal(features.title, 'New features through the text');
    // A feature's name, as much of it as fits, or its number.
    const { names } = JSON.parse(readFileSync(join(root, 'demo/dashboards/index.json'), 'utf8'));
    const isRow = (text) => /^#\d+$/.test(text) || names.some((name) => name.text.startsWith(text.replace(/…$/, '')));
    assert.equal(features.texts.filter(isRow).length, 24, features.texts.join(' | '));
    await (await reach(page, 'dendrogram')).check();
    const tree = await downloadSvg(page, 'dendrogram-svg');
    assert.equal(tree.counts.line, 3 * (rowsOf() - 1) + 1);
    assert.ok(tree.texts.some((text) => text.startsWith(`${SECOND_EVENT} `)));
    const strip = await downloadSvg(page, 'strip-svg');
    assert.equal(strip.counts.line, document.tokens.length);
    for (const { texts } of [features, tree, strip]) {
      const { name, pack_hash: hash } = document.model;
      assert.ok(texts.some((text) => text.includes(name) && text.includes(hash.slice(0, 8))), texts.at(1));
    }
  });

  test('events and a token’s features are saved as CSV', async () => {
    const [head, ...events] = await downloadCsv(page, 'events-csv');
    assert.deepEqual(head, ['position', 'token', 'gain']);
    assert.deepEqual(events.map(([position]) => position), [String(SECOND_EVENT)]);
    await token(20).click();
    const [, ...features] = await downloadCsv(page, 'feature-list-csv');
    assert.deepEqual(features.map(([position, , feature, value]) => [Number(position), Number(feature), Math.fround(value)]),
      document.novel_top[20].map(({ feature, value }) => [20, feature, Math.fround(value)]));
  });

  test('the whole analysis is saved', async () => {
    assert.deepEqual(await downloadJson(page), document);
  });

  test('the numbers are copied as a table', async () => {
    await (await reach(page, 'copy-numbers')).click();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    const rows = text.trim().split('\n').map((line) => line.split('\t'));
    const variance = rows.find(([name]) => name === 'Variance explained');
    assert.ok(Math.abs(Number(variance[1]) - document.variance_explained) < 1e-4);
    assert.ok(Number(rows.find(([name]) => name === 'Effective rank, predictable')[1]) > 1);
  });

  test('a feature is found by its number', async () => {
    const { feature } = document.novel_top[5][0];
    await (await reach(page, 'feature-search')).fill(String(feature));
    // The one that begins with # opens the feature's card.
    const found = page.getByTestId('feature-found').getByRole('button', { name: /^\d/ });
    const expected = document.novel_top.filter((top) => top.some((it) => it.feature === feature)).length;
    assert.equal(await found.count(), expected);
    await found.filter({ hasText: /^5 / }).click();
    assert.ok(await token(5).evaluate((it) => it.classList.contains('is-pinned')));
  });

  test('the keyboard alone walks, zooms, pins and selects', async () => {
    await page.mouse.move(0, 0);
    await (await reach(page, 'heatmap')).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    const readout = page.getByTestId('heatmap-readout').locator('.readout-token');
    assert.deepEqual((await readout.allInnerTexts()).map((name) => parseInt(name, 10)), [2, 2]);
    await page.keyboard.press('+');
    assert.ok((await span()) < rowsOf());
    await page.keyboard.press('0');
    assert.equal(await span(), rowsOf());
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('.token.is-pinned').count(), 1);
    await (await reach(page, 'token-strip')).focus();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    assert.equal(await page.locator('.token.is-span-a').count(), 3);
    await unpin();
    await page.keyboard.press('?');
    await page.getByTestId('help-sheet').waitFor();
    await screenshot(page, 'views-help');
    await page.keyboard.press('Escape');
    await page.getByTestId('help-sheet').waitFor({ state: 'hidden' });
  });

  test('the paper to cite stands in the menu, as BibTeX', async () => {
    const entry = await (await reach(page, 'cite-paper')).innerText();
    assert.match(entry, /^@misc\{lubana2025priors,\n {2}title = \{Priors in Time: [^]*2511\.01836[^]*\}$/);
    await page.keyboard.press('Escape');
    await page.getByTestId('cite-sheet').waitFor({ state: 'hidden' });
  });

  test('the feature map names feature, token and value, and opens the feature’s card', async () => {
    const map = await reach(page, 'feature-map');
    assert.ok((await countColors(page, 'feature-map')) > 10);
    const box = await map.boundingBox();
    const [x, y] = [box.x + box.width / 2, box.y + 10];
    await page.mouse.move(x, y);
    const [, feature] = /^#(\d+) at \d+ /.exec(await (await reach(page, 'feature-map-readout')).innerText());
    await page.mouse.click(x, y);
    assert.equal(await page.getByTestId('feature-card').getByRole('heading', { level: 2 }).innerText(), `Feature ${feature}`);
  });

  describe('the trajectory', () => {
    const figure = () => page.locator('[data-testid="trajectory"][data-points]');
    const points = async () => (await saved('trajectory-csv')).trim().split('\r\n').map((row) => row.split(','));
    const done = async () => {
      await reach(page, 'trajectory');
      await page.getByTestId('trajectory-status').waitFor({ state: 'detached' });
      await figure().waitFor();
    };
    /** By principal components, which are there sooner than UMAP's picture. */
    const showComponents = async () => {
      await leave();
      await show('&tby=pca');
      await done();
    };

    test('UMAP of all tokens, the same for the same seed and another for another', { timeout: 60_000 }, async () => {
      await done();
      assert.equal(Number(await figure().getAttribute('data-points')), document.tokens.length);
      const [head, ...rows] = await points();
      assert.deepEqual(head, ['position', 'token', 'UMAP 1', 'UMAP 2', 'UMAP 3']);
      assert.equal(rows.length, document.tokens.length);
      await (await reach(page, 'seed')).fill('7');
      await (await reach(page, 'seed')).press('Enter');
      await done();
      const [, ...others] = await points();
      assert.notDeepEqual(others, rows);
      await (await reach(page, 'seed')).fill('42');
      await (await reach(page, 'seed')).press('Enter');
      await done();
      assert.deepEqual((await points()).slice(1), rows);
      assert.match(await (await reach(page, 'tortuosity')).innerText(), /[\d.]+ times as long as the straight line/);
    });

    test('the notebook’s twenty tokens, a plane, principal components', async () => {
      await (await reach(page, 'trajectory-positions')).selectOption('notebook');
      await (await reach(page, 'trajectory-method')).selectOption('pca');
      await (await reach(page, 'trajectory-dimensions')).selectOption('2d');
      await done();
      const [head, ...rows] = await points();
      assert.deepEqual(head, ['position', 'token', 'PC 1', 'PC 2']);
      assert.equal(rows.length, 20);
      assert.deepEqual([rows[0][0], rows.at(-1)[0]], ['0', String(document.tokens.length - 1)]);
    });

    test('keys walk the path and focus the text; dragging orbits', async () => {
      await showComponents();
      await figure().focus();
      await page.keyboard.press('End');
      await page.keyboard.press('ArrowLeft');
      const position = document.tokens.length - 2;
      assert.ok(await token(position).evaluate((it) => it.classList.contains('is-focused')));
      assert.equal(await page.locator('.tooltip.card').getByText(`Position: ${position}`).count(), 1);
      await screenshot(page, 'views-trajectory');
      const picture = () => figure().evaluate((canvas) => canvas.toDataURL());
      await unpin();
      const before = await picture();
      const box = await figure().boundingBox();
      const [x, y] = [box.x + 0.3 * box.width, box.y + 0.6 * box.height];
      await page.mouse.move(x, y);
      await page.mouse.down();
      await page.mouse.move(x + 120, y + 30, { steps: 4 });
      await page.mouse.up();
      await page.mouse.move(0, 0);
      assert.notEqual(await picture(), before);
      await (await reach(page, 'camera-reset')).click();
      await settled(page);
      assert.equal(await picture(), before);
    });

    test('it is saved as a picture', async () => {
      await showComponents();
      const { width } = pngSize(await download(page, 'trajectory-png'));
      assert.ok(width > 1400, `${width}`);
    });

    test('it is saved as SVG, a named dot a token', async () => {
      await showComponents();
      const { counts, texts, title } = await downloadSvg(page, 'trajectory-svg');
      assert.equal(counts.title, document.tokens.length + 1, 'the figure’s title, and a name for each token');
      assert.equal(counts.circle, document.tokens.length + document.events.length - 1, 'a dot for each token, a ring where a scene begins');
      assert.match(title, /^Trajectory of /);
      assert.ok(texts.includes('PC 1'), texts.join());
    });
  });

  /** Looks at every figure, and at the box for a text. */
  const everywhere = async (look) => {
    for (const tab of await page.getByRole('tab').all()) {
      await tab.click();
      await settled(page);
      await look(await tab.innerText());
    }
    await reach(page, 'text-input');
    await settled(page);
    await look('the box');
  };

  test('axe finds what is planted', async () => {
    await page.evaluate(() => {
      const main = globalThis.document.querySelector('main');
      const [picture, faint, button] = ['img', 'p', 'button'].map((name) => main.appendChild(globalThis.document.createElement(name)));
      Object.assign(faint, { textContent: 'faint', id: 'faint' });
      faint.style.cssText = 'color: #eee; background: #fff';
      Object.assign(picture, { src: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' });
      button.id = 'nameless';
    });
    const found = (await seriousViolations(page)).map(({ id, nodes }) => [id, nodes.map(({ target }) => target.join()).join()]);
    assert.deepEqual(found.sort(), [['button-name', '#nameless'], ['color-contrast', '#faint'], ['image-alt', 'img']]);
  });

  for (const scheme of ['light', 'dark']) {
    for (const width of [360, 1280]) {
      test(`axe finds nothing serious (${scheme}, ${width} pixels)`, { timeout: 120_000 }, async () => {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 800 });
        const found = [];
        await everywhere(async (where) => {
          const serious = await seriousViolations(page);
          found.push(...serious.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map(({ target }) => target).join(', ')}`));
        });
        assert.deepEqual(found, []);
      });
    }
  }

  for (const width of [360, 768, 1440, 2560]) {
    test(`nothing is wider than a window of ${width} pixels`, async () => {
      await page.setViewportSize({ width, height: 900 });
      const wide = [];
      await everywhere(async (where) => {
        const found = await page.evaluate(() => globalThis.document.documentElement.scrollWidth);
        if (found > width) wide.push(`${where}: ${found}`);
      });
      assert.deepEqual(wide, []);
      await screenshot(page, `views-${width}`);
    });
  }
});
