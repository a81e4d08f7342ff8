// Each document opens in the page that shows them; without this script it opens as it is.
const viewer = document.querySelector("meta[name=temporal-lens-viewer]").content;
for (const link of document.querySelectorAll("li > a")) {
  const page = new URL(viewer, document.baseURI);
  page.searchParams.set("result", link.href);
  link.href = page.href;
}
