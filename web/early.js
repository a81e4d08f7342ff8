// The build writes this script into the page, and its hash into the page's policy: it runs where no file of the site is found.
(() => {
  // Trusted Types, where the browser has them: a string becomes no script's address but those that the page starts, and no
  // HTML but that of its views' templates, which hold no script.
  if (window.trustedTypes) {
    const refuse = (what) => { throw new TypeError(`The page makes no ${what}.`); };
    const isOwn = (url) => url.href.startsWith(new URL(".", document.baseURI).href)
      && /\/(start|worker-loader|service-worker|dev-reload)\.js$/.test(url.pathname);
    const createScriptURL = (url) => (isOwn(new URL(url, document.baseURI)) ? url : refuse("script of this address"));
    const isInert = (html) => !/<(script|iframe|object|embed|base|meta|link|style|form)\b|<[^>]*[\s"'/](on\w+|srcdoc)\s*=|javascript:/i.test(html);
    const createHTML = (html) => (isInert(html) ? html : refuse("such HTML"));
    window.trustedTypes.createPolicy("default", { createScriptURL });
    const views = window.trustedTypes.createPolicy("temporal-lens-views", { createHTML });
    const { get, set } = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML");
    Object.defineProperty(HTMLTemplateElement.prototype, "innerHTML", {
      get,
      set(html) { set.call(this, views.createHTML(html)); },
    });
  }

  // A folder's page at an address without the final slash looks for its files beside the folder.
  let lacks = "";
  addEventListener("error", ({ target, filename }) => {
    const failed = target.src ?? filename ?? "";
    if (!failed.split("?")[0].endsWith("/start.js")) return;
    const say = (text) => {
      const boot = document.getElementById("boot");
      if (boot) boot.textContent = `The page could not start: ${text}`;
    };
    const { origin, pathname, search, hash } = location;
    if (/\/$|\.html?$/.test(pathname)) {
      say(`${lacks}${failed} is not a script of this site. It was not copied whole, or this is not the address of its folder.`);
      return;
    }
    const again = () => {
      lacks = `the address ${origin}${pathname} lacks its final slash, and `;
      history.replaceState(null, "", `${pathname}/${search}${hash}`);
      for (const old of document.querySelectorAll("link[href], script[src]")) {
        const copy = document.createElement(old.localName);
        for (const { name, value } of old.attributes) copy.setAttribute(name, value);
        old.replaceWith(copy);
      }
    };
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", again);
    else again();
  }, true);
})();
