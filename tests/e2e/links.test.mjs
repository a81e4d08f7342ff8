// The page's address: everything shown is in it, Back undoes, anyone's links open what they can.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { link } from './lib/address.mjs';
import { launch, open, screenshot, settled, visitor } from './lib/browser.mjs';
import { packs, site, sitePlain } from './lib/environment.mjs';
import { FIRST, choose, example, show, shows } from './lib/examples.mjs';
import { save } from './lib/files.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

const isOfModel = (url) => /\/models\//.test(url);

/** Everything a link carries, as the page's own controls show it: tab by tab, which the address then names. */
async function state(page) {
  const beside = await page.evaluate(() => {
    const ids = (selector) => [...document.querySelectorAll(selector)].map((it) => it.id);
    return {
      figure: document.querySelector('[role="tab"][aria-selected="true"]').id,
      text: document.querySelector('[data-testid="token-strip"]').textContent,
      shade: document.querySelector('[data-testid="quantity"]').value,
      pinned: ids('.token.is-pinned'),
      feature: document.getElementById('feature-card-title')?.textContent ?? null,
      spans: [ids('.token.is-span-a').length, ids('.token.is-span-b').length],
      theme: document.documentElement.dataset.theme ?? 'system',
    };
  });
  const values = (names) => page.evaluate((them) => them.map((name) => {
    const { type, value, checked } = document.querySelector(`[data-testid="${name}"]`);
    return type === 'checkbox' ? checked : value;
  }), names);
  const zoom = await (await reach(page, 'heatmap')).getAttribute('data-span');
  const [source, mode, scale, events, order] = await values(['source', 'mode', 'scale', 'events', 'dendrogram']);
  await reach(page, 'trajectory');
  const trajectory = await values(['trajectory-source', 'trajectory-method', 'trajectory-dimensions', 'trajectory-positions',
    'trajectory-color', 'trajectory-metric', 'n-neighbors', 'min-dist', 'seed']);
  return { ...beside, zoom, source, mode, scale, events, order, trajectory };
}

const linkIs = (page, wanted) => until(() => wanted.test(link(page)), `${wanted} in the address`);

