// Bench 1: one linear layer, q4 weights in blocks of 32, f32 activations.

import { ask } from '../../e2e/lib/worker.mjs';
import { wanted } from './environment.mjs';
import { alternate, isHopeless } from './measure.mjs';
import { call, openPage, openWorker } from './pages.mjs';

const SHAPES = [{ inputs: 640, outputs: 2048 }, { inputs: 2304, outputs: 9216 }];
const TOKENS = [18, 128, 512];
/** Ours: the peer has four bits; the default pack eight. */
const PRECISIONS = ['q4', 'q8'];
/** Longer than a large case takes on a loaded processor. */
const LIMIT_MS = 600_000;
/** Accuracy levels of the peer's operator. */
const LEVELS = [0, 4];
const peerName = (level) => `peer-${level}`;
/** Relative RMS error that the contenders may have: f32 sums; activations as int8. */
const TOLERANCE = { 0: 1e-5, 4: 2e-2 };

/** Measures every case; answers the rows, as they go into the JSON file. */
export async function benchLinear(browser, rounds) {
  const page = await openPage(browser);
  const worker = await openWorker(browser);
  const rows = [];
  for (const shape of SHAPES) {
    let last;
    for (const tokens of TOKENS.filter(wanted)) {
      const levels = LEVELS.filter(
        (level) => !last || !isHopeless(peerName(level), LEVELS.map(peerName), last.timings, tokens / last.tokens),
      );
      const row = await benchCase({ page, worker }, { ...shape, tokens }, levels, rounds);
      last = row;
      rows.push(row);
      console.log(`    ${describe(row)}`);
    }
  }
  await Promise.all([page.close(), worker.close()]);
  return rows;
}

async function benchCase({ page, worker }, shape, levels, rounds) {
  const flop = 2 * shape.tokens * shape.inputs * shape.outputs;
  const errors = { plain: await call(page, 'preparePlain', shape) };
  // The worker times itself, after a run that does not count. Its results are held against the CPU by the tests.
  const ours = (precision) => async (repeats) => {
    const { inputs: cols, outputs: rows, tokens } = shape;
    const request = { kind: 'bench_linear', tokens, rows, cols, precision, repeats, samples: 1 };
    return (await ask(worker, request, LIMIT_MS)).times_ms[0];
  };
  const contenders = PRECISIONS.map((precision) => ({ name: `ours-${precision}`, time: ours(precision) }));
  contenders.push({ name: 'plain', time: (repeats) => call(page, 'timePlain', repeats) });
  for (const level of levels) {
    const name = peerName(level);
    errors[name] = await call(page, 'preparePeerLinear', name, { ...shape, level });
    contenders.push({ name, time: (repeats) => call(page, 'timePeer', name, repeats) });
  }
  for (const [name, error] of Object.entries(errors)) {
    const tolerance = TOLERANCE[name === 'peer-4' ? 4 : 0];
    if (!(error <= tolerance)) throw new Error(`${name} is wrong on ${JSON.stringify(shape)}: relative RMS ${error}`);
  }
  const peak = await call(page, 'measurePeak');
  const timings = await alternate(contenders, rounds);
  for (const level of levels) await call(page, 'releasePeer', peerName(level));
  await call(page, 'releasePlain');
  return { ...shape, flop, peak_flop_per_s: peak, errors, timings };
}

function describe({ inputs, outputs, tokens, flop, timings }) {
  const parts = Object.entries(timings).map(
    ([name, { median_ms: ms }]) => `${name} ${ms.toFixed(1)} ms (${(flop / ms / 1e6).toFixed(2)} GFLOP/s)`,
  );
  return `${inputs} x ${outputs}, ${tokens} tokens: ${parts.join(', ')}`;
}
