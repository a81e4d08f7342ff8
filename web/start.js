// Starts the page. Trunk names the module and its wasm in the attributes of this script's tag, so
// that no script has to stand in the page itself.
const tag = document.querySelector("script[data-app]");
const address = (name) => new URL(tag.dataset[name], document.baseURI).href;

try {
  const { default: init } = await import(address("app"));
  await init({ module_or_path: address("wasm") });
} catch (error) {
  console.error(error);
  const boot = document.getElementById("boot");
  if (boot) {
    boot.setAttribute("role", "alert");
    boot.textContent = `The page could not start: ${error?.message ?? error}. A reload may help; `
      + "if it does not, this browser may lack WebAssembly or the host may serve incomplete files.";
  }
}

// Whatever became of the page: a broken one is mended by its update.
import("./offline.js").catch((error) => console.info(error));
