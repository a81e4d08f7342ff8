// Texts of a given length, out of passages that the model card is measured on.

import { readFileSync } from 'node:fs';

import { ask, startWorker } from '../../e2e/lib/worker.mjs';
import * as environment from './environment.mjs';
import { LIMIT_MS } from './ours.mjs';

const heldout = new URL('../../fixtures/heldout.jsonl', import.meta.url);
const passages = readFileSync(heldout, 'utf8').trim().split('\n').map((line) => JSON.parse(line).text);
/** Nearly as many tokens as there may be. */
const LONG_TEXT = passages.slice(0, 7).join('\n\n');
/** From so many tokens on, the whole of it is meant. */
const LONG = 1000;

/** The longest beginnings of the long text, in whole words, of at most so many tokens: { text, tokens }. */
export async function beginnings(browser, counts) {
  const page = await browser.newPage();
  await page.goto(environment.site);
  await startWorker(page);
  const words = LONG_TEXT.split(/(?= )/);
  const most = Math.max(...counts.filter((count) => count < LONG), 1);
  // A token is at least a character, so no beginning of more words is short enough.
  const texts = words.map((_, i) => words.slice(0, i + 1).join('')).filter((_, i) => i < most);
  const packUrl = new URL('models/default/', environment.site).href;
  const { ids } = await ask(page, { kind: 'tokenize', pack_url: packUrl, texts: [...texts, LONG_TEXT] }, LIMIT_MS);
  const known = [...texts, LONG_TEXT].map((text, i) => ({ text, tokens: ids[i].length }));
  await page.close();
  return counts.map((count) => known.filter(({ tokens }) => tokens <= count).at(-1));
}
