// The Python package: its wheel, installed where nothing else is, passes its own tests, with and without torch, and what it shows in a
// notebook's cell is drawn in a browser without a request.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { launch, screenshot, visitor } from './lib/browser.mjs';
import { dist, python, pythonModules, root, torch, xtask } from './lib/environment.mjs';

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

/** Opens a file in a browser without a network, and answers what its frame, Temporal Lens, shows. */
async function shown(file, name, tokens) {
  const browser = await launch({ webgpu: false });
  try {
    const context = await visitor(browser, { viewport: { width: 1200, height: 760 } });
    await context.setOffline(true);
    const page = await context.newPage();
    const [problems, requested] = [[], []];
    page.on('pageerror', (error) => problems.push(error.message));
    // The page around may ask for things; it is not ours.
    page.on('request', (request) => {
      if (request.frame() !== page.mainFrame()) requested.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    const cell = page.frameLocator('iframe');
    await cell.locator('[data-testid="heatmap"]').waitFor();
    await page.waitForFunction(() => {
      const canvas = document.querySelector('iframe').contentDocument.querySelector('[data-testid="heatmap"]');
      if (canvas.width < 100) return false;
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size > 50;
    });
    assert.equal(await cell.locator('main').getAttribute('data-analysis-tokens'), String(tokens));
    const text = await cell.locator('[data-testid="token-strip"]').innerText();
    await screenshot(page, name);
    assert.deepEqual(problems, []);
    assert.deepEqual(requested.filter((url) => !/^(blob|about|data):/.test(url)), []);
    return text.replace(/\s+/g, ' ');
  } finally {
    await browser.close();
  }
}

describe('the Python package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'temporal-lens-python-'));
  const installed = join(folder, 'installed');
  /** Variables for a Python with the package and the modules of a folder. */
  const environment = (modules) => {
    const env = { ...process.env, PYTHONPATH: [installed, modules].join(delimiter), PYTHONDONTWRITEBYTECODE: '1' };
    delete env.TEMPORAL_LENS_TEMPLATE;
    return env;
  };
  const pytest = async (program, env, ...args) => {
    const { stdout } = await run(program, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', ...args], { cwd: root, env })
      .catch((failed) => assert.fail(`${failed.stdout}\n${failed.stderr}`));
    assert.doesNotMatch(stdout, /skipped|failed|error/i);
    return Number(/(\d+) passed/.exec(stdout)[1]);
  };

  before(async () => {
    await run(xtask, ['wheel', '--site', dist, '--out', folder], { cwd: root });
    const wheels = readdirSync(folder).filter((name) => name.endsWith('.whl'));
    assert.match(wheels.join(), /^temporal_lens-[\d.]+-py3-none-any\.whl$/);
    await run(python, ['-m', 'pip', 'install', '--no-deps', '--no-index', '--target', installed, join(folder, wheels[0])]);
  }, LIMIT);
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('its own tests pass', LIMIT, async () => {
    const passed = await pytest(python, environment(pythonModules), 'python/tests', '--ignore=python/tests/with_torch');
    assert.ok(passed >= 30, `${passed} tests`);
  });

  test("its tests with torch pass, those on SAELens' TemporalSAE", LIMIT, async () => {
    const { python: withTorch, modules } = torch();
    const env = environment([join(root, 'python', 'tests'), modules].join(delimiter));
    const passed = await pytest(withTorch, env, 'python/tests/with_torch');
    assert.ok(passed >= 9, `${passed} tests`);
  });

  test('a cell of a notebook shows the analysis, and asks for nothing', LIMIT, async () => {
    const { stdout } = await run(python, ['-c', CELL], { cwd: root, env: environment(pythonModules), maxBuffer: 1 << 26 });
    const file = join(folder, 'notebook.html');
    writeFileSync(file, stdout);
    await shown(file, 'python-cell', 33);
  });

  test('the notebook of the documentation runs in a kernel, and its page shows the views', LIMIT, async () => {
    const { python: withTorch, modules } = torch();
    const jupyter = join(folder, 'jupyter');
    mkdirSync(jupyter);
    const own = Object.fromEntries(['JUPYTER_DATA_DIR', 'JUPYTER_CONFIG_DIR', 'JUPYTER_RUNTIME_DIR', 'IPYTHONDIR'].map((name) => [name, jupyter]));
    const env = { ...environment(modules), ...own, JUPYTER_PATH: join(modules, 'share', 'jupyter') };
    const file = join(folder, 'executed.html');
    const { stdout } = await run(withTorch, ['python/tests/with_torch/execute.py', 'docs/notebook.ipynb', file], { cwd: root, env })
      .catch((failed) => assert.fail(`${failed.stdout}\n${failed.stderr}`));
    const cells = JSON.parse(stdout);
    const printed = cells.map((cell) => cell.printed).join('');
    // What the notebook computed, and what the document made of the same tensors.
    const explained = [...printed.matchAll(/variance explained: ([\d.]+)/g)].map((it) => Number(it[1]));
    assert.equal(explained.length, 2, printed);
    assert.ok(explained[0] > 0.5 && Math.abs(explained[0] - explained[1]) < 2e-4, printed);
    assert.ok(Number(/largest difference of a similarity: (\S+)/.exec(printed)[1]) < 1e-5, printed);
    assert.deepEqual(cells.at(-1).kinds, [['text/html', 'text/plain']]);
    const text = await shown(file, 'python-notebook', 37);
    assert.match(text, /sailors watched the tide.*kneaded dough/);
  });
});
