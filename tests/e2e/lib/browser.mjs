// Headless Chromium, with WebGPU on the processor (SwiftShader) or without WebGPU.

import { createRequire } from 'node:module';
import { join } from 'node:path';

import * as environment from './environment.mjs';
import { QUIET, SWIFTSHADER } from './flags.mjs';
import { reach } from './reach.mjs';

const { chromium } = createRequire(join(environment.nodeFolder, 'index.js'))('playwright-core');

/** Browsers whose pages are to compute with WebGPU: its adapter is the processor here, which is slower than the CPU path. */
const asksForWebgpu = new WeakSet();

/** Starts the browser; `webgpu: false` leaves it without an adapter, `webgpu: 'automatic'` lets the page choose. */
export async function launch({ webgpu = true } = {}) {
  const browser = await chromium.launch({
    executablePath: environment.chromium,
    // Shared memory lies in memory: a full disk ends renderers otherwise. Debian's launcher adds the flag by itself where there is little.
    ignoreDefaultArgs: ['--disable-dev-shm-usage'],
    args: [...QUIET, ...(webgpu ? SWIFTSHADER : ['--disable-gpu'])],
  });
  if (webgpu === true) asksForWebgpu.add(browser);
  return browser;
}

/**
 * A visitor: what one browser keeps between visits. Without a service worker, which would take requests
 * out of the tests' sight, unless `offline` asks for it.
 */
export function visitor(browser, { offline = false, ...options } = {}) {
  const serviceWorkers = offline ? 'allow' : 'block';
  return browser.newContext({ viewport: { width: 1280, height: 1000 }, acceptDownloads: true, serviceWorkers, ...options });
}

/**
 * Opens the page at `url`, its model taken from `pack` (an absolute URL) if one is given, for a new
 * visitor or for `context`. `workerPrelude` is a script that runs in the worker before its own.
 * `main` is what the page is there with. `page.problems` collects uncaught errors, `page.requested` every URL that page and worker asked
 * for, `page.received` what came: URLs and bytes.
 */
export async function open(browser, url, { pack, packBytes, context, workerPrelude, main = 'main' } = {}) {
  context ??= await visitor(browser);
  const page = await context.newPage();
  page.problems = [];
  page.requested = [];
  page.received = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  page.on('crash', () => page.problems.push('the page crashed'));
  page.on('request', (request) => page.requested.push(request.url()));
  page.on('requestfinished', async (request) => {
    const sizes = await request.sizes().catch(() => null);
    if (sizes) page.received.push({ url: request.url(), bytes: sizes.responseBodySize });
  });
  if (process.env.LENS_VERBOSE) page.on('console', (message) => console.log(`    [page] ${message.text()}`));
  // Tests reach the page's worker, above all to lose its device.
  await page.addInitScript(([prelude, name]) => {
    const module = (text) => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    window.startedWorkers = [];
    // Downloads that the page asked the browser for: see `save` in files.mjs.
    window.downloadsAsked = 0;
    const click = HTMLAnchorElement.prototype.click;
    HTMLAnchorElement.prototype.click = function countedClick() {
      if (this.download) window.downloadsAsked += 1;
      return click.call(this);
    };
    window.Worker = class extends window.Worker {
      constructor(url, options) {
        // Modules run in the order of their imports. The worker that lays out trajectories has a module of its
        // own, named in the address, and no device to lose.
        const isEngine = !new URL(url, window.location.href).searchParams.has('module');
        // Its name says what it is asked to run on.
        const named = name && isEngine && !options?.name ? { ...options, name } : options;
        super(prelude && isEngine ? module(`import ${JSON.stringify(module(prelude))}; import ${JSON.stringify(url)};`) : url, named);
        if (isEngine) window.startedWorkers.push(this);
      }
    };
  }, [workerPrelude, asksForWebgpu.has(browser) ? 'webgpu' : '']);
  if (pack || workerPrelude) {
    // The page names its pack in a tag; the host of another pack would write another one. Nor does the
    // page's policy allow what tests put into workers. The address may carry a state.
    await page.route((it) => it.href.split(/[?#]/)[0] === url.split(/[?#]/)[0], async (route) => {
      const response = await route.fetch();
      const tag = `<meta name="temporal-lens-pack" content="${pack}" data-bytes="${packBytes ?? 0}">`;
      let body = await response.text();
      if (pack) body = body.replace(/<meta[^>]*temporal-lens-pack[^>]*>/, tag);
      if (workerPrelude) body = body.replace(/<meta[^>]*Content-Security-Policy[^>]*>/, '');
      if (pack && !body.includes(tag)) throw new Error('index.html names no pack');
      await route.fulfill({ response, body });
    });
  }
  await page.goto(url);
  await page.locator(main).first().waitFor();
  return page;
}

/** Types a text into the box, presses Analyze, and waits until `main` is in one of `states`; answers which. */
export async function analyze(page, text, { states = ['done', 'error'], timeout = 120_000 } = {}) {
  if (text !== undefined) await (await reach(page, 'text-input')).fill(text);
  await (await reach(page, 'analyze')).click();
  return waitForState(page, states, timeout);
}

/** Waits until `main` is in one of `states`; answers which. */
export async function waitForState(page, states, timeout = 120_000) {
  const selector = states.map((state) => `main[data-state="${state}"]`).join(', ');
  await page.locator(selector).waitFor({ timeout });
  return page.locator('main').getAttribute('data-state');
}

/**
 * Waits until the page has drawn what it was asked for: its size, and the sizes and pictures of its canvases, stay
 * the same for five frames.
 */
export function settled(page) {
  return page.evaluate(() => new Promise((resolve) => {
    const look = () => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      const canvases = [...document.querySelectorAll('canvas')].map((it) => {
        const { x, y, width, height } = it.getBoundingClientRect();
        return [x, y, width, height, it.width, it.height, it.toDataURL()];
      });
      return JSON.stringify([scrollWidth, scrollHeight, canvases]);
    };
    let last = null;
    let same = 0;
    const frame = () => {
      const now = look();
      same = now === last ? same + 1 : 0;
      last = now;
      if (same < 5) requestAnimationFrame(frame);
      else resolve();
    };
    requestAnimationFrame(frame);
  }));
}

/** What "Copy diagnostics" shows once the page's worker has answered. */
export async function diagnostics(page) {
  await (await reach(page, 'diagnostics')).click();
  await page.getByTestId('diagnostics-text').filter({ hasText: 'heap_bytes' }).waitFor();
  return JSON.parse(await page.getByTestId('diagnostics-text').innerText());
}

/** How many different colors a canvas shows; a blank one shows one. */
export async function countColors(page, testId) {
  return (await reach(page, testId)).evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
}

/** Keeps a part of the page as a picture for the README, where LENS_PICTURES names a folder for it. */
export async function picture(page, selector, name) {
  if (!process.env.LENS_PICTURES) return;
  await page.locator(selector).first().screenshot({ path: join(environment.root, process.env.LENS_PICTURES, `${name}.png`) });
}

/** Saves what the page shows now. */
export function screenshot(page, name) {
  return page.screenshot({ path: join(environment.out, `${name}.png`), fullPage: true });
}
