// The benches' driver, without its times: its sums, its tables, and that all of it parses.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { alternate, median } from '../bench/lib/measure.mjs';
import { linearTable, llamaTable, pathTable, startTable } from '../bench/lib/tables.mjs';
import { root } from './lib/environment.mjs';

test('the median is the middle of what was measured', () => {
  assert.equal(median([30, 10, 20]), 20);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('contenders take turns', async () => {
  const calls = [];
  const contender = (name, ms) => ({ name, time: async (repeats) => calls.push(name + repeats) && ms });
  const timings = await alternate([contender('a', 5000), contender('b', 3000)], 3);
  assert.deepEqual(calls, ['a1', 'b1', 'b1', 'a1', 'a1', 'b1']);
  assert.deepEqual(timings.a, { median_ms: 5000, min_ms: 5000, runs_ms: [5000, 5000, 5000] });
  // What is over at once is repeated, and its first run does not count.
  const fast = await alternate([contender('c', 10)], 2);
  assert.deepEqual([calls.slice(6), fast.c.runs_ms], [['c1', 'c4', 'c4'], [10, 10]]);
});

test('tables compare with the faster of the peer\'s levels', () => {
  const timing = (ms) => ({ median_ms: ms, min_ms: ms, runs_ms: [ms] });
  const linear = {
    inputs: 2, outputs: 5e8, tokens: 1, flop: 2e9, peak_flop_per_s: 1e11,
    timings: { 'ours-q4': timing(100), 'ours-q8': timing(120), 'peer-0': timing(300), 'peer-4': timing(250), plain: timing(1000) },
  };
  const cells = linearTable([linear]).split('\n').at(-1).split('|').map((cell) => cell.trim());
  assert.deepEqual(cells.slice(8, 12), ['2.50', '10.00', '20 %', '8 %']);
  const cosines = Object.fromEntries(['ours-q8', 'ours-q4', 'peer-0', 'peer-4'].map((name) => [name, { median: 1 }]));
  const timings = { 'ours-q8': timing(50), 'ours-q4': timing(40), 'peer-0': timing(80), 'peer-4': timing(200) };
  const path = pathTable([{ tokens: 18, timings, cosines }]).split('\n').at(-1).split('|').map((cell) => cell.trim());
  assert.deepEqual(path.slice(6, 9), ['1.60', '2.00', '360']);
});

test('the table against llama.cpp compares its share of layers, and leaves out what it did not run', () => {
  const timing = (ms) => ({ median_ms: ms, min_ms: ms, runs_ms: [ms] });
  const llama = { version: 'b1', layers: 18, threads: 2 };
  const rows = [
    { device: 'webgpu', tokens: 18, timings: { ours: timing(50) }, llama_layers_ms: null, llama },
    { device: 'cpu', tokens: 18, timings: { ours: timing(50), llama: timing(180) }, llama_layers_ms: 130, llama },
  ];
  const cells = llamaTable(rows).split('\n').slice(-2).map((line) => line.split('|').map((cell) => cell.trim()));
  assert.deepEqual(cells[0].slice(4, 8), ['-', '-', '-', '-']);
  assert.deepEqual(cells[1].slice(4, 8), ['180 (180)', '130', '2.60', '2']);
});

test('the table of a start has a line for each stage', () => {
  const parts = [{ name: 'ready', first_ms: 10, last_ms: 10 }, { name: 'weights', first_ms: 5, last_ms: 20 }];
  const table = startTable([{ asked: 'nothing', device: 'CPU', how: 'cold', tokens: 18, parts }]);
  assert.match(table, /\| nothing \| CPU \| cold \| weights \| 5 \| 20 \|$/);
});

test('every script of the benches parses', () => {
  const scripts = readdirSync(join(root, 'tests', 'bench'), { recursive: true }).filter((name) => name.endsWith('.mjs'));
  assert.ok(scripts.length >= 10, `${scripts.length} scripts`);
  for (const script of scripts) execFileSync(process.execPath, ['--check', join(root, 'tests', 'bench', script)]);
});
