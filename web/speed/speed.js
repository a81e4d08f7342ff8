// How fast this machine is, measured by the worker that visitors run: with WebGPU where there is any, and on the CPU.

/** Tokens of the texts, and of the products of matrices. */
const TEXTS = [18, 141, 500];
const PRODUCTS = [1, 128, 500];
/** A layer's widest product in the default model: [rows, columns]. */
const PRODUCT = [2048, 640];
/** Analyses of each text after the first. */
const SAMPLES = 3;
/** The page that names the pack lies one folder up. */
const SITE = new URL("../", document.baseURI);

const element = (id) => document.getElementById(id);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

let worker = null;
let stop = () => {};

/** The tags in which the page's build says what it is: the pack's address and the commit. */
async function tags() {
  const response = await fetch(SITE);
  if (!response.ok) throw new Error(`${SITE} answers ${response.status}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const content = (name) => page.querySelector(`meta[name="temporal-lens-${name}"]`)?.getAttribute("content") ?? "";
  const asked = new URL(document.location).searchParams.get("pack");
  const pack = new URL(asked ?? content("pack"), SITE).href;
  return { pack: pack.endsWith("/") ? pack : `${pack}/`, commit: content("commit") };
}

/** A worker on a device: `ready` is what it says of itself, `ask` a request of it; `onText` learns which text is timed. */
function start(name, onText) {
  const begun = performance.now();
  worker = new Worker(new URL("worker-loader.js", SITE), { type: "module", name });
  let waiting = null;
  const settle = (how, value) => {
    const settled = waiting;
    waiting = null;
    settled?.[how](value);
  };
  worker.addEventListener("message", ({ data }) => {
    const [[kind, body]] = Object.entries(JSON.parse(Array.isArray(data) ? data[0] : data));
    if (kind === "progress" && body.stage === "model") onText(body.done);
    else if (kind === "failed") settle("reject", new Error(body.message));
    else if (kind !== "progress" && kind !== "note") settle("resolve", { ...body, ms: performance.now() - begun });
  });
  worker.addEventListener("error", ({ message }) => settle("reject", new Error(message ?? "its files could not be loaded")));
  const next = () => new Promise((resolve, reject) => { waiting = { resolve, reject }; });
  stop = () => {
    worker?.terminate();
    worker = null;
    settle("reject", new DOMException("It was stopped.", "AbortError"));
  };
  let last = 0;
  const ask = (request, fields) => {
    last += 1;
    const answer = next();
    worker.postMessage(JSON.stringify({ [request]: { id: last, ...fields } }));
    return answer;
  };
  return { ready: next(), ask };
}

let ticking;

/** Says what is going on, and for how many seconds; nothing any more without `what`. */
function tell(what) {
  clearInterval(ticking);
  const begun = performance.now();
  const show = () => {
    const passed = Math.floor((performance.now() - begun) / 1000);
    element("status").textContent = what ? `${what} …${passed >= 2 ? ` ${passed} s` : ""}` : "";
  };
  if (what) ticking = setInterval(show, 1000);
  show();
}

/** Products in a row: what waiting for a GPU costs is shared by them, and a clock of whole milliseconds sees them. */
const repeats = (name, tokens) => (tokens === 1 ? 64 : { cpu: 1, webgpu: 8 }[name]);

/** The figures of one device. */
async function measure(name, pack) {
  const say = (what) => tell(`${name === "cpu" ? "The CPU" : "WebGPU"}: ${what}`);
  say("starting");
  const { ready, ask } = start(name, (text) => say(`a text of ${TEXTS[text]} tokens`));
  const { device, ms: readyMs } = await ready;
  if (name === "webgpu" && !device.webgpu) {
    stop();
    return { kind: name, missing: device.note ?? "this browser offers no WebGPU" };
  }
  const products = [];
  for (const tokens of PRODUCTS) {
    say(`a product of matrices, ${tokens} ${tokens === 1 ? "token" : "tokens"}`);
    const [rows, cols] = PRODUCT;
    const { times_ms: times } = await ask("bench_linear", { tokens, rows, cols, precision: "q8", repeats: repeats(name, tokens), samples: 3 });
    const ms = median(times);
    products.push({ tokens, rows, cols, ms, gflops: (2e-6 * tokens * rows * cols) / ms });
  }
  say("weights of zeros");
  const { load_ms: loadMs, times_ms: all } = await ask("speed", { pack_url: pack, tokens: TEXTS, samples: SAMPLES });
  const texts = all.map(([firstMs, ...times], i) => {
    const [tokens, ms] = [TEXTS[i], median(times)];
    return { tokens, first_ms: firstMs, ms, tokens_per_second: (1000 * tokens) / ms };
  });
  stop();
  return { kind: name, device: device.name, ready_ms: readyMs, load_ms: loadMs, first_answer_ms: readyMs + loadMs + texts[0].first_ms, products, texts };
}

const seconds = (ms) => (ms < 995 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`);
const whole = (value) => Math.round(value).toLocaleString("en");

function row(cells, { kind = false } = {}) {
  const tr = document.createElement("tr");
  if (kind) tr.className = "kind";
  for (const [i, text] of cells.entries()) {
    const cell = document.createElement(kind || i === 0 ? "th" : "td");
    if (cell.localName === "th") cell.scope = kind ? "colgroup" : "row";
    if (kind) cell.colSpan = 3;
    if (i > 0) cell.className = "number";
    cell.textContent = text;
    tr.append(cell);
  }
  return tr;
}

function draw({ devices }) {
  const table = element("figures");
  const rows = devices.flatMap((it) => {
    if (it.missing) return [row([`WebGPU: not used. ${it.missing}`], { kind: true })];
    return [
      row([it.kind === "cpu" ? "The CPU, in WebAssembly" : `WebGPU: ${it.device}`], { kind: true }),
      row(["First answer, 18 tokens, without the download", seconds(it.first_answer_ms), `of which starting ${seconds(it.ready_ms)}`]),
      ...it.texts.map(({ tokens, ms, tokens_per_second: rate }) => row([`Analysis of ${tokens} tokens`, seconds(ms), `${whole(rate)} tokens a second`])),
      ...it.products.map(({ tokens, rows: r, cols, ms, gflops }) => row([`Product, ${tokens} x ${cols} by ${r}`, seconds(ms), `${gflops.toPrecision(3)} GFLOP/s`])),
    ];
  });
  table.replaceChildren(...rows);
  table.hidden = false;
}

async function run() {
  const [measureButton, stopButton, problem] = [element("measure"), element("stop"), element("problem")];
  measureButton.disabled = true;
  stopButton.hidden = false;
  problem.hidden = true;
  const report = {
    format: "temporal-lens-speed/1",
    date: new Date().toISOString().slice(0, 10),
    browser: navigator.userAgent,
    cores: navigator.hardwareConcurrency ?? null,
    memory_gib: navigator.deviceMemory ?? null,
    devices: [],
  };
  let stopped = false;
  stop = () => { stopped = true; };
  try {
    Object.assign(report, await tags());
    if (stopped) throw new DOMException("It was stopped.", "AbortError");
    for (const name of ["webgpu", "cpu"]) {
      report.devices.push(await measure(name, report.pack));
      draw(report);
      element("json").textContent = JSON.stringify(report, null, 2);
      for (const id of ["copying", "raw"]) element(id).hidden = false;
    }
    tell();
    element("status").textContent = "Done. Other programs and tabs make these figures worse; so does a battery.";
  } catch (error) {
    tell();
    problem.textContent = error.name === "AbortError" ? error.message : `It could not be measured: ${error.message}`;
    problem.hidden = false;
  } finally {
    stop();
    measureButton.disabled = false;
    stopButton.hidden = true;
  }
}

element("measure").addEventListener("click", run);
element("stop").addEventListener("click", () => stop());
element("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(element("json").textContent);
    element("copied").textContent = "Copied.";
  } catch {
    element("raw").open = true;
    element("copied").textContent = "The browser refuses the clipboard: the JSON stands below.";
  }
});
