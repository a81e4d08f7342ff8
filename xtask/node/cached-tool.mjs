// Stands in for wasm-opt and wasm-bindgen where trunk calls them, and remembers their results.
//
// trunk calls both for every module at every build, and most builds change one of the modules or none.
// wasm-opt takes minutes on the worker (one thread, in JavaScript), wasm-bindgen seconds.
//
// usage: node cached-tool.mjs TOOL RESULTS PROGRAM [arguments of the tool]
//   TOOL     wasm-opt or wasm-bindgen
//   RESULTS  the folder of the remembered results
//   PROGRAM  the tool itself: a script for node where its name says so

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** How many results of a tool stay; the oldest go first. */
const RESULTS_MAX = 12;

const [tool, results, program, ...args] = process.argv.slice(2);

/** The option's value and where it stands among the arguments. */
function option(names) {
  for (const [i, arg] of args.entries()) {
    if (names.includes(arg)) return { value: args[i + 1], at: [i, i + 1] };
    const name = names.find((it) => arg.startsWith(`${it}=`));
    if (name) return { value: arg.slice(name.length + 1), at: [i] };
  }
  return null;
}

/** Runs the tool, its output redirected to `output`. */
function run(output) {
  const redirected = output
    ? args.flatMap((arg, i) => (i === output.at.at(-1) ? [output.at.length === 2 ? output.to : `${arg.split('=')[0]}=${output.to}`] : [arg]))
    : args;
  const isScript = readFileSync(program).subarray(0, 2).toString() === '#!';
  const [command, first] = isScript ? [process.execPath, [program]] : [program, []];
  const { status, error } = spawnSync(command, [...first, ...redirected], { stdio: 'inherit' });
  if (error) console.error(`${tool}: ${error.message}`);
  return status ?? 1;
}

const output = option(tool === 'wasm-opt' ? ['-o', '--output'] : ['--out-dir']);
const inputs = args.flatMap((arg, i) =>
  !arg.startsWith('-') && !output?.at.includes(i) && existsSync(arg) && statSync(arg).isFile() ? [{ path: arg, at: i }] : []);
// Anything else (--version, say) is none of our business.
if (!output || inputs.length !== 1) process.exit(run());

const [input] = inputs;
const rest = args.filter((_, i) => i !== input.at && !output.at.includes(i));
const { size, mtimeMs } = statSync(program);
const key = createHash('sha256')
  .update(JSON.stringify([tool, program, size, mtimeMs, basename(input.path), rest]))
  .update(readFileSync(input.path))
  .digest('hex');
const result = join(results, key);
mkdirSync(results, { recursive: true });

if (!existsSync(result)) {
  // Renamed when whole: an interrupted run must not be taken for a result.
  const partial = mkdtempSync(`${result}.`);
  output.to = tool === 'wasm-opt' ? join(partial, basename(output.value)) : partial;
  const status = run(output);
  if (status !== 0) {
    rmSync(partial, { recursive: true, force: true });
    process.exit(status);
  }
  rmSync(result, { recursive: true, force: true });
  renameSync(partial, result);
  const byAge = readdirSync(results)
    .map((name) => ({ path: join(results, name), time: statSync(join(results, name)).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of byAge.slice(RESULTS_MAX)) rmSync(path, { recursive: true, force: true });
}
const now = new Date();
utimesSync(result, now, now);
const folder = tool === 'wasm-opt' ? dirname(output.value) : output.value;
mkdirSync(folder, { recursive: true });
for (const name of readdirSync(result)) {
  const to = tool === 'wasm-opt' ? output.value : join(folder, name);
  cpSync(join(result, name), to, { recursive: true });
}
