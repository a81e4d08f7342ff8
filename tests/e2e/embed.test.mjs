// The page inside other people's pages: frames of several sizes on a foreign origin, messages, the element.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';

import { launch, open, screenshot, settled, visitor } from './lib/browser.mjs';
import { packs, site, sitePlain } from './lib/environment.mjs';
import { example } from './lib/examples.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

const isOfModel = (url) => /\/models\//.test(url);
const folder = join(packs, 'articles');
mkdirSync(folder, { recursive: true });

/** An article on another origin than the page's (another port is another origin). */
function article(name, body) {
  writeFileSync(join(folder, `${name}.html`), `<!doctype html><meta charset="utf-8"><title>Article</title><body style="margin:0">${body}`);
  return `${sitePlain}packs/articles/${name}.html`;
}
const frameTag = (query, { width = 640, height = 480, id = 'lens', more = '' } = {}) =>
  `<iframe id="${id}" title="Lens" src="${site}?embed=true&amp;${query}" width="${width}" height="${height}" style="border:0" ${more}></iframe>`;

async function visit(browser, url, { context } = {}) {
  context ??= await visitor(browser);
  const page = await context.newPage();
  page.problems = [];
  page.requested = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  page.on('request', (request) => page.requested.push(request.url()));
  await page.goto(url);
  return page;
}
const inside = (page, id = 'lens') => page.frameLocator(`#${id}`);

/** Says hello to the frame and keeps what it says in `window.received`. */
function converse(page) {
  return page.evaluate((origin) => {
    window.received = [];
    const frame = document.getElementById('lens');
    window.say = (message, to = origin) => frame.contentWindow.postMessage({ temporalLens: 1, ...message }, to);
    window.addEventListener('message', ({ source, origin: from, data }) => {
      if (source === frame.contentWindow) window.received.push({ from, ...data });
    });
    window.say({ type: 'hello' });
  }, new URL(site).origin);
}
const received = (page, type, count = 1) =>
  page.waitForFunction(([it, n]) => window.received.filter((message) => message.type === it).length >= n, [type, count])
    .then(() => page.evaluate((it) => window.received.filter((message) => message.type === it), type));

