// Every control answers at once: by the second frame after it is pressed the page has changed, a figure is being drawn, a file is on its
// way, or the clipboard was written. No time is measured: frames are counted. Nothing that is asked for comes before: an answer does not wait
// for a host.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { parameters } from './lib/address.mjs';
import { launch, open, settled, visitor } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { FIRST, example, shows } from './lib/examples.mjs';
import { putAway, reach } from './lib/reach.mjs';

/** Frames between a press and its answer: 33 ms of a screen with 60 a second. */
const FRAMES = 2;
/** Opens a dialog of the browser's own, or leaves the page; or the browser alone shows what changed (full screen). */
const BY_BROWSER = /^(open-result|full-screen|neuronpedia-.*|film-(webm|png))$/;
/** There while something is computed, and gone when it is done: the tests of what is computed press them. */
const WHILE_COMPUTING = /^(umap-cancel|cancel)$/;
/** Of narrow screens: there they are looked for by a test of their own. */
const OF_SHEETS = /^(word-before|word-after|sheet-close|peek-open|peek-close)$/;
/** What is there to be typed into answers in its own box. */
const CONTROLS = 'button, summary, select, input[type="checkbox"], input[type="range"], [role="option"]';

/** Presses a control, and answers what had changed by the second frame: none of these is nothing. */
function pressed(control) {
  return control.evaluate((it, frames) => new Promise((resolve) => {
    const seen = new Set();
    const restore = [];
    const watch = (of, name, what) => {
      const own = of[name];
      if (typeof own !== 'function') return;
      of[name] = function watched(...rest) { seen.add(what); return own.apply(this, rest); };
      restore.push(() => { of[name] = own; });
    };
    for (const name of ['fillRect', 'fillText', 'drawImage', 'stroke', 'clearRect']) watch(CanvasRenderingContext2D.prototype, name, 'figure');
    watch(HTMLAnchorElement.prototype, 'click', 'file');
    watch(URL, 'createObjectURL', 'file');
    for (const name of ['write', 'writeText']) watch(Clipboard.prototype, name, 'clipboard');
    const observer = new MutationObserver(() => seen.add('page'));
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    const { scrollX, scrollY } = window;
    if (it.tagName === 'SELECT') {
      const { options, selectedIndex } = it;
      it.selectedIndex = (selectedIndex + 1) % options.length;
      it.dispatchEvent(new Event('change', { bubbles: true }));
    } else if (it.type === 'range') {
      it.value = Number(it.value) === Number(it.max) ? it.min : it.max;
      it.dispatchEvent(new Event('input', { bubbles: true }));
    } else {
      it.click();
    }
    const frame = (left) => {
      if (left > 0) {
        requestAnimationFrame(() => frame(left - 1));
        return;
      }
      observer.disconnect();
      restore.forEach((undo) => undo());
      if (window.scrollX !== scrollX || window.scrollY !== scrollY) seen.add('place');
      resolve([...seen]);
    };
    frame(frames);
  }), FRAMES);
}

/** Waits until the page has changed nothing for five frames: what changes next is an answer. */
function quiet(page) {
  return page.evaluate(() => new Promise((resolve) => {
    let still = 0;
    const observer = new MutationObserver(() => { still = 0; });
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    const frame = () => {
      still += 1;
      if (still <= 5) requestAnimationFrame(frame);
      else {
        observer.disconnect();
        resolve();
      }
    };
    requestAnimationFrame(frame);
  }));
}

