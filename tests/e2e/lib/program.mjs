// The command line: packs fixtures, and computes what the page is compared with.

import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import * as environment from './environment.mjs';

const run = promisify(execFile);

/** The pairs of Gemma and SAE, with what PyTorch made of them. */
export const pairs = JSON.parse(readFileSync(join(environment.fixtures, 'pairs.json'), 'utf8'));

/** Runs `temporal-lens`; a failure rejects with what it printed. */
export async function temporalLens(...args) {
  return run(environment.program, args, { maxBuffer: 1 << 28 });
}

/** Packs a pair at f32 as `packs/NAME`; answers the pack's path below the site, ending in a slash. */
export async function packPair(pair, name = pair.name) {
  const folder = join(environment.packs, name);
  rmSync(folder, { recursive: true, force: true });
  const fixture = (path) => join(environment.fixtures, path);
  await temporalLens(
    'pack', '--gemma', fixture(pair.gemma), '--tokenizer', fixture(pair.tokenizer), '--sae', fixture(pair.sae),
    '--layer', String(pair.layer), '--precision', 'f32', '--out', folder,
  );
  return `packs/${name}/`;
}

/** The analysis that the command line makes of `text`. */
export async function analyze(pack, text, ...options) {
  const file = join(environment.out, `command-line-${process.pid}.json`);
  await temporalLens('analyze', '--model', pack, '--text', text, '--device', 'cpu', '--json', file, ...options);
  const document = JSON.parse(readFileSync(file, 'utf8'));
  rmSync(file);
  return document;
}
