// The precomputed examples: chosen from the page's menu, and whether one is shown.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './environment.mjs';

/** All of them, in the order of the menu. */
export const { examples } = JSON.parse(readFileSync(join(root, 'demo', 'examples', 'index.json'), 'utf8'));

/** The one that the page opens with. */
export const FIRST = 'three-scenes';

/** The saved analysis of one. */
export const example = (id) => JSON.parse(readFileSync(join(root, 'demo', 'examples', `${id}.json`), 'utf8'));

/** Chooses one, which comes later. */
export const choose = (page, id) => page.getByTestId('gallery').selectOption(id);

/** Waits until one is shown: the menu names what is shown, and beside the matrix stands what to look for in it. */
export function shows(page, id) {
  const { look_for: lookFor } = examples.find((it) => it.id === id);
  return page.waitForFunction(([wanted, said]) => {
    const [menu, note] = ['gallery', 'look-for'].map((name) => document.querySelector(`[data-testid="${name}"]`));
    const hasMatrix = document.querySelector('[data-testid="tab-scenes"]')?.ariaSelected === 'true';
    // The menu names one that is still being fetched, too.
    if (document.querySelector('main.is-awaiting')) return false;
    return menu?.value === wanted && (hasMatrix ? note?.textContent === said : note === null);
  }, [id, lookFor]);
}

/** Chooses one and waits until it is shown. */
export async function show(page, id) {
  await choose(page, id);
  await shows(page, id);
}
