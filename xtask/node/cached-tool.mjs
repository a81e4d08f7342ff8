// Stands in for wasm-opt where trunk calls it: npm's binaryen, with its results remembered.
//
// It takes minutes on the worker (one thread, in JavaScript), and trunk calls it for every module at
// every build; most builds change only one of the two.
//
// usage: node wasm-opt.mjs FOLDER_OF_NODE_MODULES [arguments of wasm-opt]

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

/** Results kept; an older one goes first. */
const KEPT_MAX = 12;

const [folder, ...args] = process.argv.slice(2);
const modules = join(folder, 'node_modules', 'binaryen');

function run() {
  const { status, error } = spawnSync(process.execPath, [join(modules, 'bin', 'wasm-opt'), ...args], { stdio: 'inherit' });
  if (error) console.error(`wasm-opt: ${error.message}`);
  return status ?? 1;
}

/** The input and output among the arguments, if this is an optimisation at all. */
function filesOf(args) {
  const outputs = args.flatMap((arg, i) => {
    if (arg === '-o' || arg === '--output') return [{ path: args[i + 1], at: [i, i + 1] }];
    if (arg.startsWith('--output=')) return [{ path: arg.slice('--output='.length), at: [i] }];
    return [];
  });
  const inputs = args.flatMap((arg, i) =>
    !arg.startsWith('-') && !outputs[0]?.at.includes(i) && existsSync(arg) ? [{ path: arg, at: [i] }] : []);
  if (outputs.length !== 1 || inputs.length !== 1) return null;
  const places = [...outputs[0].at, ...inputs[0].at];
  return { input: inputs[0].path, output: outputs[0].path, rest: args.filter((_, i) => !places.includes(i)) };
}

const files = filesOf(args);
if (!files) process.exit(run());

const { version } = JSON.parse(readFileSync(join(modules, 'package.json'), 'utf8'));
const key = createHash('sha256')
  .update(JSON.stringify([version, files.rest]))
  .update(readFileSync(files.input))
  .digest('hex');
const kept = join(folder, 'wasm-opt-results');
const result = join(kept, `${key}.wasm`);
mkdirSync(kept, { recursive: true });
if (existsSync(result)) {
  const now = new Date();
  utimesSync(result, now, now);
  copyFileSync(result, files.output);
  process.exit(0);
}

const status = run();
if (status === 0) {
  // Renamed when whole: an interrupted copy must not be taken for a result.
  const partial = `${result}.${process.pid}`;
  copyFileSync(files.output, partial);
  renameSync(partial, result);
  const byAge = readdirSync(kept)
    .map((name) => ({ path: join(kept, name), time: statSync(join(kept, name)).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of byAge.slice(KEPT_MAX)) rmSync(path, { force: true });
}
process.exit(status);
