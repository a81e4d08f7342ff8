// Alternating measurements.

/** A batch lasts about this long, so that starting and waiting weigh little on a fast GPU. */
const BATCH_MS = 40;
const MOST_REPEATS = 100;
/** A case gets no more rounds than fit into this, but two: runs of many seconds vary little. */
const CASE_MS = 100_000;
const FEWEST_ROUNDS = 2;

/** A run of this length is left out where there is a faster way. */
const TOO_LONG_MS = 30_000;

/** Sorted copy. */
const sorted = (values) => [...values].sort((a, b) => a - b);

/** The middle one; between two, their mean. */
export function median(values) {
  const [low, high] = [Math.floor((values.length - 1) / 2), Math.ceil((values.length - 1) / 2)];
  const inOrder = sorted(values);
  return (inOrder[low] + inOrder[high]) / 2;
}

/** A contender's `time` out of `once`, which answers the milliseconds of one run: their mean over so many. */
export const meanOf = (once) => async (repeats) => {
  let sum = 0;
  for (let i = 0; i < repeats; i += 1) sum += await once();
  return sum / repeats;
};

/**
 * Times contenders { name, time(repeats) } in turns, `rounds` times each; every round begins with
 * another one. They have run before: nothing is compiled any more. Answers { name: { median_ms,
 * min_ms, runs_ms } }.
 */
export async function alternate(contenders, rounds) {
  const repeats = new Map();
  const runs = new Map();
  let round_ms = 0;
  for (const { name, time } of contenders) {
    const first = await time(1);
    round_ms += first;
    repeats.set(name, Math.min(MOST_REPEATS, Math.max(1, Math.ceil(BATCH_MS / first))));
    runs.set(name, repeats.get(name) === 1 ? [first] : []);
  }
  const wanted = Math.max(Math.min(rounds, FEWEST_ROUNDS), Math.min(rounds, Math.floor(CASE_MS / round_ms)));
  for (let round = 1; round <= wanted; round += 1) {
    for (let turn = 0; turn < contenders.length; turn += 1) {
      const { name, time } = contenders[(round + turn) % contenders.length];
      if (runs.get(name).length < wanted) runs.get(name).push(await time(repeats.get(name)));
    }
  }
  return Object.fromEntries(
    [...runs].map(([name, ms]) => [name, { median_ms: median(ms), min_ms: Math.min(...ms), runs_ms: ms }]),
  );
}

/**
 * Whether contender `name` is left out of a case `growth` times as large as the one with these timings:
 * it would take long, and took more than twice as long as another one of `names`.
 */
export function isHopeless(name, names, timings, growth) {
  const timed = names.filter((other) => timings[other]);
  const best = Math.min(...timed.map((other) => timings[other].median_ms));
  // One that was left out before stays out.
  if (!timings[name]) return true;
  return timings[name].median_ms * growth > TOO_LONG_MS && timings[name].median_ms > 2 * best;
}