describe('links', () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  test('the page as it opens has a short address', async () => {
    const page = await open(browser, site);
    await reach(page, 'heatmap');
    assert.equal(link(page), '');
    await page.context().close();
  });

  test('a link of version 1 shows what it did: the notebook’s prompt, its matrix in its colors', async () => {
    const page = await open(browser, `${site}?v=1`);
    await shows(page, 'seed-prompt');
    assert.deepEqual([await (await reach(page, 'mode')).inputValue(), await (await reach(page, 'scale')).inputValue()], ['notebook', 'data']);
    await page.goto(site);
    await shows(page, FIRST);
    assert.deepEqual([await (await reach(page, 'mode')).inputValue(), await (await reach(page, 'scale')).inputValue()], ['neuronpedia', 'signed']);
    await page.context().close();
  });

  test('every setting is in the address, and a link shows all of it again', async () => {
    const page = await open(browser, site);
    await show(page, 'news');
    const plain = await state(page);
    await (await reach(page, 'source')).selectOption('novel');
    await (await reach(page, 'mode')).selectOption('notebook');
    await (await reach(page, 'scale')).selectOption('unit');
    await (await reach(page, 'quantity')).selectOption('novel-l0');
    await (await reach(page, 'events')).uncheck();
    await (await reach(page, 'dendrogram')).check();
    await (await reach(page, 'trajectory-source')).selectOption('residual');
    await (await reach(page, 'trajectory-dimensions')).selectOption('2d');
    await (await reach(page, 'trajectory-positions')).selectOption('notebook');
    await (await reach(page, 'trajectory-color')).selectOption('novel-energy');
    await (await reach(page, 'trajectory-metric')).selectOption('cosine');
    for (const [id, value] of [['n-neighbors', '9'], ['min-dist', '0.25'], ['seed', '7']]) {
      await (await reach(page, id)).fill(value);
      await page.getByTestId(id).press('Enter');
    }
    await (await reach(page, 'token-12')).click();
    await (await reach(page, 'token-20')).click({ modifiers: ['Shift'] });
    await (await reach(page, 'token-40')).click();
    await (await reach(page, 'token-44')).click({ modifiers: ['Shift'] });
    await (await reach(page, 'zoom-in')).click();
    await (await reach(page, 'feature-list')).locator('[data-feature] button').first().click();
    await (await reach(page, 'theme')).click();
    await linkIs(page, /theme=/);
    const url = await page.evaluate(() => location.href);
    assert.ok(url.length < 400, url);
    const made = await state(page);
    for (const [key, value] of Object.entries(plain)) {
      if (key !== 'text') assert.notDeepEqual(made[key], value, `${key} was not changed`);
    }
    const other = await open(browser, url, { context: await visitor(browser) });
    await shows(other, 'news');
    await other.waitForFunction((count) => document.querySelectorAll('.token.is-pinned').length === count, made.pinned.length);
    assert.equal(await other.evaluate(() => location.href), url);
    assert.deepEqual(await state(other), made);
    assert.deepEqual(other.requested.filter(isOfModel), []);
    assert.deepEqual(other.problems, []);
    // By UMAP too: the method is another menu's. Reading the state went through the tabs, which put the card away.
    assert.equal(await other.getByTestId('feature-card').count(), 0);
    await (await reach(other, 'trajectory-method')).selectOption('pca');
    await linkIs(other, /tby=pca/);
    await Promise.all([page.context().close(), other.context().close()]);
  });

  test('Back and Forward undo and redo', async () => {
    const page = await open(browser, site);
    await reach(page, 'heatmap');
    await page.getByTestId('gallery').waitFor();
    await show(page, 'poem');
    await linkIs(page, /example=poem/);
    await (await reach(page, 'token-4')).click();
    await linkIs(page, /pin=4/);
    await (await reach(page, 'source')).selectOption('total');
    await linkIs(page, /of=total/);
    await page.goBack();
    await page.waitForFunction(() => document.querySelector('[data-testid="source"]').value === 'predictable');
    // A pin is no step of its own.
    assert.equal(await page.locator('.token.is-pinned').count(), 1);
    await page.goBack();
    await page.waitForFunction(() => !document.querySelector('.token.is-pinned'));
    await shows(page, FIRST);
    await linkIs(page, /^$/);
    // Faster than what they show: the last one counts.
    await page.evaluate(() => new Promise((resolve) => {
      const back = () => {
        window.addEventListener('popstate', resolve, { once: true });
        history.back();
      };
      window.addEventListener('popstate', back, { once: true });
      history.forward();
    }));
    await settled(page);
    await shows(page, FIRST);
    assert.equal(link(page), '');
    await page.goForward();
    await shows(page, 'poem');
    await page.goForward();
    await page.waitForFunction(() => document.querySelector('.token.is-pinned')?.id === 'token-4');
    await page.context().close();
  });

  test('an example that comes late does not replace the one asked for after it', async () => {
    const page = await open(browser, site);
    await page.getByTestId('gallery').waitFor();
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await page.route('**/examples/counting.json', async (route) => {
      await held;
      await route.continue();
    });
    const asked = page.waitForRequest('**/examples/counting.json');
    await choose(page, 'counting');
    await asked;
    await show(page, 'poem');
    const late = page.waitForEvent('requestfinished', (request) => request.url().endsWith('/counting.json'));
    release();
    await late;
    await settled(page);
    await shows(page, 'poem');
    assert.match(link(page), /example=poem/);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('a drag makes one entry, hovering none', async () => {
    const page = await open(browser, site);
    const entries = () => page.evaluate(() => history.length);
    await reach(page, 'heatmap');
    const opened = await entries();
    await page.getByTestId('heatmap').hover();
    await page.getByTestId('token-3').hover();
    assert.equal(await entries(), opened);
    await reach(page, 'trajectory');
    await page.locator('[data-testid="trajectory"][data-points]').waitFor();
    const before = await entries();
    const canvas = page.getByTestId('trajectory');
    await canvas.scrollIntoViewIfNeeded();
    const { x, y, width, height } = await canvas.boundingBox();
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    for (let step = 1; step <= 30; step += 1) {
      await page.mouse.move(x + width / 2 + 3 * step, y + height / 2 + step);
      // What a step changes is drawn before the next one.
      await page.evaluate(() => new Promise(requestAnimationFrame));
    }
    await page.mouse.up();
    await linkIs(page, /camera=/);
    assert.equal(await entries(), before + 1);
    const url = page.url();
    const other = await open(browser, url);
    await reach(other, 'camera-reset');
    await other.waitForFunction((it) => location.href === it, url);
    await page.goBack();
    await linkIs(page, /view=path&v=3$/);
    await Promise.all([page.context().close(), other.context().close()]);
  });

  test('a text in a link waits in the box: no model is fetched unasked', async () => {
    for (const text of ['A cat & a dog = 100 % “pets” + #1?', 'Ünï ☃ 🦊\n\n<b>two</b> lines']) {
      const page = await open(browser, `${site}?text=${encodeURIComponent(text)}`);
      await page.getByTestId('gallery').waitFor();
      assert.equal(await (await reach(page, 'text-input')).inputValue(), text);
      assert.equal(await page.getByTestId('heatmap').count(), 0);
      assert.deepEqual(page.requested.filter(isOfModel), []);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  });

  test('a text in a link reaches no host: it is behind #', async () => {
    const page = await open(browser, `${site}#text=A+secret+otter&pin=1&v=3`);
    const box = await reach(page, 'text-input');
    assert.equal(await box.inputValue(), 'A secret otter');
    assert.deepEqual(page.requested.filter((url) => /otter/.test(url.split('#')[0])), []);
    // Another link into the open page: the browser loads nothing for it.
    await page.evaluate(() => { location.hash = '#text=A+second+one&v=3'; });
    await until(async () => await box.inputValue() === 'A second one', 'the other link is opened');
    await page.goBack();
    await until(async () => await box.inputValue() === 'A secret otter', 'Back leads to the first');
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('a text that is analyzed already is shown at once', async () => {
    const { text } = example('counting');
    const page = await open(browser, `${site}?text=${encodeURIComponent(text)}`);
    await shows(page, 'counting');
    await reach(page, 'heatmap');
    await page.context().close();
  });

  test('a long text travels compressed', async () => {
    const { text } = example('long-passage');
    const page = await open(browser, site);
    const file = join(packs, 'long.json');
    writeFileSync(file, JSON.stringify({ ...example('long-passage'), text: `${text} ` }));
    await (await reach(page, 'open-result')).setInputFiles(file);
    await page.getByTestId('file-mark').waitFor();
    await linkIs(page, /#z=/);
    const url = page.url();
    assert.ok(url.length < text.length * 0.85, `${url.length} for ${text.length}`);
    const other = await open(browser, url);
    await other.getByTestId('gallery').waitFor();
    assert.equal(await (await reach(other, 'text-input')).inputValue(), `${text} `);
    await Promise.all([page.context().close(), other.context().close()]);
  });

  test('Neuronpedia’s links are understood', async () => {
    const page = await open(browser, `${site}?simMatrix=${encodeURIComponent('Once there was a fox.')}`);
    await page.getByTestId('gallery').waitFor();
    assert.equal(await (await reach(page, 'text-input')).inputValue(), 'Once there was a fox.');
    await page.goto(`${site}?simMatrixDemo=garden-path`);
    await page.getByTestId('demo-note').waitFor();
    const theirs = page.getByTestId('demo-note').getByRole('link');
    assert.equal(await theirs.getAttribute('href'), 'https://www.neuronpedia.org/gemma-2-2b/12-temporal-res?simMatrixDemo=garden-path');
    await shows(page, 'garden-path');
    await page.goto(`${site}?simMatrixDemo=${encodeURIComponent('"><script>alert(1)</script>')}`);
    await page.getByTestId('link-note').waitFor();
    assert.equal(await page.getByTestId('demo-note').count(), 0);
    assert.deepEqual(page.requested.filter((url) => url.includes('neuronpedia')), []);
    await page.context().close();
  });

  test('old, damaged and hostile links open what they can and say what they dropped', async () => {
    const page = await open(browser, site);
    const cases = [
      ['v=99&example=poem', /later version/],
      ['example=poem&of=everything', /of=everything.* is not one of the choices/],
      ['example=poem&pin=99999', /past the text’s/],
      ['example=poem&span=9-2', /span=9-2/],
      ['example=../../secret', /is not an example/],
      ['example=poem&camera=NaN_inf_1', /camera=NaN_inf_1/],
      ['z=!!!!', /cut or damaged/],
      ['z=AAAA', /cut or damaged/],
      ['text=%FF%FE', /is not text/],
      ['result=javascript:alert(1)', /is not a web address/],
      ['result=data:application/json,{}', /is not a web address/],
      ['model=file:///etc/passwd', /is not a web address/],
      ['example=poem&seed=1e99&neighbours=-4&mindist=7', /seed=1e99.*neighbours=-4.*mindist=7/],
      ['exmaple=poem', /“exmaple” is not known; did you mean “example”/],
    ];
    for (const [query, said] of cases) {
      await page.goto(`${site}?${query}`);
      await page.getByTestId('link-note').waitFor();
      assert.match(await page.getByTestId('link-note').innerText(), said, query);
      if (/example=poem/.test(query)) await shows(page, 'poem');
      else await page.getByTestId('gallery').waitFor();
    }
    // What others hang onto a link is none of ours.
    for (const query of ['fbclid=x&__theme=dark&utm_source=y', '<img src=x onerror=alert(1)>=1', `${'x'.repeat(5000)}=1`]) {
      await page.goto(`${site}?example=poem&${query}`);
      await shows(page, 'poem');
      assert.equal(await page.getByTestId('link-note').count(), 0, query);
    }
    // A bomb: a megabyte's limit holds before memory does.
    const { deflateRawSync } = await import('node:zlib');
    const bomb = deflateRawSync(Buffer.alloc(8 << 20, 97)).toString('base64url');
    await page.goto(`${site}?z=${bomb}`);
    assert.match(await page.getByTestId('link-note').innerText(), /more than a megabyte/);
    await page.getByTestId('link-note-close').click();
    assert.equal(await page.getByTestId('link-note').count(), 0);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('for an example that is not there the first one is shown, with a note', async () => {
    const page = await open(browser, `${site}?example=no-such-thing`);
    await shows(page, FIRST);
    assert.match(await page.getByTestId('link-note').innerText(), /no-such-thing.*could not be opened, another one is shown/);
    assert.equal(await page.getByTestId('error').count(), 0);
    assert.equal(link(page), '?example=no-such-thing');
    await show(page, 'poem');
    await page.context().close();
  });

  test('the second text of a comparison is in the address, with the spans selected in both', async () => {
    const page = await open(browser, `${site}?example=garden-path`);
    await shows(page, 'garden-path');
    const cosines = (it) => it.getByTestId('compare-found').innerText();
    const selected = (it) => it.locator('.compare-token').evaluateAll(
      (them) => them.map(({ className }) => ['is-span-a', 'is-span-b'].findIndex((name) => className.includes(name))));
    await (await reach(page, 'compare-pair')).click();
    await reach(page, 'compare-found');
    await linkIs(page, /#.*&with=/);
    const usual = await selected(page);
    assert.doesNotMatch(link(page), /withspan/);
    await (await reach(page, 'compare-2-2')).click();
    await (await reach(page, 'compare-2-4')).click({ modifiers: ['Shift'] });
    await linkIs(page, /withspan=/);
    assert.notDeepEqual(await selected(page), usual);
    const other = await open(browser, page.url(), { context: await visitor(browser) });
    await reach(other, 'compare-found');
    assert.deepEqual(await selected(other), await selected(page));
    assert.equal(await cosines(other), await cosines(page));
    assert.equal(await other.evaluate(() => location.href), page.url());
    assert.deepEqual(other.requested.filter(isOfModel), []);
    await page.goBack();
    await until(() => !link(page).includes('withspan'), 'the spans left the address');
    await page.goBack();
    await page.getByTestId('compare-found').waitFor({ state: 'detached' });
    assert.match(link(page), /example=garden-path&view=compare&v=3$/);
    await page.goForward();
    await reach(page, 'compare-found');
    assert.deepEqual(await selected(page), usual);
    // Past the ends of the texts.
    await other.goto(`${site}?example=garden-path&with=${encodeURIComponent(example('garden-path-compared').second.text)}&withspan=1-900_`);
    await reach(other, 'compare-found');
    assert.match(await other.getByTestId('link-note').innerText(), /compared texts lies past their ends/);
    assert.deepEqual(await selected(other), usual);
    for (const it of [page, other]) assert.deepEqual(it.problems, []);
    await Promise.all([page.context().close(), other.context().close()]);
  });

  test('a second text that was not compared yet waits in its box, and stays in the address', async () => {
    const long = 'A second text, longer than a plain one may be. '.repeat(20);
    for (const text of ['Ünï ☃ & <b>two</b>', long]) {
      const page = await open(browser, `${site}?example=poem`);
      await shows(page, 'poem');
      // The page's own way of writing it.
      const { deflateRawSync } = await import('node:zlib');
      const packed = `withz=${deflateRawSync(Buffer.from(text)).toString('base64url')}`;
      const query = text === long ? packed : `with=${encodeURIComponent(text)}`;
      await page.goto(`${site}?example=poem&${query}&withk=7`);
      await shows(page, 'poem');
      await page.waitForFunction((it) => document.querySelector('[data-testid="compare-text"]').value === it, text);
      assert.equal(await (await reach(page, 'compare-inf-k')).inputValue(), '7');
      await (await reach(page, 'source')).selectOption('total');
      await linkIs(page, /of=total/);
      assert.match(link(page), text === long ? /withz=.*withk=7/ : /with=.*withk=7/);
      // It belongs to that first text only.
      await choose(page, 'code');
      await linkIs(page, /example=code/);
      assert.doesNotMatch(link(page), /with/);
      await page.context().close();
    }
  });

  describe('to results', () => {
    const write = (name, content) => writeFileSync(join(packs, name), content);
    test('one beside the page opens without a model and without WebGPU', async () => {
      write('result.json', JSON.stringify({ ...example('dialogue'), text: 'changed' }));
      const page = await open(browser, `${site}?result=packs/result.json&pin=3`);
      await reach(page, 'heatmap');
      await page.waitForFunction(() => document.querySelector('.token.is-pinned')?.id === 'token-3');
      assert.equal(await (await reach(page, 'text-input')).inputValue(), 'changed');
      assert.match(link(page), /result=packs\/result\.json/);
      assert.deepEqual(page.requested.filter(isOfModel), []);
      await page.context().close();
    });

    test('one on another host opens where that host allows it', async () => {
      const page = await open(browser, site);
      const document = JSON.stringify(example('dialogue'));
      let headers = { 'access-control-allow-origin': '*' };
      await page.context().route('https://results.example/**', (route) => {
        assert.equal(route.request().headers().cookie, undefined);
        assert.equal(route.request().headers().referer, undefined);
        return route.fulfill({ contentType: 'application/json', headers, body: document });
      });
      await page.goto(`${site}?result=https://results.example/a.json`);
      await reach(page, 'heatmap');
      headers = { 'access-control-allow-origin': 'https://another.example' };
      await page.goto(`${site}?result=https://results.example/b.json`);
      assert.match(await page.getByTestId('error').innerText(), /cannot be reached, or does not let other sites read it/);
      await page.context().close();
    });

    test('a file that is not a result is refused with a sentence', async () => {
      const whole = JSON.stringify(example('poem'));
      write('page.json', '<!doctype html><p>404');
      write('cut.json', whole.slice(0, whole.length / 2));
      write('wrong.json', JSON.stringify({ ...example('poem'), tokens: ['one'] }));
      write('deep.json', '['.repeat(100_000));
      write('later.json', JSON.stringify({ ...example('poem'), format: 'temporal-lens-analysis/99' }));
      const page = await open(browser, site);
      for (const name of ['page', 'cut', 'wrong', 'deep', 'later', 'absent']) {
        await page.goto(`${site}?result=packs/${name}.json`);
        const said = await page.getByTestId('error').innerText();
        assert.match(said, new RegExp(`The result at packs/${name}\\.json was not opened: .+\\.`), said);
        assert.equal(await page.locator('main').getAttribute('data-analysis-tokens'), null, name);
      }
      assert.deepEqual(page.problems, []);
      await show(page, 'poem');
      await page.context().close();
    });
  });

  describe('the Share dialog', () => {
    let page;
    beforeEach(async () => {
      const context = await visitor(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
      page = await open(browser, `${site}?example=poem&pin=5&v=3`, { context });
      await shows(page, 'poem');
      await page.getByTestId('share').click();
    });
    afterEach(() => page.context().close());

    test('it gives the link, the code and the file', async () => {
      const shared = await (await reach(page, 'share-link')).inputValue();
      assert.equal(shared, page.url());
      await (await reach(page, 'share-link-copy')).click();
      await (await reach(page, 'share-notice')).filter({ hasText: 'Copied' }).waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), shared);
      // The result itself: its file, a place for it, and the link that opens it there.
      const address = await reach(page, 'share-address');
      await address.fill('javascript:alert(1)');
      await page.getByTestId('share-address-wrong').waitFor();
      await address.fill('https://results.example\\story.json');
      await page.getByTestId('share-address-wrong').waitFor();
      await address.fill(' https://results.example/story.json ');
      const result = new URL(await (await reach(page, 'share-result')).inputValue());
      assert.equal(result.search, '?result=https://results.example/story.json&pin=5&v=3');
      const code = await (await reach(page, 'share-code')).inputValue();
      assert.equal(/ src="([^"]*)"/.exec(code)[1].replaceAll('&amp;', '&'), `${shared}&embed=true`);
      const download = await save(page, 'share-file');
      assert.equal(JSON.parse(readFileSync(await download.path(), 'utf8')).text, example('poem').text);
      await screenshot(page, 'share-dialog');
    });

    test('where the clipboard is refused it selects the text and says so', async () => {
      await page.evaluate(() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); document.execCommand = () => false; });
      await (await reach(page, 'share-code-copy')).click();
      await (await reach(page, 'share-notice')).filter({ hasText: 'Ctrl+C' }).waitFor();
      const selected = await (await reach(page, 'share-code')).evaluate((it) => it.selectionEnd - it.selectionStart === it.value.length);
      assert.ok(selected);
      await page.keyboard.press('Escape');
      // A dialog says that it closed after the key was handled.
      await page.getByTestId('share-link').waitFor({ state: 'detached' });
      assert.equal(await page.locator('.token.is-pinned').count(), 1, 'Esc closed the dialog and no more');
    });
  });

  test('the policy of the page stands, and nothing in the page breaks it', async () => {
    const context = await visitor(browser);
    const page = await context.newPage();
    const broken = [];
    page.on('console', (message) => { if (/Content Security Policy|TrustedScript/.test(message.text())) broken.push(message.text()); });
    await page.goto(site);
    await reach(page, 'heatmap');
    const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/);
    // One script stands in the page: the one whose hash the policy names.
    const [own, ...others] = await page.locator('script:not([src])').allTextContents();
    const { createHash } = await import('node:crypto');
    assert.ok(policy.includes(`'sha256-${createHash('sha256').update(own).digest('base64')}'`));
    assert.deepEqual(others, []);
    assert.deepEqual(broken, []);
    await page.evaluate(() => {
      const script = document.createElement('script');
      script.append('window.injected = true');
      document.body.append(script);
    });
    assert.equal(await page.evaluate(() => window.injected), undefined);
    for (let tries = 0; broken.length === 0 && tries < 100; tries += 1) await settled(page);
    assert.ok(broken.length > 0, 'the policy refuses a script in the page');
    const outside = await page.evaluate(() => fetch('http://results.example/').then(() => 'let through', () => 'refused'));
    assert.equal(outside, 'refused');
    await context.close();
  });

  test('below a path and on a plain host links work alike', async () => {
    const page = await open(browser, `${sitePlain}?example=code&theme=dark`);
    await shows(page, 'code');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await page.context().close();
  });
});
