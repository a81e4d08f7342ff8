// Files that the page hands out: fetched by a click, read as what they say they are.

import { readFileSync } from 'node:fs';

import { settled } from './browser.mjs';
import { reach } from './reach.mjs';

/** Longer than a download of the page's own data takes to begin. */
const DOWNLOAD_BEGINS_MS = 15_000;

/**
 * The download that a click on `testId` begins. Chromium on a loaded machine has been seen to drop a download that the
 * page did ask for; then the click is made once more. A page that asked for none is at fault.
 */
export async function save(page, testId) {
  for (const attempt of [1, 2]) {
    const button = await reach(page, testId);
    // A panel that still opens would move the button away from under the pointer.
    await settled(page);
    const before = await page.evaluate(() => window.downloadsAsked);
    const download = page.waitForEvent('download', { timeout: DOWNLOAD_BEGINS_MS }).catch(() => null);
    await button.click();
    const begun = await download;
    if (begun) return begun;
    const asked = await page.evaluate(() => window.downloadsAsked) - before;
    if (asked !== 1) throw new Error(`${testId}: a click asked the browser for ${asked} downloads`);
    if (attempt === 1) console.log(`    [browser] the download of ${testId} was dropped; clicking again`);
  }
  throw new Error(`${testId}: the browser dropped the download twice`);
}

/** What a click on `testId` saves, as bytes. */
export async function download(page, testId) {
  return readFileSync(await (await save(page, testId)).path());
}

/** The same, parsed; of `download-json` the analysis. */
export async function downloadJson(page, testId = 'download-json') {
  return JSON.parse((await download(page, testId)).toString('utf8'));
}

/** The same, as rows of fields (RFC 4180). */
export async function downloadCsv(page, testId) {
  const text = (await download(page, testId)).toString('utf8');
  const rows = [[]];
  let field = '';
  let isQuoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (isQuoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[i += 1];
      else isQuoted = false;
    } else if (c === '"') isQuoted = true;
    else if (c === ',' || c === '\n') {
      rows.at(-1).push(field);
      field = '';
      if (c === '\n') rows.push([]);
    } else if (c !== '\r') field += c;
  }
  return rows.filter((row) => row.length > 0);
}

/** The same, as SVG that the browser has parsed: { title, texts, counts of the elements by name }. */
export async function downloadSvg(page, testId) {
  const svg = (await download(page, testId)).toString('utf8');
  // The page itself makes nothing of strings.
  const blank = await page.context().newPage();
  const read = await blank.evaluate((text) => {
    const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
    if (parsed.querySelector('parsererror')) throw new Error(parsed.querySelector('parsererror').textContent);
    const counts = {};
    for (const { tagName } of parsed.querySelectorAll('*')) counts[tagName] = (counts[tagName] ?? 0) + 1;
    const texts = [...parsed.querySelectorAll('text')].map(({ textContent }) => textContent);
    return { title: parsed.querySelector('title').textContent, texts, counts };
  }, svg);
  await blank.close();
  return read;
}

/** Width and height of a PNG. */
export function pngSize(bytes) {
  if (bytes.subarray(1, 4).toString('latin1') !== 'PNG') throw new Error('not a PNG');
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** The colors of a PNG's corners, row by row, each [r, g, b, alpha]. */
export function pngCorners(page, bytes) {
  return page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const [right, bottom] = [image.width - 1, image.height - 1];
    return [[0, 0], [right, 0], [0, bottom], [right, bottom]].map(([x, y]) => [...context.getImageData(x, y, 1, 1).data]);
  }, bytes.toString('base64'));
}