describe('embedded', () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  for (const [width, height] of [[320, 240], [640, 480], [1000, 700]]) {
    for (const theme of ['light', 'dark']) {
      test(`${width} x ${height}, ${theme}: the figure fits its frame`, async () => {
        const page = await visit(browser, article(`size-${width}-${theme}`, frameTag(`example=two-events&theme=${theme}`, { width, height })));
        const heatmap = inside(page).getByTestId('heatmap');
        await heatmap.waitFor();
        const frame = page.frames()[1];
        await settled(frame);
        const { scroll, client, scrollY, clientY } = await frame.evaluate(() => {
          const it = document.documentElement;
          return { scroll: it.scrollWidth, client: it.clientWidth, scrollY: it.scrollHeight, clientY: it.clientHeight };
        });
        assert.ok(scroll <= client, `${scroll} > ${client} wide`);
        assert.ok(scrollY <= clientY, `${scrollY} > ${clientY} high`);
        const side = await heatmap.evaluate((canvas) => canvas.getBoundingClientRect().height);
        assert.ok(side > 0.5 * height, `the figure takes ${side} of ${height}`);
        assert.equal(await frame.evaluate(() => document.documentElement.dataset.theme), theme);
        assert.deepEqual(page.requested.filter(isOfModel), []);
        assert.deepEqual(page.problems, []);
        await screenshot(page, `embed-${width}-${theme}`);
        await page.context().close();
      });
    }
  }

  test('flags choose what is shown', async () => {
    const all = ['tokens', 'heatmap', 'trajectory', 'features', 'input', 'controls', 'caption', 'link'];
    const of = { tokens: 'token-strip', heatmap: 'heatmap', trajectory: 'trajectory', features: 'feature-list', input: 'text-input', caption: 'lede', link: 'embed-link' };
    for (const only of all.filter((name) => of[name])) {
      const flags = all.map((name) => `embed${name}=${name === only}`).join('&amp;');
      const page = await visit(browser, article('flags', frameTag(`example=poem&amp;${flags}`)));
      await inside(page).getByTestId(of[only]).waitFor();
      for (const [name, id] of Object.entries(of)) {
        if (name !== only) assert.equal(await inside(page).getByTestId(id).count(), 0, `${name} with only ${only}`);
      }
      for (const settings of ['text-settings', 'scenes-settings', 'path-settings']) {
        assert.equal(await inside(page).getByTestId(settings).isVisible(), false, `${settings} with only ${only}`);
      }
      await page.context().close();
    }
    const page = await visit(browser, article('controls', frameTag('example=poem&amp;embedcontrols=true')));
    await inside(page).getByTestId('heatmap').waitFor();
    assert.ok(await (await reach(inside(page), 'source')).isVisible());
    await page.context().close();
  });

  test('a frame shows the text alone, and a word’s story over it once a reader presses one', async () => {
    const page = await visit(browser, article('text', frameTag('example=two-events&amp;view=text&amp;pin=5')));
    const frame = inside(page);
    await frame.getByTestId('token-strip').waitFor();
    assert.equal(await frame.getByTestId('heatmap').count(), 0);
    assert.match(await frame.getByTestId('lede').innerText(), /^Gemma passed through two scenes: .*sail/);
    assert.equal(await frame.getByTestId('word-sheet').count(), 0, 'what the link pins opens nothing');
    assert.deepEqual(page.requested.filter((url) => /dashboards/.test(url)), [], 'names wait for a press, too');
    await frame.getByTestId('token-62').click();
    await frame.getByTestId('word-sheet').waitFor();
    assert.equal(await frame.getByTestId('inspector-name').innerText(), 'rubbed');
    await until(async () => {
      const [word, sheet] = await Promise.all(['token-62', 'word-sheet'].map((it) => frame.getByTestId(it).boundingBox()));
      return word.y + word.height <= sheet.y;
    }, 'the word stands above its sheet');
    await frame.getByTestId('added-features').locator('button').first().click();
    await frame.getByTestId('feature-contexts').waitFor();
    assert.ok(await frame.getByTestId('feature-contexts').locator('li').count() > 3, 'a card in a frame has its contexts');
    await frame.getByTestId('feature-close').click();
    await frame.getByTestId('sheet-close').click();
    await frame.getByTestId('word-sheet').waitFor({ state: 'detached' });
    assert.deepEqual(page.requested.filter(isOfModel), []);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('a frame shows one word alone, and leads to the page with it', async () => {
    const page = await visit(browser, article('word', frameTag('example=two-events&amp;view=word&amp;pin=62', { height: 320 })));
    const frame = inside(page);
    await frame.getByTestId('added-features').locator('button').first().waitFor();
    assert.equal(await frame.getByTestId('inspector-name').innerText(), 'rubbed');
    for (const other of ['token-strip', 'heatmap', 'word-sheet']) assert.equal(await frame.getByTestId(other).count(), 0, other);
    const sizes = await page.frames()[1].evaluate(() => [document.documentElement.scrollHeight, window.innerHeight]);
    assert.ok(sizes[0] <= sizes[1], `${sizes}`);
    assert.match(await frame.getByTestId('embed-link').getAttribute('href'), /\?example=two-events&pin=62&v=3$/);
    await page.context().close();
  });

  test('a frame of the path leads to the path, and draws it once', async () => {
    for (const query of ['embedheatmap=false&amp;embedtrajectory=true', 'view=path&amp;embedtrajectory=true', 'view=path']) {
      const page = await visit(browser, article('path', frameTag(`example=poem&amp;${query}`)));
      await inside(page).getByTestId('trajectory').waitFor();
      assert.equal(await inside(page).getByTestId('trajectory').count(), 1, query);
      assert.match(await inside(page).getByTestId('embed-link').getAttribute('href'), /example=poem&view=path/, query);
      await page.context().close();
    }
  });

  test('the link leads to the whole page in the same state', async () => {
    const page = await visit(browser, article('link', frameTag('example=poem&amp;pin=4&amp;of=novel')));
    await inside(page).getByTestId('heatmap').waitFor();
    const [whole] = await Promise.all([page.context().waitForEvent('page'), inside(page).getByTestId('embed-link').click()]);
    await reach(whole, 'token-strip');
    await whole.waitForFunction(() => document.querySelector('.token.is-pinned')?.id === 'token-4');
    assert.equal(await (await reach(whole, 'source')).inputValue(), 'novel');
    assert.equal(await page.evaluate(() => history.length), 2, 'the article’s history is its own');
    await page.context().close();
  });

  test('a saved result in a frame asks for no weights and for under 750 KB', async () => {
    writeFileSync(join(packs, 'embedded.json'), JSON.stringify(example('dialogue')));
    const page = await visit(browser, article('bytes', frameTag('result=packs/embedded.json')));
    await inside(page).getByTestId('heatmap').waitFor();
    // What a page that opens a result asks for last.
    await until(() => page.requested.some((url) => url.endsWith('/examples/index.json')), 'the list of examples is asked for');
    assert.deepEqual(page.requested.filter(isOfModel), []);
    const own = [...new Set(page.requested.filter((url) => url.startsWith(site)))];
    let total = 0;
    for (const url of own) total += brotliCompressSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length;
    assert.ok(own.some((url) => url.endsWith('.wasm')) && own.some((url) => url.includes('embedded.json')));
    assert.ok(total < 750_000, `${total} bytes`);
    assert.deepEqual(page.requested.filter((url) => !url.startsWith(site) && !url.startsWith(sitePlain)), []);
    await page.context().close();
  });

  test('a text in a frame waits for a click', async () => {
    const page = await visit(browser, article('text', frameTag(`text=${encodeURIComponent('A fox & a hen.')}`)));
    await inside(page).getByTestId('embed-text').waitFor();
    assert.equal(await inside(page).getByTestId('embed-text').innerText(), 'A fox & a hen.');
    assert.match(await inside(page).getByTestId('analyze').innerText(), /MB/);
    assert.deepEqual(page.requested.filter(isOfModel), []);
    await page.context().close();
  });

  test('messages: hello, selection, text, result, theme', async () => {
    const page = await visit(browser, article('messages', frameTag('example=poem')));
    await inside(page).getByTestId('heatmap').waitFor();
    await converse(page);
    const [shown] = await received(page, 'shown');
    assert.deepEqual([shown.text, shown.origin, shown.from, shown.temporalLens],
      [example('poem').text, 'precomputed', new URL(site).origin, 1]);
    await inside(page).getByTestId('token-3').click();
    const [selected] = await received(page, 'selected');
    assert.deepEqual(selected.cell, [3, 3]);
    assert.equal(selected.tokens.length, 2);
    // A text with a precomputed result is shown; another one waits.
    await page.evaluate((text) => window.say({ type: 'set-text', text }), example('counting').text);
    assert.equal((await received(page, 'shown', 2))[1].text, example('counting').text);
    await page.evaluate((result) => window.say({ type: 'set-result', result }), { ...example('dialogue'), text: 'sent' });
    const third = (await received(page, 'shown', 3))[2];
    assert.deepEqual([third.text, third.origin], ['sent', 'file']);
    await page.evaluate(() => window.say({ type: 'set-theme', theme: 'dark' }));
    await inside(page).locator('html[data-theme="dark"]').waitFor();
    await page.evaluate(() => window.say({ type: 'set-text', text: 'Never seen: <img src=x onerror=alert(1)>' }));
    await inside(page).getByTestId('embed-text').waitFor();
    assert.equal(await inside(page).getByTestId('embed-text').innerText(), 'Never seen: <img src=x onerror=alert(1)>');
    assert.deepEqual(page.requested.filter(isOfModel), []);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('hostile messages change nothing and are answered with a sentence', async () => {
    const page = await visit(browser, article('hostile', frameTag('example=poem')));
    await inside(page).getByTestId('heatmap').waitFor();
    await converse(page);
    await received(page, 'shown');
    const bad = [
      { type: 'set-result', result: {} }, { type: 'set-result', result: '<html>' }, { type: 'set-result', result: { ...example('poem'), tokens: [] } },
      { type: 'set-theme', theme: 'pink' }, { type: 'set-text', text: '' }, { type: 'set-text', text: { a: 1 } },
      { type: 'run', code: 'alert(1)' }, { type: 'hello', temporalLens: 7 },
    ];
    for (const [at, message] of bad.entries()) {
      await page.evaluate((it) => window.say(it), message);
      const said = (await received(page, 'problem', at + 1))[at].message;
      assert.match(said, /^[A-Z].+\.$/, said);
    }
    await page.evaluate(() => {
      const frame = document.getElementById('lens').contentWindow;
      for (const it of ['text', 5, null, [1], { temporalLens: '1' }, new Map(), { type: 'set-text', text: 'x' }]) frame.postMessage(it, '*');
    });
    // Messages come in order: what a good one does is there after all that the others did.
    await page.evaluate(() => window.say({ type: 'set-theme', theme: 'dark' }));
    await inside(page).locator('html[data-theme="dark"]').waitFor();
    assert.equal(await page.evaluate(() => window.received.filter(({ type }) => type === 'problem').length), bad.length);
    assert.equal(await inside(page).locator('main').getAttribute('data-origin'), 'precomputed');
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('only the page around is listened to, and nothing is said before its hello', async () => {
    const sibling = `<iframe id="other" srcdoc="<script>parent.frames[0].postMessage({temporalLens:1,type:'set-text',text:'intruder'},'*');parent.sent=true</script>"></iframe>`;
    const page = await visit(browser, article('sibling', `<script>window.all = []; addEventListener('message', ({ data }) => all.push(data));</script>${frameTag('example=poem')}`));
    await inside(page).getByTestId('heatmap').waitFor();
    await page.evaluate((html) => document.body.insertAdjacentHTML('beforeend', html), sibling);
    await page.waitForFunction(() => window.sent);
    await inside(page).getByTestId('token-2').click();
    await inside(page).locator('.token.is-pinned').waitFor();
    // Messages come in order: what the frame said before is there before its answer, and what the sibling said was read
    // before the hello.
    await page.evaluate(() => document.getElementById('lens').contentWindow.postMessage({ temporalLens: 1, type: 'hello' }, '*'));
    await page.waitForFunction(() => window.all.length > 1);
    const [ready, answer] = await page.evaluate(() => window.all);
    assert.equal(ready.type, 'ready');
    assert.deepEqual([answer.type, answer.text, answer.origin], ['shown', example('poem').text, 'precomputed']);
    await page.context().close();
  });

  for (const [allowed, said] of [['clipboard-write', /^Copied\.$/], ['', /press Ctrl\+C/]]) {
    test(`the Share dialog of a framed page, ${allowed || 'without the clipboard'}`, async () => {
      const context = await visitor(browser, { permissions: ['clipboard-write'] });
      const frame = `<iframe id="lens" src="${site}?example=poem" width="1000" height="700" allow="${allowed}"></iframe>`;
      const page = await visit(browser, article('framed', frame), { context });
      await inside(page).getByTestId('heatmap').waitFor();
      await (await reach(inside(page), 'share-link-copy')).click();
      await inside(page).getByTestId('share-notice').filter({ hasText: /./ }).waitFor();
      assert.match(await inside(page).getByTestId('share-notice').innerText(), said);
      await context.close();
    });
  }

  test('an embedded page has no dialog of its own', async () => {
    const context = await visitor(browser);
    const page = await visit(browser, article('copy', frameTag('example=poem&amp;embedcontrols=true', { more: 'allow=""' })), { context });
    await inside(page).getByTestId('heatmap').waitFor();
    assert.equal(await inside(page).getByTestId('share').count(), 0, 'sharing is the whole page’s');
    await context.close();
  });

  test('the example page: the element sends, hears, and hosts a second frame', async () => {
    const page = await open(browser, `${site}embed-example.html`, { main: 'temporal-lens iframe' });
    const first = page.frameLocator('temporal-lens iframe');
    await reach(first, 'heatmap');
    await page.waitForFunction(() => /precomputed/.test(document.getElementById('shown').textContent));
    await (await reach(first, 'token-2')).click();
    await page.waitForFunction(() => / \/ /.test(document.getElementById('selected').textContent));
    await page.getByRole('button', { name: 'Show another text there' }).click();
    await page.waitForFunction(() => /^18 tokens/.test(document.getElementById('shown').textContent));
    await page.locator('iframe').nth(1).scrollIntoViewIfNeeded();
    const second = page.frameLocator('iframe >> nth=1');
    await reach(second, 'trajectory');
    assert.equal(await second.getByTestId('heatmap').count(), 0);
    await settled(page.frames().at(-1));
    await screenshot(page, 'embed-example');
    assert.deepEqual(page.requested.filter(isOfModel), []);
    assert.deepEqual(page.problems, []);
    // Attributes are parameters; the element may go and come again.
    await page.evaluate(() => document.querySelector('temporal-lens').setAttribute('example', 'counting'));
    await page.waitForFunction((count) => document.getElementById('shown').textContent.startsWith(`${count} tokens`), example('counting').tokens.length);
    await page.context().close();
  });
});
