// What the page's address says. Where it holds a text that was typed, that is behind `#`, which no host is sent.

/** The parameters, from both places. */
export function parameters(page) {
  const { search, hash } = new URL(page.url());
  return new URLSearchParams(`${search}&${hash.slice(1)}`);
}

/** The parameters as they are written, with their mark. */
export function link(page) {
  const { search, hash } = new URL(page.url());
  return search + hash;
}
