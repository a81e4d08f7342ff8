// Bench 5: UMAP of the same points, ours in the page's worker against umap-js and embedding-atlas in the same browser, in turns.
// umap-learn's times and trustworthiness of the same points are printed by tests/reference/umap_times.py.

import * as environment from './environment.mjs';
import { alternate } from './measure.mjs';
import { call, openPage } from './pages.mjs';
import { WIDTH, gram, upper, walk } from './points.mjs';

const SIZES = [20, 141, 500, 2000];

/** Times and trustworthiness by size and dimensions. */
export async function benchUmap(browser, rounds) {
  const page = await openPage(browser);
  await page.addScriptTag({ url: new URL('umap-js/umap-js.min.js', environment.site).href });
  await call(page, 'startLayouts', 'worker-loader.js?module=layouts.js&wasm=layouts_bg.wasm');
  const rows = [];
  for (const points of SIZES.filter(environment.wanted)) {
    const values = walk(points);
    await call(page, 'setPoints', Array.from(values), Array.from(upper(gram(values, points), points)), points, WIDTH);
    for (const dimensions of [2, 3]) {
      const contender = (name) => ({
        name,
        async time(repeats) {
          let sum = 0;
          for (let i = 0; i < repeats; i += 1) sum += await call(page, name, dimensions);
          return sum / repeats;
        },
      });
      const contenders = [contender('ours'), contender('umapJs'), contender('embeddingAtlas')];
      // Compiled, and compared: each contender's last picture is scored.
      for (const { time } of contenders) await time(1);
      const timings = await alternate(contenders, rounds);
      const trustworthiness = await call(page, 'scores');
      for (const score of Object.values(trustworthiness)) {
        if (!(score > 0.5)) throw new Error(`a picture of ${points} points is none: trustworthiness ${score}`);
      }
      rows.push({ points, dimensions, timings, trustworthiness });
    }
  }
  await page.close();
  return rows;
}
