// What `cargo xtask bench` hands to the driver.

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the benches with \`cargo xtask bench\``);
  return value;
}

/** Folder that holds `node_modules` with the browser's driver. */
export const nodeFolder = required('LENS_NODE');
/** The browser. */
export const chromium = required('LENS_CHROMIUM');
/** The site; below it `bench/` (the page), `ort/`, `umap-js/`, `embedding-atlas/` and `wllama/` (the peers), `gguf/` (the weights), `peer/` and `peer-full-size/` (models), `packs/` and `full-size/`. */
export const site = required('LENS_SITE');
/** Folder of the points that are laid out and drawn. */
export const points = required('LENS_POINTS');
/** Folder of what peer_model.py and linear_model.py wrote. */
export const models = required('LENS_MODELS');
/** Folder of what peer_full_size.py wrote. */
export const fullSizeModel = required('LENS_FULL_SIZE_MODEL');
/** Whether the machine's own GPU is measured instead of SwiftShader. */
export const gpu = required('LENS_GPU') === 'true';
/** Rounds of every case, at least. */
export const rounds = Number(required('LENS_ROUNDS'));
/** Which benches: `linear`, `path`, `llama`, `profile`, `full-size`, `typing`, `umap`, `drawing`, `picture`, `start`,
    `answer`, `words`, `page`. */
export const only = required('LENS_BENCHES').split(',');
/** Where the results go, as JSON. */
export const results = required('LENS_RESULTS');

const tokens = process.env.LENS_TOKENS ? process.env.LENS_TOKENS.split(',').map(Number) : null;
/** Whether cases of this many tokens are measured: all, unless some are named. */
export const wanted = (count) => tokens === null || tokens.includes(count);
