// The end of both scripts of a single file (xtask/src/one_file.rs): it stands below wasm-bindgen's script of a module, whose
// `__wbg_init` it calls. In the page it unpacks what the file carries, module and analysis, and starts the page. In the worker that
// lays out trajectories, which the page starts from a blob, the packed module is in `temporalLensModule`.
{
  /** The bytes of a block: zlib in base64. */
  const unpacked = (text) => {
    const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")));
  };
  const start = async (module) => __wbg_init({ module_or_path: await (await unpacked(module)).arrayBuffer() });

  /** The theme of the notebook around, where this file stands in one and may look. */
  const themeAround = () => {
    try {
      if (window.parent === window) return null;
      const { classList, dataset } = window.parent.document.body;
      if (dataset.jpThemeLight) return dataset.jpThemeLight === "true" ? "light" : "dark";
      if (dataset.theme === "light" || dataset.theme === "dark") return dataset.theme;
      const kind = dataset.vscodeThemeKind ?? "";
      if (kind || classList.contains("vscode-dark")) return /light/.test(kind) ? "light" : "dark";
      const root = window.parent.document.documentElement;
      // Colab's frames have the attribute, other pages the datum.
      const theme = root.getAttribute("theme") ?? root.dataset.theme;
      return theme === "light" || theme === "dark" || theme === "dark-mode" ? theme.slice(0, 5).replace(/-$/, "") : null;
    } catch {
      return null;
    }
  };

  /** Tells the page when the notebook around changes its theme. */
  const followTheme = () => {
    const file = window.temporalLensFile;
    const changes = new MutationObserver(() => {
      const theme = themeAround();
      if (!theme || theme === file.theme) return;
      file.theme = theme;
      window.dispatchEvent(new Event("temporal-lens-theme"));
    });
    const { body, documentElement } = window.parent.document;
    for (const element of [body, documentElement]) changes.observe(element, { attributes: true });
  };

  const openPage = async () => {
    const block = (name) => document.getElementById(`temporal-lens-${name}`);
    const boot = document.getElementById("boot");
    try {
      const result = block("result");
      if (!result) throw new Error("it carries no analysis");
      const module = block("module").textContent;
      const text = async (name) => (block(name) ? (await unpacked(block(name).textContent)).text() : null);
      const query = new URLSearchParams(result.dataset.query ?? "");
      const theme = query.has("theme") ? null : themeAround();
      if (theme) query.set("theme", theme);
      let layoutsWorker = null;
      window.temporalLensFile = {
        result: await text("result"),
        comparison: await text("comparison"),
        features: (await text("features")) ?? (await text("names")),
        query: query.size ? `?${query}` : "",
        theme,
        // Made when it is first asked for: few readers open the path.
        get layoutsWorker() {
          const lines = () => {
            const packed = JSON.stringify(block("layouts-module").textContent);
            return [`globalThis.temporalLensModule = ${packed};\n`, block("layouts-script").textContent];
          };
          layoutsWorker ??= URL.createObjectURL(new Blob(lines(), { type: "text/javascript" }));
          return layoutsWorker;
        },
      };
      await start(module);
      if (theme) followTheme();
    } catch (error) {
      console.error(error);
      if (!boot) return;
      boot.setAttribute("role", "alert");
      boot.textContent = `This file could not be opened: ${error?.message ?? error}. `
        + "It may be cut off, or this browser may be too old: it takes one of 2023 or later.";
    }
  };

  const serve = async () => {
    // What comes before the module listens waits for it.
    const early = [];
    const keep = (event) => early.push(event.data);
    self.addEventListener("message", keep);
    await start(globalThis.temporalLensModule);
    self.removeEventListener("message", keep);
    for (const data of early) self.dispatchEvent(new MessageEvent("message", { data }));
  };

  if (typeof document === "undefined") serve();
  else openPage();
}
