// The precomputed examples: chosen from the page's menu, and whether one is shown.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './environment.mjs';

/** All of them, in the order of the menu. */
export const { examples } = JSON.parse(readFileSync(join(root, 'demo', 'examples', 'index.json'), 'utf8'));

/** The one that the page opens with. */
export const FIRST = 'two-events';

/** The saved analysis of one. */
export const example = (id) => JSON.parse(readFileSync(join(root, 'demo', 'examples', `${id}.json`), 'utf8'));

/** Chooses one, which comes later. */
export const choose = (page, id) => page.getByTestId('gallery').selectOption(id);

/** Waits until one is shown: named in the menu, with what to look for in it beside its text. */
export function shows(page, id) {
  const lookFor = examples.find((it) => it.id === id).look_for;
  return page.waitForFunction(([wanted, said]) => document.querySelector('[data-testid="gallery"]')?.value === wanted
    && document.querySelector('[data-testid="look-for"]')?.textContent === said, [id, lookFor]);
}

/** Chooses one and waits until it is shown. */
export async function show(page, id) {
  await choose(page, id);
  await shows(page, id);
}
