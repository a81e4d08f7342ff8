// <temporal-lens text="..." theme="dark" embedinput="true"></temporal-lens>
//
// The page in a frame, for writers: load this file as a module from where the page is hosted.
// Attributes are the page's parameters (docs/embed.md); `height` is the frame's, in CSS pixels.
// Methods: setText(text), setResult(result), setTheme(theme). Events: "ready", "shown", "selected",
// "problem", with the message as detail.

const HOST = new URL("./", import.meta.url);
const VERSION = 1;
const PARAMETERS = [
  "text", "example", "result", "model", "inf_k", "device", "theme", "view", "of", "mode", "scale", "shade", "events", "order", "pin", "span", "t", "feature", "zoom", "z", "words",
  "with", "withz", "withk", "withspan", "attention",
  "tof", "tby", "tin", "ttokens", "tcolour", "metric", "neighbours", "mindist", "seed", "camera",
  "embedtokens", "embedheatmap", "embedtrajectory", "embedfeatures", "embedword", "embedinput", "embedcontrols", "embedcaption", "embedlink",
];

class TemporalLens extends HTMLElement {
  static observedAttributes = [...PARAMETERS, "height"];

  #frame = null;
  #isReady = false;
  #waiting = [];
  #listen = (event) => this.#hear(event);

  connectedCallback() {
    this.#frame = document.createElement("iframe");
    this.#frame.title = this.getAttribute("title") ?? "Temporal Lens";
    this.#frame.loading = "lazy";
    this.#frame.allow = "clipboard-write";
    Object.assign(this.#frame.style, { display: "block", width: "100%", border: "0" });
    this.style.display ||= "block";
    this.#load();
    window.addEventListener("message", this.#listen);
    this.replaceChildren(this.#frame);
  }

  disconnectedCallback() {
    window.removeEventListener("message", this.#listen);
    this.replaceChildren();
    this.#frame = null;
    this.#isReady = false;
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#frame || before === after) return;
    if (name === "height") this.#frame.style.height = this.#height();
    else this.#load();
  }

  setText(text) { this.#send({ type: "set-text", text }); }
  setResult(result) { this.#send({ type: "set-result", result }); }
  setTheme(theme) { this.#send({ type: "set-theme", theme }); }

  #height() { return `${Number(this.getAttribute("height")) || 480}px`; }

  #load() {
    const url = new URL(HOST);
    url.searchParams.set("embed", "true");
    for (const name of PARAMETERS) if (this.hasAttribute(name)) url.searchParams.set(name, this.getAttribute(name));
    this.#isReady = false;
    this.#frame.style.height = this.#height();
    this.#frame.src = url.href;
  }

  #send(message) {
    if (!this.#isReady) this.#waiting.push(message);
    else this.#frame.contentWindow.postMessage({ temporalLens: VERSION, ...message }, HOST.origin);
  }

  #hear({ source, origin, data }) {
    if (!this.#frame || source !== this.#frame.contentWindow || origin !== HOST.origin || data?.temporalLens !== VERSION) return;
    if (data.type === "ready") {
      this.#isReady = true;
      this.#send({ type: "hello" });
      for (const message of this.#waiting.splice(0)) this.#send(message);
    }
    this.dispatchEvent(new CustomEvent(data.type, { detail: data }));
  }
}

customElements.define("temporal-lens", TemporalLens);
