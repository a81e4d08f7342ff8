// The reading as a film: played, scrubbed, stepped, linked, and saved as WebM and as numbered pictures.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { link, parameters } from './lib/address.mjs';
import { launch, open, screenshot, settled, visitor } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { pngSize } from './lib/files.mjs';
import { until } from './lib/until.mjs';

/** Longer than it takes to play, draw or encode a hundred words on a loaded machine. */
const LONG_MS = 180_000;

const tokens = async (page) => Number(await page.locator('main').getAttribute('data-analysis-tokens'));
const unread = (page) => page.locator('.token.is-unread').count();
const param = (page, name) => parameters(page).get(name);

/** How many pixels of the matrix's plot are covered: the overlay is empty elsewhere. */
const covered = (page) => page.locator('canvas.overlay').first().evaluate((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] === 255) count += 1;
  return count;
});

/** How many pixels of the path's canvas are drawn. */
const drawn = (page) => page.getByTestId('trajectory').evaluate((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) count += 1;
  return count;
});

async function scrub(page, position) {
  await page.getByTestId('film-scrubber').fill(String(position));
  await settled(page);
}

/** The file that a press of a button in the export's panel leads to. */
async function saved(page, testid) {
  await page.getByTestId('film-save').click();
  const download = page.waitForEvent('download', { timeout: LONG_MS });
  await page.getByTestId(testid).click();
  const file = await download;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

/** Names and contents of the files in a ZIP archive that are stored as they are, as its directory has them. */
function unzipped(bytes) {
  const end = bytes.length - 22;
  assert.equal(bytes.readUInt32LE(end), 0x06054b50, 'no end of an archive');
  let at = bytes.readUInt32LE(end + 16);
  return Array.from({ length: bytes.readUInt16LE(end + 10) }, () => {
    assert.equal(bytes.readUInt32LE(at), 0x02014b50, 'no entry of a directory');
    const [size, length, head] = [bytes.readUInt32LE(at + 24), bytes.readUInt16LE(at + 28), bytes.readUInt32LE(at + 42)];
    const name = bytes.subarray(at + 46, at + 46 + length).toString();
    const begin = head + 30 + bytes.readUInt16LE(head + 26) + bytes.readUInt16LE(head + 28);
    at += 46 + length;
    return { name, content: bytes.subarray(begin, begin + size) };
  });
}

describe('film', () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  const film = async (query = '', options = {}) => {
    const page = await open(browser, `${site}${query}`, options);
    await page.getByTestId('play').waitFor();
    await page.getByTestId('heatmap').or(page.getByTestId('trajectory')).first().waitFor();
    return page;
  };

  test('one button plays the text to its end, and then all of it is shown', async () => {
    const page = await film();
    assert.equal(await page.getByTestId('film-scrubber').count(), 0, 'one control until it is pressed');
    const count = await tokens(page);
    const entries = await page.evaluate(() => window.history.length);
    await page.getByTestId('play').click();
    await page.getByTestId('film-speed').selectOption('quadruple');
    assert.match(await page.getByTestId('play').innerText(), /Pause/);
    const at = async () => Number(await page.getByTestId('film-scrubber').inputValue());
    await until(async () => await at() > 20, 'reading twenty words');
    const [faint, position] = [await unread(page), await at()];
    assert.ok(faint > 0 && faint < count - 15, `${faint} of ${count} words are faint at ${position}`);
    await until(async () => Number(param(page, 't')) > 20, 'the address following');
    await page.locator('[data-testid="play"]', { hasText: 'Play' }).waitFor({ timeout: LONG_MS });
    assert.equal(await unread(page), 0);
    await until(async () => param(page, 't') === null, 'the end leaving the address');
    assert.equal(await page.evaluate(() => window.history.length), entries, 'a film adds nothing to the history');
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('the scrubber hides what is not read, in the text, in the matrix and in the path', async () => {
    const page = await film('?t=5');
    const count = await tokens(page);
    assert.equal(await page.getByTestId('film-scrubber').inputValue(), '5', 'a link opens the film');
    await settled(page);
    const early = await covered(page);
    await scrub(page, 40);
    assert.equal(await unread(page), count - 41);
    assert.equal(await page.locator('.token.is-unread').first().getAttribute('data-position'), '41');
    assert.equal(await page.locator('.token.is-word').getAttribute('data-position'), '40', 'the word that is read is in focus');
    const middle = await covered(page);
    await screenshot(page, 'film-scenes');
    await scrub(page, count - 1);
    const late = await covered(page);
    assert.ok(early > middle && middle > 2 * late, `${early}, ${middle}, ${late} pixels are covered`);
    await scrub(page, 40);

    await page.getByTestId('tab-path').click();
    await page.locator('[data-testid="trajectory"][data-points]').waitFor();
    await settled(page);
    const half = await drawn(page);
    await screenshot(page, 'film-path');
    await page.getByTestId('film-close').click();
    await settled(page);
    assert.equal(await unread(page), 0);
    const whole = await drawn(page);
    assert.ok(half < whole, `${half} of ${whole} pixels are drawn`);
    await page.context().close();
  });

  test('the address has where it stands, and opens there', async () => {
    const page = await film('?example=poem');
    await page.getByTestId('play').click();
    await page.getByTestId('play').click();
    await scrub(page, 7);
    await until(async () => param(page, 't') === '7', 't in the address');
    const other = await film(link(page));
    assert.equal(await other.getByTestId('film-scrubber').inputValue(), '7');
    assert.equal(await unread(other), await tokens(other) - 8);
    await other.context().close();
    const late = await film('?example=poem&t=4000');
    assert.match(await late.getByTestId('link-note').innerText(), /t=4000.*lies past the text’s \d+ tokens/);
    assert.equal(await unread(late), 0);
    await late.context().close();
    await page.context().close();
  });

  test('Space plays and pauses, arrows step in the bar, Esc shows all of the text', async () => {
    const page = await film();
    await page.locator('body').press('Space');
    await page.getByTestId('film-scrubber').waitFor();
    assert.match(await page.getByTestId('play').innerText(), /Pause/);
    await page.locator('body').press('Space');
    assert.match(await page.getByTestId('play').innerText(), /Play/);
    const scrubber = page.getByTestId('film-scrubber');
    await scrub(page, 10);
    await page.getByTestId('play').press('ArrowRight');
    assert.equal(await scrubber.inputValue(), '11');
    await scrubber.press('ArrowLeft');
    await scrubber.press('ArrowLeft');
    assert.equal(await scrubber.inputValue(), '9');
    // The strip has a use of its own for Space.
    await page.getByTestId('token-strip').press('Space');
    assert.match(await page.getByTestId('play').innerText(), /Play/);
    assert.equal(await scrubber.inputValue(), '9');
    await page.getByTestId('play').press('Escape');
    assert.equal(await unread(page), 0);
    await page.context().close();
  });

  test('who asked for less motion steps', async () => {
    const context = await visitor(browser, { reducedMotion: 'reduce' });
    const page = await film('', { context });
    await page.clock.install();
    const play = page.getByTestId('play');
    assert.match(await play.innerText(), /Step/);
    for (const expected of ['1', '2', '3']) {
      await play.click();
      assert.equal(await page.getByTestId('film-scrubber').inputValue(), expected);
    }
    const at = () => page.getByTestId('film-scrubber').inputValue();
    await page.clock.runFor(10_000);
    assert.equal(await at(), '3', 'nothing moves by itself');
    // The same seconds move a film that plays.
    const other = await film('?t=3');
    await other.clock.install();
    await other.getByTestId('play').click();
    await other.clock.runFor(10_000);
    assert.notEqual(await other.getByTestId('film-scrubber').inputValue(), '3');
    await other.context().close();
    await context.close();
  });

  test('it is recorded as WebM that a browser plays', async () => {
    const page = await film('?example=seed-prompt&t=1');
    await page.getByTestId('film-speed').selectOption('double');
    const { name, bytes } = await saved(page, 'film-webm');
    assert.equal(name, 'temporal-lens-film.webm');
    assert.equal(bytes.readUInt32BE(0), 0x1a45dfa3, 'no EBML header');
    const other = await page.context().newPage();
    const seen = await other.evaluate(async (address) => {
      const video = document.createElement('video');
      video.muted = true;
      video.src = address;
      await new Promise((resolve, reject) => {
        video.onloadeddata = resolve;
        video.onerror = () => reject(new Error(video.error?.message));
      });
      let frames = 0;
      const count = () => {
        frames += 1;
        video.requestVideoFrameCallback(count);
      };
      video.requestVideoFrameCallback(count);
      await video.play();
      await new Promise((resolve) => { video.onended = resolve; });
      return { frames, width: video.videoWidth, height: video.videoHeight };
    }, `data:video/webm;base64,${bytes.toString('base64')}`);
    // A loaded machine shows few of them.
    assert.ok(seen.frames >= 3 && seen.width > 400 && seen.height > 400, JSON.stringify(seen));
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('a browser that cannot record says so, and still has the pictures', async () => {
    const context = await visitor(browser);
    await context.addInitScript(() => { delete window.MediaRecorder; });
    const page = await film('?example=seed-prompt&t=1', { context });
    await page.getByTestId('film-save').click();
    assert.match(await page.getByTestId('film-no-webm').innerText(), /cannot record WebM/);
    assert.equal(await page.getByTestId('film-webm').count(), 0);
    assert.ok(await page.getByTestId('film-png').isEnabled());
    await context.close();
  });

  test('the pictures are numbered, one for each token', async () => {
    for (const figure of ['scenes', 'path']) {
      const page = await film(`?example=seed-prompt&view=${figure}&t=1`);
      if (figure === 'path') await page.locator('[data-testid="trajectory"][data-points]').waitFor();
      const { name, bytes } = await saved(page, 'film-png');
      assert.equal(name, 'temporal-lens-film.zip');
      const files = unzipped(bytes);
      const count = await tokens(page);
      const expected = Array.from({ length: count }, (_, at) => `temporal-lens-${String(at).padStart(4, '0')}.png`);
      assert.deepEqual(files.map((file) => file.name), expected);
      const sizes = new Set(files.map(({ content }) => JSON.stringify(pngSize(content))));
      assert.equal(sizes.size, 1, 'pictures of a film are of one size');
      assert.equal(new Set(files.map(({ content }) => content.toString('latin1'))).size, count, 'every picture is another one');
      await page.context().close();
    }
  });
});
