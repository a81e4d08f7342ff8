// Starts the page. Trunk names the module and its wasm in the attributes of this script's tag, so that no
// script has to stand in the page itself. A classic script: a host that serves modules as the wrong type
// still lets it run, and say so.
(() => {
  const tag = document.currentScript;
  const address = (name) => new URL(tag.dataset[name], document.baseURI).href;

  /** What the host does wrong, as far as its answers tell; else what a visitor can try. */
  async function why() {
    for (const [name, right] of [["app", /javascript/], ["wasm", /./]]) {
      const response = await fetch(address(name), { method: "HEAD" }).catch(() => null);
      const type = response?.headers.get("content-type") ?? "no type";
      if (!response) return "The host cannot be reached. A reload may help.";
      if (!response.ok) return `The host answers ${response.status} for ${address(name)}: the site was not copied whole.`;
      if (!right.test(type)) {
        return `This host serves ${address(name)} as “${type}”. Browsers run JavaScript modules only as `
          + "text/javascript: whoever hosts this page has to set that type for files that end in .js.";
      }
    }
    return "A reload may help; if it does not, this browser may lack WebAssembly or the host may serve incomplete files.";
  }

  async function start() {
    // For page translators: nothing here waits for it.
    import(new URL("translators.js", document.baseURI).href).catch((error) => console.info(error));
    try {
      const { default: init } = await import(address("app"));
      await init({ module_or_path: address("wasm") });
    } catch (error) {
      console.error(error);
      const boot = document.getElementById("boot");
      if (!boot) return;
      boot.setAttribute("role", "alert");
      boot.textContent = `The page could not start: ${error?.message ?? error}.`;
      boot.textContent += ` ${await why()}`;
    }
    // Whether the page started or not: a broken one is repaired by its update.
    import(new URL("offline.js", document.baseURI).href).catch((error) => console.info(error));
  }
  start();
})();
