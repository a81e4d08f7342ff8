// What the browser keeps of packs, seen by tests: names, and damage.

/** Names of all kept files. */
export function keptNames(page) {
  return page.evaluate(async () => {
    const kept = await (await navigator.storage.getDirectory()).getDirectoryHandle('temporal-lens');
    const names = [];
    for await (const name of kept.keys()) names.push(name);
    return names;
  });
}

/** Flips a bit in the middle of a kept file. */
export function damage(page, name) {
  return page.evaluate(async (file) => {
    const kept = await (await navigator.storage.getDirectory()).getDirectoryHandle('temporal-lens');
    const handle = await kept.getFileHandle(file);
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    bytes[Math.floor(bytes.length / 2)] ^= 0x10;
    const writable = await handle.createWritable();
    await writable.write(bytes);
    await writable.close();
  }, name);
}
