// UMAP: ours in its worker, umap-js and embedding-atlas where the page runs, and the trustworthiness of their pictures.

const state = { worker: null, points: [], gram: null, size: 0, pictures: {} };

/** Starts the layouts' worker. */
export function startLayouts(url) {
  state.worker = new Worker(new URL(url, document.baseURI), { type: 'module' });
}

/** The points that are laid out from now on, and the upper triangle of their centered Gram matrix. */
export function setPoints(values, gram, size, width) {
  state.size = size;
  state.gram = Float32Array.from(gram);
  state.points = Array.from({ length: size }, (_, i) => values.slice(i * width, (i + 1) * width));
  state.pictures = {};
}

/** Milliseconds from the question to the answer. */
export function ours(dimensions) {
  const gram = state.gram.slice();
  const layout = {
    id: 1, size: state.size, positions: state.points.map((_, i) => i), is_umap: true, is_cosine: false,
    dimensions, n_neighbors: 15, min_dist: 0.1, seed: 42,
  };
  return new Promise((resolve, reject) => {
    const started = performance.now();
    state.worker.onerror = ({ message }) => reject(new Error(message));
    state.worker.onmessage = ({ data }) => {
      const { progress, placed, failed } = JSON.parse(data);
      if (progress) return;
      if (!placed) return reject(new Error(failed?.message));
      const ms = performance.now() - started;
      state.pictures.ours = state.points.map((_, i) => placed.coordinates.slice(i * dimensions, (i + 1) * dimensions));
      resolve(ms);
    };
    state.worker.postMessage([JSON.stringify({ layout }), gram], [gram.buffer]);
  });
}

/** Milliseconds of a whole fit. */
export function umapJs(dimensions) {
  let seed = 42;
  const random = () => {
    // mulberry32: umap-js takes any function.
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const started = performance.now();
  const umap = new window.UMAP.UMAP({ nComponents: dimensions, nNeighbors: 15, minDist: 0.1, random });
  state.pictures.umapJs = umap.fit(state.points);
  return performance.now() - started;
}

/** Milliseconds of a whole fit by embedding-atlas (Rust in wasm), as it runs unless it is asked for WebGPU. */
export async function embeddingAtlas(dimensions) {
  const { createUMAP } = await import(new URL('embedding-atlas/umap.js', document.baseURI).href);
  const width = state.points[0].length;
  const values = Float32Array.from(state.points.flat());
  const started = performance.now();
  const umap = await createUMAP(state.size, width, dimensions, values, { metric: 'euclidean', nNeighbors: 15, minDist: 0.1, seed: 42 });
  await umap.run();
  const placed = Array.from(umap.embedding);
  const ms = performance.now() - started;
  umap.destroy();
  state.pictures.embeddingAtlas = state.points.map((_, i) => placed.slice(i * dimensions, (i + 1) * dimensions));
  return ms;
}

/** Trustworthiness (Venna and Kaski 2001) of the last pictures, k = 15 or as many as there are. */
export function scores() {
  const k = Math.min(15, Math.floor((state.size - 1) / 2));
  return Object.fromEntries(Object.entries(state.pictures).map(([name, it]) => [name, trustworthiness(state.points, it, k)]));
}

function trustworthiness(points, picture, k) {
  const n = points.length;
  const order = (rows, i) => {
    const away = rows.map((row) => row.reduce((sum, v, c) => sum + (v - rows[i][c]) ** 2, 0));
    return [...rows.keys()].filter((j) => j !== i).sort((a, b) => away[a] - away[b] || a - b);
  };
  let penalty = 0;
  for (let i = 0; i < n; i += 1) {
    const rank = new Int32Array(n);
    order(points, i).forEach((j, at) => { rank[j] = at + 1; });
    for (const j of order(picture, i).slice(0, k)) penalty += Math.max(0, rank[j] - k);
  }
  return 1 - (2 * penalty) / (n * k * (2 * n - 3 * k - 1));
}
