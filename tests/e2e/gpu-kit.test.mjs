// The kit for a machine with a GPU, end to end at small sizes: the browser's software device stands in for a card, and an empty
// environment for a machine that has nothing but a shell.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { dist, fixtures, out, program, xtask } from './lib/environment.mjs';

const run = promisify(execFile);
const [parts, kit, other] = ['gpu-kit', 'gpu-kit-unpacked', 'gpu-kit-damaged'].map((name) => join(out, name));
/** As docs/gpu-kit.md makes it. */
const PART_MB = 60;
const LIMIT = { maxBuffer: 1 << 26 };
const stage = (name, variables) => run('sh', [join(kit, name)], { ...LIMIT, env: { PATH: '/usr/bin:/bin', HOME: out, ...variables } });

describe('the kit for a GPU', { concurrency: false }, () => {
  const clear = () => [parts, kit, other].forEach((folder) => rmSync(folder, { recursive: true, force: true }));
  const unpackTo = (folder) => run('sh', [join(parts, 'part-001/unpack.sh'), folder], LIMIT);
  before(async () => {
    clear();
    await run(xtask, [
      'gpu-kit', '--small', '--out', parts, '--part-mb', String(PART_MB), '--site', dist, '--program', program,
      '--corpus', join(fixtures, 'train/texts.jsonl'),
    ], LIMIT);
    await unpackTo(kit);
  }, { timeout: 600_000 });
  after(clear);

  test('it lies in parts that are put together only whole', { timeout: 300_000 }, async () => {
    const folders = readdirSync(parts).sort();
    const files = folders.flatMap((folder) => readdirSync(join(parts, folder)).map((name) => join(parts, folder, name)));
    assert.ok(folders.length > 2, folders.join(' '));
    for (const file of files) assert.ok(statSync(file).size <= PART_MB * 1e6, file);

    const last = files.at(-1);
    const whole = readFileSync(last);
    appendFileSync(last, 'x');
    await assert.rejects(unpackTo(other), /damaged, or of several kits/);
    rmSync(last);
    await assert.rejects(unpackTo(other), new RegExp(`${folders.length - 1} of ${folders.length} parts`));
    assert.ok(!existsSync(other), 'nothing was unpacked');
    appendFileSync(last, whole);
  });

  test('stage 1 times kernels and analyses natively', { timeout: 300_000 }, async () => {
    const { stdout } = await stage('stage-1-native.sh', { PEAK: '100' });
    assert.match(stdout, /q4 640 x 2048, 2 tokens, .* \(taken\): [\d.]+ ms, [\d.]+ GFLOP\/s, [\d.]+ % of peak\n/);
    assert.match(stdout, /analysis of 2 tokens with words: [\d.]+ ms/);
    assert.equal(readFileSync(join(kit, 'results/kernels.txt'), 'utf8'), stdout.split('\n').slice(1).join('\n'));
  });

  test('stage 2 runs the benches in the browser that it brings along', { timeout: 600_000 }, async () => {
    const { stdout } = await stage('stage-2-browser.sh');
    assert.match(stdout, /\n\| 14 \| \d+ \| \d+ \|/);
    const results = JSON.parse(readFileSync(join(kit, 'results/bench.json'), 'utf8'));
    assert.equal(results.words[0].tokens, 14);
  });

  test('stage 3 trains, and goes on where it ended', { timeout: 300_000 }, async () => {
    rmSync(join(kit, 'results/sae.tar.00'), { force: true });
    // Of a limit of a minute none is left for training: it ends after a step, with what it has.
    const first = await stage('stage-3-training.sh', { SECONDS_3: '60' });
    assert.doesNotMatch(first.stdout, /step 12 of 12/);
    assert.ok(existsSync(join(kit, 'results/sae.tar.00')));
    const { stdout } = await stage('stage-3-training.sh');
    assert.doesNotMatch(stdout, /step 1 of 12/);
    assert.match(stdout, /held out after step 12: FVE/);
  });

  test('stage 3 starts from an SAE of the kit, on texts joined in pairs, as the full kit does', { timeout: 300_000 }, async () => {
    const [sae, start] = ['sae', 'start'].map((name) => join(kit, name));
    if (!existsSync(sae)) await stage('stage-3-training.sh');
    renameSync(sae, start);
    // Stored streams belong to one set of contexts. Joined texts make others, and the program refuses to mix them.
    rmSync(join(kit, 'streams'), { recursive: true, force: true });
    const flags = '--batch-tokens 50 --context 24 --warmup-steps 3 --joined 0.5 --lr 3e-4';
    const { stdout } = await stage('stage-3-training.sh', { INIT_FROM: 'start', TRAIN_FLAGS: flags });
    assert.match(stdout, /held out after step 12: FVE/);
    // Its width, heads and bottleneck: without it they would be the recipe's.
    const shape = (folder) => readFileSync(join(folder, 'conf.yaml'), 'utf8').match(/^ *(bottleneck_factor|exp_factor|kval_topk|n_heads): .*$/gm);
    assert.ok(shape(start).length > 2, readFileSync(join(start, 'conf.yaml'), 'utf8'));
    assert.deepEqual(shape(sae), shape(start));
  });

  test('a stage that fails says so by its status, and one that takes too long is ended', { timeout: 120_000 }, async () => {
    const failing = stage('stage-1-native.sh', { KERNEL_FLAGS: '--no-such-flag' });
    await assert.rejects(failing, (error) => error.code === 2 && /no-such-flag/.test(error.stdout));
    await assert.rejects(stage('stage-1-native.sh', { SECONDS_1: '1' }), (error) => error.code === 124);
  });
});
