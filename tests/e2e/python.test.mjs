// The Python package: its wheel, installed where nothing else is, passes its own tests, and what it shows in a notebook's cell
// is drawn in a browser without a request.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { launch, screenshot, visitor } from './lib/browser.mjs';
import { dist, python, pythonModules, root, xtask } from './lib/environment.mjs';

const run = promisify(execFile);
const LIMIT = { timeout: 180_000 };

/** Tensors of a fixture, as a notebook shows their analysis. */
const CELL = `
import sys
sys.path.insert(0, "python/tests")
from tensors import arguments
import temporal_lens as tl
analysis = tl.from_tensors(**arguments("topk-tied"), text="Tensors of a notebook")
cell = tl.show(analysis, view="theme=light", height=700)._repr_html_()
print("<!doctype html><meta charset=utf-8><title>a notebook</title>" + cell)
`;

describe('the Python package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'temporal-lens-python-'));
  const installed = join(folder, 'installed');
  const env = { ...process.env, PYTHONPATH: [installed, pythonModules].join(delimiter), PYTHONDONTWRITEBYTECODE: '1' };
  delete env.TEMPORAL_LENS_TEMPLATE;

  before(async () => {
    await run(xtask, ['wheel', '--site', dist, '--out', folder], { cwd: root });
    const wheels = readdirSync(folder).filter((name) => name.endsWith('.whl'));
    assert.match(wheels.join(), /^temporal_lens-[\d.]+-py3-none-any\.whl$/);
    await run(python, ['-m', 'pip', 'install', '--no-deps', '--no-index', '--target', installed, join(folder, wheels[0])]);
  }, LIMIT);

  test('its own tests pass', LIMIT, async () => {
    const { stdout } = await run(python, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'python/tests'], { cwd: root, env })
      .catch((failed) => assert.fail(`${failed.stdout}\n${failed.stderr}`));
    assert.match(stdout, /\d{2,} passed/);
    assert.doesNotMatch(stdout, /skipped|failed|error/i);
  });

  test('a cell of a notebook shows the analysis, and asks for nothing', LIMIT, async () => {
    const { stdout } = await run(python, ['-c', CELL], { cwd: root, env, maxBuffer: 1 << 26 });
    const file = join(folder, 'notebook.html');
    writeFileSync(file, stdout);
    const browser = await launch({ webgpu: false });
    try {
      const context = await visitor(browser, { viewport: { width: 1200, height: 760 } });
      await context.setOffline(true);
      const page = await context.newPage();
      const [problems, requested] = [[], []];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('request', (request) => requested.push(request.url()));
      await page.goto(pathToFileURL(file).href);
      const cell = page.frameLocator('iframe');
      await cell.locator('[data-testid="heatmap"]').waitFor();
      await page.waitForFunction(() => {
        const canvas = document.querySelector('iframe').contentDocument.querySelector('[data-testid="heatmap"]');
        return canvas.width > 100;
      });
      assert.equal(await cell.locator('main').getAttribute('data-analysis-tokens'), '33');
      await screenshot(page, 'python-cell');
      assert.deepEqual(problems, []);
      assert.deepEqual(requested.filter((url) => !/^(file|blob|about|data):/.test(url)), []);
    } finally {
      await browser.close();
    }
  });
});
