// What `cargo xtask test --only e2e` hands to the tests: servers, browser, packs, program.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with \`cargo xtask test --only e2e\``);
  return value;
}

/** What is installed for some of the tests only: set-up says why it could not be. */
function found(name, missing) {
  if (process.env[missing]) throw new Error(process.env[missing]);
  return required(name);
}

/** Root of the repository. */
export const root = required('LENS_ROOT');
/** Folder that holds `node_modules`. */
export const nodeFolder = required('LENS_NODE');
/** The browser. */
export const chromium = required('LENS_CHROMIUM');
/** Vulkan on the processor, as the browser brings it along; not every one does. */
export const vulkanDriver = process.env.LENS_VULKAN_DRIVER;
/** `temporal-lens`. */
export const program = required('LENS_PROGRAM');
/** The pack of the real model, as the site serves it. */
export const defaultPack = required('LENS_DEFAULT_PACK');
/** Gemma 3 270M as it is fetched: its GGUF and its tokenizer. */
export const weights = required('LENS_WEIGHTS');
/** A pack of Gemma-2-2B's size, of random weights. */
export const fullSizePack = required('LENS_FULL_SIZE_PACK');
/** Folder for fixture packs; the servers serve it as `packs/` beside the site. */
export const packs = required('LENS_PACKS');
/** Where screenshots and measurements go. */
export const out = required('LENS_OUT');

/** `cargo xtask`. */
export const xtask = required('LENS_XTASK');
/** A web server. */
export const nginx = required('LENS_NGINX');
/** Python, with numpy in a folder for its PYTHONPATH. */
export const python = required('LENS_PYTHON');
export const pythonModules = required('LENS_PYTHON_MODULES');
/** A Python with torch, with notebooks and SAELens in a folder for its PYTHONPATH; throws with what is missing. */
export const torch = () => ({ python: found('LENS_TORCH_PYTHON', 'LENS_TORCH_MISSING'), modules: required('LENS_TORCH_MODULES') });
/** Firefox; throws with what is missing. */
export const firefox = () => found('LENS_FIREFOX', 'LENS_FIREFOX_MISSING');
/** The folder of the built site. */
export const dist = required('LENS_DIST');
/** The site at the root of its host, */
export const site = required('LENS_SITE');
/** below a path, */
export const siteBelow = required('LENS_SITE_BELOW');
/** and on a host that knows no byte ranges. */
export const sitePlain = required('LENS_SITE_PLAIN');

/** Fixtures of the parity tests. */
export const fixtures = join(root, 'tests', 'fixtures');

mkdirSync(out, { recursive: true });
