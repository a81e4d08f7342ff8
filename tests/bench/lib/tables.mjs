// The results as Markdown tables: ratios first, since times hold for one machine only.

const ms = (timing) => (timing ? `${timing.median_ms.toFixed(timing.median_ms < 10 ? 2 : 0)} (${timing.min_ms.toFixed(timing.min_ms < 10 ? 2 : 0)})` : '-');
const ratio = (of, to) => (of && to ? (of.median_ms / to.median_ms).toFixed(2) : '-');
const share = (timing, { flop }, peak) => (timing ? `${((100 * flop) / (timing.median_ms / 1000) / peak).toFixed(0)} %` : '-');

/** The faster of the peer's accuracy levels. */
function bestPeer(timings) {
  const peers = Object.entries(timings).filter(([name]) => name.startsWith('peer')).map(([, timing]) => timing);
  return peers.reduce((best, timing) => (timing.median_ms < best.median_ms ? timing : best));
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Bench 1. */
export function linearTable(rows) {
  // Other work only ever lowers the measured peak.
  const peak = Math.max(...rows.map((row) => row.peak_flop_per_s));
  const head = [
    'in x out', 'tokens', 'ours q4, ms', 'ours q8, ms', 'peer level 0, ms', 'peer level 4, ms', 'plain f32, ms',
    'best peer / ours q4', 'plain / ours q4', 'ours q4 of peak', 'best peer of peak',
  ];
  const body = rows.map((row) => {
    const { 'ours-q4': q4, 'ours-q8': q8, plain, 'peer-0': zero, 'peer-4': four } = row.timings;
    const best = bestPeer(row.timings);
    return [
      `${row.inputs} x ${row.outputs}`, row.tokens, ms(q4), ms(q8), ms(zero), ms(four), ms(plain), ratio(best, q4),
      ratio(plain, q4), share(q4, row, peak), share(best, row, peak),
    ];
  });
  return `Linear layer, q4; median (least) time; measured peak ${(peak / 1e9).toFixed(1)} GFLOP/s\n\n${table(head, body)}`;
}

const STAGES = ['embedding', 'gemma', 'sae', 'read_back', 'analysis'];
const stageCells = (stages) => STAGES.map((stage) => stages[`${stage}_ms`].toFixed(0));
const STAGE_HEAD = ['embedding, ms', 'Gemma, ms', 'SAE, ms', 'products and read-back, ms', 'analysis, ms'];

/** Where the time of bench 2 goes: one run, whose stages were waited for one by one. */
export function stageTable(rows) {
  const body = rows.flatMap(({ tokens, stages }) => Object.entries(stages).map(([name, times]) => [tokens, name, ...stageCells(times)]));
  return `By stage, waited for one by one\n\n${table(['tokens', 'pack', ...STAGE_HEAD], body)}`;
}

/** Bench 12. */
export function llamaTable(rows) {
  const head = ['device', 'tokens', 'ours, whole, ms', 'llama.cpp, all layers, ms', 'its 13 layers, ms', 'its 13 layers / ours', 'its threads'];
  const body = rows.map(({ device, tokens, timings: { ours, llama }, llama_layers_ms: layers, llama: { threads } }) => [
    device, tokens, ms(ours), ms(llama), layers === null ? '-' : layers.toFixed(0),
    layers === null ? '-' : (layers / ours.median_ms).toFixed(2), layers === null ? '-' : threads,
  ]);
  return `The default model against llama.cpp (${rows[0].llama.version}); median (least) time\n\n${table(head, body)}`;
}

/** Bench 13. */
export function startTable(rows) {
  const body = rows.flatMap(({ asked, device, how, parts }) => parts.map(({ name, first_ms: first, last_ms: last }) => [
    asked, device, how, name, first.toFixed(0), last.toFixed(0),
  ]));
  return `The first answer, ${rows[0].tokens} tokens: milliseconds since the worker's start\n\n${
    table(['asked for', 'device', 'files', 'stage', 'first report', 'last report'], body)}`;
}

/** Bench 3. */
export function fullSizeTable(rows) {
  const head = [
    'tokens', 'load, s', 'tokenizer, ms', 'wasm, MB', 'GPU, MB', 'weights, MB', 'computed in, s', ...STAGE_HEAD,
    'peer, s', 'peer / our layers', 'peer / our whole',
  ];
  const peerCells = ({ peer_ms: peer, stages, compute_ms: whole }) => (
    peer ? [(peer / 1000).toFixed(1), (peer / stages.gemma_ms).toFixed(2), (peer / whole).toFixed(2)] : ['-', '-', '-']
  );
  const megabytes = (bytes) => (bytes / 1e6).toFixed(0);
  const body = rows.map((row) => [
    row.tokens, (row.load_ms / 1000).toFixed(1), row.tokenizer_ms.toFixed(0), megabytes(row.heap_bytes),
    megabytes(row.gpu_bytes.reserved), megabytes(row.weight_bytes), (row.compute_ms / 1000).toFixed(1), ...stageCells(row.stages),
    ...peerCells(row),
  ]);
  return `Gemma-2-2B's size, q4, random weights; the peer: 13 layers, int4\n\n${table(head, body)}`;
}

/** Where the time goes: every kernel's dispatches run again by themselves. */
export function profileTable(rows) {
  const head = ['pack', 'tokens', 'kernel', 'dispatches', 'ms', 'of all kernels'];
  const body = rows.flatMap(({ pack, tokens, kernels }) => {
    const sum = kernels.reduce((sum, { ms }) => sum + ms, 0);
    return kernels.map(({ name, dispatches, ms }) => [pack, tokens, name, dispatches, ms.toFixed(0), `${((100 * ms) / sum).toFixed(0)} %`]);
  });
  const wholes = rows.map(({ pack, tokens, whole_ms: whole }) => `${pack}, ${tokens} tokens: ${whole.toFixed(0)} ms`).join('; ');
  return `By kernel (whole analyses: ${wholes})\n\n${table(head, body)}`;
}

/** Bench 4. */
export function typingTable(rows) {
  const head = ['tokens', 'whole text, ms', 'one more token, ms', 'whole / one more', 'another inf_k, ms', 'whole / another inf_k'];
  const body = rows.map(({ tokens, whole_ms: whole, appended_ms: appended, encoded_ms: encoded }) => [
    tokens, whole.toFixed(0), appended.toFixed(0), (whole / appended).toFixed(1), encoded.toFixed(0), (whole / encoded).toFixed(1),
  ]);
  return `One more token, and another inf_k, the default model\n\n${table(head, body)}`;
}

/** Bench 9. */
export function wordsTable(rows) {
  const head = ['tokens', 'analysis, ms', 'with words, ms', 'more', 'one more token, ms', 'with words, ms', 'more'];
  const more = (plain, words) => `${(100 * (words / plain - 1)).toFixed(0)} %`;
  const body = rows.map(({ tokens, plain, words, plain_more: plainMore, words_more: wordsMore }) => [
    tokens, plain.toFixed(0), words.toFixed(0), more(plain, words), plainMore.toFixed(0), wordsMore.toFixed(0), more(plainMore, wordsMore),
  ]);
  return `What words add, the default model\n\n${table(head, body)}`;
}

/** Bench 2. */
export function pathTable(rows) {
  const head = [
    'tokens', 'ours q8, ms', 'ours q4, ms', 'peer level 0, ms', 'peer level 4, ms', 'best peer / ours q8',
    'best peer / ours q4', 'ours q8, tokens/s', 'median cosine to PyTorch f32: ours q8, ours q4, peer 0, peer 4',
  ];
  const body = rows.map(({ tokens, timings, cosines }) => {
    const { 'ours-q8': q8, 'ours-q4': q4, 'peer-0': zero, 'peer-4': four } = timings;
    const best = bestPeer(timings);
    return [
      tokens, ms(q8), ms(q4), ms(zero), ms(four), ratio(best, q8), ratio(best, q4),
      (tokens / (q8.median_ms / 1000)).toFixed(0),
      ['ours-q8', 'ours-q4', 'peer-0', 'peer-4'].map((name) => cosines[name]?.median.toFixed(4) ?? '-').join(', '),
    ];
  });
  return `The default model, 13 layers; median (least) time; ours with SAE and analysis\n\n${table(head, body)}`;
}

/** Bench 5. */
export function umapTable(rows) {
  const head = ['points', 'dimensions', 'ours, ms', 'umap-js, ms', '/ ours', 'embedding-atlas, ms', '/ ours',
    'trustworthiness: ours', 'umap-js', 'embedding-atlas'];
  const body = rows.map(({ points, dimensions, timings: { ours, umapJs, embeddingAtlas }, trustworthiness: scores }) => [
    points, dimensions, ms(ours), ms(umapJs), ratio(umapJs, ours), ms(embeddingAtlas), ratio(embeddingAtlas, ours),
    ...[scores.ours, scores.umapJs, scores.embeddingAtlas].map((score) => score.toFixed(4)),
  ]);
  return `UMAP in one browser; median (least) time\n\n${table(head, body)}`;
}

/** Bench 6. */
export function drawingTable(rows) {
  const of = ({ median, p95 }) => `${median.toFixed(1)} (${p95.toFixed(1)})`;
  const body = rows.map(({ what, script_ms, frame_ms, frames }) => [what, of(script_ms), of(frame_ms), frames]);
  return `Drawing; median (95 of 100)\n\n${table(['what', 'script a frame, ms', 'frame to frame, ms', 'frames'], body)}`;
}

/** Bench 7. */
export function pictureTable(rows) {
  const body = rows.map(({ what, first, again, bytes }) => [what, ms(first), ms(again), (bytes / 1000).toFixed(0)]);
  return `First picture, no model; median (least) time from the start of the navigation\n\n${
    table(['what', 'first visit, ms', 'again, ms', 'bytes as sent, kB'], body)}`;
}

/** Bench 11. */
export function pageTable(rows) {
  const body = rows.map(({ what, value, unit }) => [what, unit ? `${value} ${unit}` : value]);
  return `The page as a reader finds it, without a model\n\n${table(['what', 'figure'], body)}`;
}

/** Bench 8. */
export function answerTable(rows) {
  const body = rows.map(({ tokens, submitted, read_back, frame }) => [tokens, ms(submitted), ms(read_back), ms(frame)]);
  return `From the GPU's last work to the drawn matrix, the default model; median (least) time\n\n${
    table(['tokens', 'from the last dispatch, ms', 'from the last read-back, ms', 'to the second frame after it, ms'], body)}`;
}
