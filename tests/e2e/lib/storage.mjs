// What the browser stores of packs, seen by tests: names, and damage.

/** Names of all stored files. */
export function storedNames(page) {
  return page.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('temporal-lens');
    const names = [];
    for await (const name of folder.keys()) names.push(name);
    return names;
  });
}

/** Flips a bit in the middle of a stored file. */
export function damage(page, name) {
  return page.evaluate(async (file) => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('temporal-lens');
    const handle = await folder.getFileHandle(file);
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    bytes[Math.floor(bytes.length / 2)] ^= 0x10;
    const writable = await handle.createWritable();
    await writable.write(bytes);
    await writable.close();
  }, name);
}
