// Training on a GPU by Vulkan: the browser's software device stands in for a card, and has to give the CPU's figures.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import { chromium, fixtures, out, program, vulkanDriver } from './lib/environment.mjs';

const run = promisify(execFile);
const folder = join(out, 'training');
/** The loader lies beside the driver, too: not every system has one. */
const vulkan = vulkanDriver && {
  VK_ICD_FILENAMES: vulkanDriver,
  VK_DRIVER_FILES: vulkanDriver,
  LD_LIBRARY_PATH: [dirname(vulkanDriver), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
};
const FLAGS = ('--tokens 600 --batch-tokens 50 --context 24 --k 4 --width-factor 1 --heads 2 --bottleneck 2 --warmup-steps 3 --eval-every 3').split(' ');

describe('training', () => {
  test('a GPU by Vulkan gives what the processor gives', { timeout: 300_000 }, async () => {
    assert.ok(vulkanDriver, `no Vulkan driver lies beside ${chromium}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const pack = join(folder, 'pack');
    await run(program, ['pack', '--synthetic', 'tiny', '--tokenizer', join(fixtures, 'tokenizer/tiny.json'), '--precision', 'f32', '--out', pack]);
    const texts = join(fixtures, 'train/texts.jsonl');
    const fves = {};
    for (const device of ['cpu', 'gpu-software']) {
      const { stderr } = await run(program,
        ['train', '--model', pack, '--out', join(folder, device), '--corpus', texts, '--heldout', texts, '--device', device, ...FLAGS],
        { env: { ...process.env, ...vulkan } });
      fves[device] = stderr.split('\n').map((line) => Number(line.split('FVE ')[1]?.split(',')[0])).filter(Number.isFinite);
    }
    assert.ok(fves.cpu.length >= 4, JSON.stringify(fves));
    assert.equal(fves.cpu.length, fves['gpu-software'].length);
    // Sums in another order, over a dozen steps.
    fves.cpu.forEach((fve, i) => assert.ok(Math.abs(fve - fves['gpu-software'][i]) < 5e-3, JSON.stringify(fves)));
    const written = ['cpu', 'gpu-software'].map((device) => statSync(join(folder, device, 'latest_ckpt.safetensors')).size);
    assert.equal(written[0], written[1]);
    const configuration = (device) => readFileSync(join(folder, device, 'conf.yaml'), 'utf8');
    assert.equal(configuration('gpu-software'), configuration('cpu'));
  });
});
