// The Python package: its wheel, installed where nothing else is, passes its own tests, with and without torch, and what it shows in a
// notebook's cell is drawn in a browser without a request.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { launch, screenshot, visitor } from './lib/browser.mjs';
import { freePort } from './lib/host.mjs';
import { dist, packs, program, python, pythonModules, root, site, torch, xtask } from './lib/environment.mjs';
import * as commandLine from './lib/program.mjs';
import { until } from './lib/until.mjs';

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

/** What a notebook's cell has, wherever the notebook is opened. */
const SHOWING = 'import temporal_lens\nanalysis = temporal_lens.load("three-scenes.json")\ntemporal_lens.show(analysis, height=700)';
const NOTEBOOK = {
  cells: [{ cell_type: 'code', execution_count: null, id: 'show', metadata: {}, outputs: [], source: SHOWING }],
  metadata: { kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' } },
  nbformat: 4,
  nbformat_minor: 5,
};
const MARIMO = `import marimo
app = marimo.App()

@app.cell
def _():
${SHOWING.replace(/^/gm, '    ')}
    return

if __name__ == "__main__":
    app.run()
`;
/** Programs that people look at notebooks with: how each starts, on which page the notebook is, and what runs its cells there. */
const FRONT_ENDS = {
  JupyterLab: {
    file: 'cell.ipynb',
    text: JSON.stringify(NOTEBOOK),
    args: (port, modules) => [
      '-m', 'jupyterlab', '--no-browser', '--allow-root', `--port=${port}`, '--ServerApp.port_retries=0', '--IdentityProvider.token=',
      `--LabApp.app_dir=${join(modules, 'share', 'jupyter', 'lab')}`, '--expose-app-in-browser', '--ServerApp.root_dir=.',
    ],
    path: 'lab/tree/cell.ipynb',
    run: async (page) => {
      await page.locator('.jp-Notebook .jp-CodeCell').waitFor({ timeout: 60_000 });
      await page.evaluate(async () => {
        await window.jupyterapp.restored;
        await window.jupyterapp.shell.currentWidget.sessionContext.ready;
        await window.jupyterapp.commands.execute('notebook:run-all-cells');
      });
    },
    // The cell is not run again, and what is pinned stays.
    switchTheme: async (page, cell) => {
      await cell.getByTestId('token-strip').locator('[data-position="20"]').click();
      const pinned = await cell.getByTestId('inspector').locator('h2').first().innerText();
      const picture = () => cell.getByTestId('heatmap').evaluate((canvas) => canvas.toDataURL());
      for (const theme of ['Dark', 'Light']) {
        const before = await picture();
        await page.evaluate((name) => window.jupyterapp.commands.execute('apputils:change-theme', { theme: `JupyterLab ${name}` }), theme);
        await cell.locator(`html[data-theme="${theme.toLowerCase()}"]`).waitFor({ state: 'attached' });
        await until(async () => await picture() !== before, 'a matrix in the other colors');
        assert.equal(await cell.getByTestId('inspector').locator('h2').first().innerText(), pinned);
        await screenshot(page, `python-jupyterlab-${theme.toLowerCase()}`);
      }
    },
  },
  marimo: {
    file: 'cell.py',
    text: MARIMO,
    args: (port) => ['-m', 'marimo', 'run', 'cell.py', '--headless', '--no-token', '--port', String(port)],
    path: '',
    run: async () => {},
  },
};

/**
 * Frames that notebooks put outputs into: what their sandboxes allow, and what marks their theme. Colab's are of another origin than the
 * notebook.
 */
const SANDBOXES = [
  {
    name: "a frame of another origin, with the sandbox of Colab's outputs,",
    sandbox: 'allow-downloads allow-forms allow-pointer-lock allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-scripts '
      + 'allow-storage-access-by-user-activation',
    root: 'theme="dark"',
    theme: 'dark',
  },
  // The single file may not look at its surroundings.
  { name: 'a frame that may run scripts and do nothing else', sandbox: 'allow-scripts', root: 'theme="dark"', theme: 'system' },
];

/** Waits until a canvas shows a picture. */
const drawn = async (canvas) => {
  const colors = () => canvas.evaluate((it) => {
    if (it.width < 100) return 0;
    const { data } = it.getContext('2d').getImageData(0, 0, it.width, it.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  await until(async () => await colors() > 50, 'a picture');
};

/**
 * Opens a file in a browser without a network, and answers what its last frame, Temporal Lens, shows: its text, and its theme. As many frames as
 * `paths` come first, which show the path.
 */
async function shown(file, name, tokens, paths = 0) {
  const browser = await launch({ webgpu: false });
  try {
    const context = await visitor(browser, { viewport: { width: 1200, height: 760 } });
    await context.setOffline(true);
    // Not what a page that knows nothing of its surroundings shows.
    const page = await context.newPage();
    await page.emulateMedia({ colorScheme: 'dark' });
    const [problems, requested] = [[], []];
    page.on('pageerror', (error) => problems.push(error.message));
    // The page around may ask for things; it is not ours.
    page.on('request', (request) => {
      if (request.frame() !== page.mainFrame()) requested.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    const cell = page.frameLocator('iframe').last();
    await drawn(cell.getByTestId('heatmap'));
    for (let path = 0; path < paths; path += 1) {
      await page.frameLocator('iframe').nth(path).locator(`[data-testid="trajectory"][data-points="${tokens}"]`).waitFor();
    }
    assert.equal(await cell.locator('main').getAttribute('data-analysis-tokens'), String(tokens));
    const text = await cell.locator('[data-testid="token-strip"]').innerText();
    const theme = await cell.locator('html').getAttribute('data-theme');
    await screenshot(page, name);
    assert.deepEqual(problems, []);
    assert.deepEqual(requested.filter((url) => !/^(blob|about|data):/.test(url)), []);
    return { text: text.replace(/\s+/g, ' '), theme };
  } finally {
    await browser.close();
  }
}

describe('the Python package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'temporal-lens-python-'));
  // A fresh virtual environment, and where its packages are: other Pythons look there, too.
  const own = join(folder, 'environment', process.platform === 'win32' ? 'Scripts' : 'bin', 'python');
  let installed;
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
    await run(python, ['-m', 'venv', '--without-pip', join(folder, 'environment')]);
    await run(python, ['-m', 'pip', '--python', own, 'install', '--no-deps', '--no-index', join(folder, wheels[0])]);
    installed = (await run(own, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'])).stdout.trim();
  }, LIMIT);
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('it needs numpy alone', LIMIT, async () => {
    const { stdout } = await run(own, ['-c', 'from importlib.metadata import requires; print(requires("temporal-lens"))']);
    assert.deepEqual(stdout.match(/'[^']*'/g).filter((it) => !it.includes('extra ==')), ["'numpy>=1.24'"], stdout);
  });

  test('its own tests pass', LIMIT, async () => {
    const passed = await pytest(own, environment(pythonModules), 'python/tests', '--ignore=python/tests/with_torch');
    assert.ok(passed >= 97, `${passed} tests`);
  });

  test("its tests with torch pass, those on SAELens' TemporalSAE and those of its types", LIMIT, async () => {
    const { python: withTorch, modules } = torch();
    const env = environment([join(root, 'python', 'tests'), modules].join(delimiter));
    const passed = await pytest(withTorch, env, 'python/tests/with_torch');
    assert.ok(passed >= 29, `${passed} tests`);
  });

  test('a cell of a notebook shows the analysis, and asks for nothing', LIMIT, async () => {
    const { stdout } = await run(own, ['-c', CELL], { cwd: root, env: environment(pythonModules), maxBuffer: 1 << 26 });
    const file = join(folder, 'notebook.html');
    writeFileSync(file, stdout);
    await shown(file, 'python-cell', 33);
  });

  test('frames that allow little show the analysis in a cell', LIMIT, async () => {
    const { stdout } = await run(own, ['-c', CELL.replace('theme=light', '')], { cwd: root, env: environment(pythonModules), maxBuffer: 1 << 26 });
    const output = stdout.slice(stdout.indexOf('<iframe'));
    const browser = await launch({ webgpu: false });
    try {
      for (const { name, sandbox, root: attributes, theme } of SANDBOXES) {
        const page = await (await visitor(browser, { viewport: { width: 1200, height: 760 } })).newPage();
        const problems = [];
        page.on('pageerror', (error) => problems.push(error.message));
        const pages = {
          'https://notebook.example/': `<iframe id="frame" sandbox="${sandbox}" src="https://output.example/" style="width: 100%; height: 730px"></iframe>`,
          'https://output.example/': `<html ${attributes}><div id="output"></div>
            <script>addEventListener("message", ({ data }) => { document.getElementById("output").innerHTML = data; })</script>`,
        };
        for (const [url, body] of Object.entries(pages)) {
          await page.route(url, (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body: `<!doctype html>${body}` }));
        }
        await page.goto('https://notebook.example/');
        await page.frameLocator('#frame').locator('#output').waitFor({ state: 'attached' });
        await page.evaluate((html) => document.getElementById('frame').contentWindow.postMessage(html, '*'), output);
        const cell = page.frameLocator('#frame').frameLocator('iframe[title="Temporal Lens"]');
        await drawn(cell.getByTestId('heatmap'));
        assert.equal(await cell.locator('html').getAttribute('data-theme'), theme, name);
        // Laid out in a worker that the file starts from its own bytes.
        await cell.getByTestId('tab-path').click();
        await cell.locator('[data-testid="trajectory"][data-points]').waitFor();
        assert.deepEqual(problems, [], name);
        await page.context().close();
      }
    } finally {
      await browser.close();
    }
  });

  for (const [name, frontEnd] of Object.entries(FRONT_ENDS)) {
    test(`a running ${name} shows the analysis in a cell`, LIMIT, async () => {
      const { python: withTorch, modules } = torch();
      const place = join(folder, name);
      mkdirSync(place);
      writeFileSync(join(place, frontEnd.file), frontEnd.text);
      copyFileSync(join(root, 'demo/examples/three-scenes.json'), join(place, 'three-scenes.json'));
      const own = Object.fromEntries(
        ['HOME', 'JUPYTER_DATA_DIR', 'JUPYTER_CONFIG_DIR', 'JUPYTER_RUNTIME_DIR', 'IPYTHONDIR', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME', 'XDG_CACHE_HOME'].map((it) => [it, place]));
      const env = { ...environment(modules), ...own, JUPYTER_PATH: join(modules, 'share', 'jupyter') };
      const port = await freePort();
      const server = spawn(withTorch, frontEnd.args(port, modules), { cwd: place, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let printed = '';
      for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => { printed += data; });
      const browser = await launch({ webgpu: false });
      try {
        const url = `http://127.0.0.1:${port}/`;
        await until(async () => (await fetch(url).catch(() => null))?.ok, `an answer of ${name}`, 60_000).catch((error) => assert.fail(`${error.message}: ${printed}`));
        const context = await visitor(browser, { viewport: { width: 1400, height: 1000 } });
        const page = await context.newPage();
        await page.goto(`${url}${frontEnd.path}`);
        await frontEnd.run(page);
        const cell = page.frameLocator('iframe[title="Temporal Lens"]');
        await cell.getByTestId('lede').waitFor({ timeout: 60_000 });
        assert.match(await cell.getByTestId('lede').innerText(), /three scenes.*courtroom/);
        assert.equal(await cell.locator('main').getAttribute('data-analysis-tokens'), '143');
        await drawn(cell.getByTestId('heatmap'));
        await screenshot(page, `python-${name.toLowerCase()}`);
        await frontEnd.switchTheme?.(page, cell);
      } finally {
        await browser.close();
        server.kill();
      }
    });
  }

  test('a text in a cell is analyzed by the page of a site, in the browser', LIMIT, async () => {
    const text = 'The tide went out & the boats lay on the sand.';
    const call = 'import sys, temporal_lens as tl; print("<!doctype html><meta charset=utf-8>" + tl.show(sys.argv[1], page=sys.argv[2], view="view=path").markup)';
    const { stdout } = await run(own, ['-c', call, text, site], { env: environment(pythonModules) });
    const file = join(folder, 'text.html');
    writeFileSync(file, stdout);
    const browser = await launch({ webgpu: false });
    try {
      const context = await visitor(browser, { viewport: { width: 1200, height: 760 } });
      const page = await context.newPage();
      await page.goto(pathToFileURL(file).href);
      const cell = page.frameLocator('iframe');
      assert.equal(await cell.getByTestId('embed-text').innerText(), text);
      await cell.getByTestId('analyze').click();
      await cell.locator('main[data-state="done"]').waitFor({ timeout: 120_000 });
      await cell.locator('[data-testid="trajectory"]').waitFor();
      assert.ok(Number(await cell.locator('main').getAttribute('data-analysis-tokens')) > 10);
      await screenshot(page, 'python-text');
    } finally {
      await browser.close();
    }
  });

  test('it runs the command line', LIMIT, async () => {
    const pair = commandLine.pairs[0];
    await commandLine.packPair(pair, 'python');
    const pack = join(packs, 'python');
    const call = 'import json, sys, temporal_lens as tl; print(json.dumps(tl.analyze(sys.argv[1], pack=sys.argv[2], program=sys.argv[3], device="cpu").document))';
    const { stdout } = await run(own, ['-c', call, pair.text, pack, program], { env: environment(pythonModules), maxBuffer: 1 << 26 });
    const found = JSON.parse(stdout);
    const expected = await commandLine.analyze(pack, pair.text, '--attention');
    assert.deepEqual([found.tokens, found.grams, found.attention], [expected.tokens, expected.grams, expected.attention]);
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
    const strongest = [...printed.matchAll(/strongest novel feature of ▁the: (\d+)/g)].map((it) => it[1]);
    assert.ok(strongest.length === 2 && strongest[0] === strongest[1], printed);
    for (const line of ['residual stream: (37, 64)', 'reconstruction: (37, 64)', 'novel codes: (37, 512)', 'predictable codes: (37, 512)', 'similarity: (37, 37)']) {
      assert.ok(printed.includes(line), `${line}: ${printed}`);
    }
    for (const cell of cells.slice(-2)) assert.deepEqual(cell.kinds, [['text/html', 'text/plain']]);
    const { text, theme } = await shown(file, 'python-notebook', 37, 1);
    assert.match(text, /sailors watched the tide.*kneaded dough/);
    assert.equal(theme, 'light');
    // The same page as JupyterLab's dark theme marks it.
    const light = readFileSync(file, 'utf8');
    assert.ok(light.includes('data-jp-theme-light="true"'));
    writeFileSync(file, light.replace('data-jp-theme-light="true"', 'data-jp-theme-light="false"'));
    assert.equal((await shown(file, 'python-notebook-dark', 37, 1)).theme, 'dark');
  });
});
