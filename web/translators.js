// Page translators put an element of their own (Chromium's: font) in the place of every text they translate. The page
// keeps the texts that it wrote and goes on writing into them, which would not be visible. So a text that was replaced is put
// back as soon as the page touches it: the translator then translates it again.

/** Texts of the page, and what stands in their places. */
const standIns = new WeakMap();
let isPatched = false;

const isForeign = (node) => node.nodeType === Node.ELEMENT_NODE && (node.localName === "font" || node.localName.includes("-"));

/** Puts a text back into its place. */
function back(node) {
  const standIn = node && standIns.get(node);
  if (!standIn) return;
  standIns.delete(node);
  // Whoever wrapped the text may have moved it inside.
  if (standIn.isConnected && (!node.isConnected || standIn.contains(node))) standIn.replaceWith(node);
}

/** What the page calls on its texts, and on their parents with a text as an argument. Only once a translator is at work. */
function patch() {
  if (isPatched) return;
  isPatched = true;
  const before = (prototype, name, texts) => {
    const original = prototype[name];
    prototype[name] = function (...args) {
      texts(this, args).forEach(back);
      return original.apply(this, args);
    };
  };
  for (const name of ["insertBefore", "replaceChild", "removeChild", "appendChild"]) {
    before(Node.prototype, name, (_, args) => args);
  }
  for (const name of ["remove", "before", "after", "replaceWith"]) before(CharacterData.prototype, name, (node) => [node]);
  for (const name of ["nodeValue", "textContent", "parentNode", "nextSibling", "previousSibling"]) {
    const { get, set } = Object.getOwnPropertyDescriptor(Node.prototype, name);
    Object.defineProperty(Node.prototype, name, {
      configurable: true,
      enumerable: true,
      get() {
        if (name !== "nodeValue" && name !== "textContent") back(this);
        return get.call(this);
      },
      set: set && function (value) {
        back(this);
        set.call(this, value);
      },
    });
  }
}

new MutationObserver((records) => {
  const added = new Set(records.flatMap((record) => [...record.addedNodes]).filter(isForeign));
  if (!added.size) return;
  for (const { removedNodes, addedNodes, previousSibling, nextSibling } of records) {
    for (const text of removedNodes) {
      if (text.nodeType !== Node.TEXT_NODE) continue;
      const standIn = [...addedNodes, previousSibling, nextSibling].find((node) => node && added.has(node));
      if (standIn && (!text.isConnected || standIn.contains(text))) {
        standIns.set(text, standIn);
        patch();
      }
    }
  }
}).observe(document.body, { childList: true, subtree: true });