describe('every control answers', () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  // While a control is pressed the host is silent.
  let speaks = Promise.resolve();
  const press = async (control) => {
    let speak;
    speaks = new Promise((resolve) => { speak = resolve; });
    try {
      return await pressed(control);
    } finally {
      speak();
    }
  };

  const fresh = async (query) => {
    const context = await visitor(browser, { permissions: ['clipboard-read', 'clipboard-write'], acceptDownloads: true });
    await context.route('**/*', async (route) => {
      await speaks;
      // A page that was closed meanwhile asks for nothing.
      await route.continue().catch(() => {});
    });
    const page = await open(browser, `${site}${query}`, { context });
    await page.getByTestId('inspector').locator('h2').waitFor();
    await settled(page);
    return page;
  };
  /** Names of the controls that a part of the page has, those of closed panels, too: of words the first ones. */
  const controls = async (page, part) => {
    const names = await page.locator(part).locator(CONTROLS).evaluateAll((them) => them.map((it) => it.dataset.testid).filter(Boolean));
    const isFar = (name) => /^token-/.test(name) && !/^token-[1-3]$/.test(name);
    const isFarInText = (name) => /^compare-[12]-/.test(name) && !/^compare-[12]-1$/.test(name);
    return [...new Set(names)].filter((name) => !BY_BROWSER.test(name) && !OF_SHEETS.test(name) && !WHILE_COMPUTING.test(name) && !isFar(name) && !isFarInText(name));
  };

  const compared = `&example=garden-path&with=${encodeURIComponent(example('garden-path-compared').second.text)}`;
  const states = [
    ['scenes', ''],
    ['path', ''],
    ['features', ''],
    ['sources', ''],
    ['compare', '&example=garden-path'],
    ['compare', compared],
    ['numbers', ''],
    ['export', ''],
  ];
  const compares = async (page) => {
    await page.getByTestId('compare-mark').waitFor();
    await settled(page);
  };
  for (const [figure, second] of states) {
    const isCompared = second === compared;
    test(`with ${figure} shown${isCompared ? ', and a second text' : ''}`, { timeout: 240_000 }, async () => {
      const query = `?view=${figure}${second}`;
      const opened = async () => {
        const anew = await fresh(query);
        if (isCompared) await compares(anew);
        return anew;
      };
      let page = await opened();
      // What stands around the figures is the same for all of them.
      const names = await controls(page, figure === 'scenes' ? 'body' : '#figure');
      assert.ok(names.length >= (figure === 'scenes' ? 40 : 1), names.join(', '));
      const silent = [];
      for (const name of names) {
        const isOpen = await page.getByTestId(`tab-${figure}`).getAttribute('aria-selected') === 'true';
        // What another control changed is not the state that this one is pressed in.
        if (!isOpen || (await page.locator('dialog[open]').count()) > 0 || (await page.getByTestId(name).count()) === 0) {
          await page.context().close();
          page = await opened();
        }
        if (parameters(page).get('example') !== new URLSearchParams(query).get('example')) {
          await page.goto(`${site}${query}`);
          await shows(page, figure === 'compare' ? 'garden-path' : FIRST);
          if (isCompared) await compares(page);
        }
        const control = (await reach(page, name)).first();
        if (await control.isDisabled() || (await control.getAttribute('aria-selected')) === 'true') continue;
        await quiet(page);
        if ((await press(control)).length === 0) silent.push(name);
        await putAway(page);
      }
      assert.deepEqual(silent, []);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }

  test('on a phone: the sheet of a word', async () => {
    const context = await visitor(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const page = await open(browser, site, { context });
    await page.getByTestId('peek-open').waitFor();
    const names = await page.locator(CONTROLS).evaluateAll((them) => them.map((it) => it.dataset.testid).filter(Boolean));
    const ofSheets = names.filter((name) => OF_SHEETS.test(name));
    assert.equal(ofSheets.length, 5, names.join(', '));
    const silent = [];
    for (const name of ['peek-open', 'word-after', 'word-before', 'sheet-close', 'peek-close']) {
      // A sheet that was closed does not begin again: the page anew, by an address without a pin.
      if (name === 'peek-close') await page.goto(site);
      await page.getByTestId(name).waitFor();
      await settled(page);
      if ((await press(page.getByTestId(name))).length === 0) silent.push(name);
    }
    assert.deepEqual(silent, []);
    await context.close();
  });

  test('a control that does nothing would be found', async () => {
    const page = await fresh('');
    const control = page.getByTestId('share');
    await page.evaluate(() => window.addEventListener('click', (event) => event.stopPropagation(), { capture: true, once: true }));
    assert.deepEqual(await pressed(control), []);
    assert.notDeepEqual(await pressed(control), []);
    await page.context().close();
  });
});
