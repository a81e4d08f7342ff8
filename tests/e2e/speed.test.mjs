// The page of speeds: measured by the worker that visitors run, with nothing downloaded but the shapes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, screenshot, visitor } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import * as commandLine from './lib/program.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma3-nested--topk-scaling-bf16');
const LIMIT = { timeout: 300_000 };

describe('the page of speeds', () => {
  let pack;
  before(async () => { pack = await commandLine.packPair(PAIR, 'speed'); });

  for (const webgpu of [false, true]) {
    describe(webgpu ? 'with WebGPU' : 'without WebGPU', () => {
      let browser;
      before(async () => { browser = await launch({ webgpu }); });
      after(() => browser?.close());

      test('measures before anything is downloaded, and gives it as JSON', LIMIT, async () => {
        const context = await visitor(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
        const page = await context.newPage();
        const [problems, requested] = [[], []];
        page.on('pageerror', (error) => problems.push(error.message));
        context.on('request', (request) => requested.push(request.url()));
        await page.goto(`${site}speed/?pack=${encodeURIComponent(pack)}`);
        await page.getByRole('button', { name: 'Measure' }).click();
        await page.getByRole('button', { name: 'Copy as JSON' }).waitFor({ timeout: 200_000 });
        await page.getByText(/^Done\./).waitFor({ timeout: 200_000 });
        await page.getByRole('button', { name: 'Copy as JSON' }).click();
        await page.getByText('Copied.').waitFor();
        const report = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
        assert.equal(report.format, 'temporal-lens-speed/1');
        assert.equal(report.devices.length, 2);
        const [gpu, cpu] = report.devices;
        assert.equal(Boolean(gpu.missing), !webgpu, gpu.missing);
        for (const device of webgpu ? [gpu, cpu] : [cpu]) {
          assert.deepEqual(device.texts.map(({ tokens }) => tokens), [18, 141, 500]);
          assert.ok(device.texts.every(({ ms, tokens_per_second: rate }) => ms > 0 && rate > 0), JSON.stringify(device));
          assert.ok(device.products.every(({ gflops }) => gflops > 0), JSON.stringify(device));
          assert.ok(device.first_answer_ms >= device.ready_ms, JSON.stringify(device));
        }
        // Every figure of the JSON stands in the table.
        const table = await page.locator('#figures').innerText();
        assert.equal(table.match(/tokens a second/g).length, webgpu ? 6 : 3);
        assert.deepEqual(problems, []);
        const ofPack = requested.filter((url) => url.startsWith(new URL(pack, site).href));
        assert.ok(ofPack.length > 0 && ofPack.every((url) => url.endsWith('/manifest.json')), ofPack.join(' '));
        assert.deepEqual(requested.filter((url) => /default\/|\.safetensors|tokenizer/.test(url)), []);
        await screenshot(page, webgpu ? 'speed-webgpu' : 'speed');
        await context.close();
      });
    });
  }

  test('what cannot be measured is said; it can be stopped', LIMIT, async () => {
    const browser = await launch({ webgpu: false });
    try {
      const page = await browser.newPage();
      await page.goto(`${site}speed/?pack=${encodeURIComponent(`${site}nothing/`)}`);
      await page.getByRole('button', { name: 'Measure' }).click();
      await page.getByRole('alert').getByText(/It could not be measured: .*nothing\/manifest\.json/).waitFor({ timeout: 60_000 });
      await page.getByRole('button', { name: 'Measure' }).click();
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByRole('alert').getByText('It was stopped.').waitFor();
      assert.equal(await page.getByRole('button', { name: 'Measure' }).isEnabled(), true);
    } finally {
      await browser.close();
    }
  });
});
