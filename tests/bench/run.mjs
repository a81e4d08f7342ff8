// The benches of `cargo xtask bench`: prints tables, writes a JSON file. docs/performance.md says how it measures.

import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

import * as environment from './lib/environment.mjs';
import { benchAnswer } from './lib/answer.mjs';
import { benchDrawing } from './lib/drawing.mjs';
import { benchFullSize } from './lib/full-size.mjs';
import { benchLinear } from './lib/linear.mjs';
import { benchLlama } from './lib/llama.mjs';
import { call, launch, openPage } from './lib/pages.mjs';
import { benchPage } from './lib/page.mjs';
import { benchPath } from './lib/path.mjs';
import { benchPicture } from './lib/picture.mjs';
import { benchProfile } from './lib/profile.mjs';
import {
  answerTable, drawingTable, fullSizeTable, linearTable, llamaTable, pageTable, pathTable, pictureTable, profileTable, stageTable, startTable,
  typingTable, umapTable, wordsTable,
} from './lib/tables.mjs';
import { benchStart } from './lib/start.mjs';
import { benchTyping } from './lib/typing.mjs';
import { benchUmap } from './lib/umap.mjs';
import { benchWords } from './lib/words.mjs';

const BENCHES = {
  linear: { run: benchLinear, table: linearTable },
  path: { run: benchPath, table: (rows) => `${pathTable(rows)}\n\n${stageTable(rows)}` },
  llama: { run: benchLlama, table: llamaTable },
  'full-size': { run: benchFullSize, table: fullSizeTable },
  profile: { run: benchProfile, table: profileTable },
  typing: { run: benchTyping, table: typingTable },
  umap: { run: benchUmap, table: umapTable },
  drawing: { run: benchDrawing, table: drawingTable },
  picture: { run: benchPicture, table: pictureTable },
  start: { run: benchStart, table: startTable },
  answer: { run: benchAnswer, table: answerTable },
  words: { run: benchWords, table: wordsTable },
  page: { run: benchPage, table: pageTable },
};

const browser = await launch();
try {
  const page = await openPage(browser);
  const peerVersion = await call(page, 'peerVersion');
  const results = {
    date: new Date().toISOString(),
    machine: { processor: cpus()[0].model, cores: cpus().length, load_before: loadavg() },
    browser: browser.version(),
    ...(await call(page, 'adapterFacts')),
    peer: peerVersion && `onnxruntime-web ${peerVersion}`,
    rounds: environment.rounds,
  };
  await page.close();
  for (const name of environment.only) {
    results[name] = await BENCHES[name].run(browser, environment.rounds);
    results.machine.load_after = loadavg();
    // After each bench: what was measured is kept when the next one fails.
    writeFileSync(environment.results, `${JSON.stringify(results, null, 1)}\n`);
  }
  for (const name of environment.only) console.log(`\n${BENCHES[name].table(results[name])}`);
} finally {
  await browser.close();
}
