// What the benches' driver calls, as `window.bench`.

import * as llama from './llama.mjs';
import * as peer from './peer.mjs';
import * as plain from './plain.mjs';
import * as umap from './umap.mjs';

window.bench = { ...llama, ...peer, ...plain, ...umap };
