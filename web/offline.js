// Registers the service worker of a built page, and says when a newer version waits: the event
// "temporal-lens-update" on the window, and data-update="ready" on the root element for who listens
// later. The event "temporal-lens-take-update" takes it and loads the page again.

const version = document.querySelector("meta[name=temporal-lens-shell]")?.content;
const isEmbedded = new URLSearchParams(location.search).get("embed") === "true";

if (version && !isEmbedded && "serviceWorker" in navigator) {
  const offer = (registration) => {
    // Without a controller this is the first visit: nothing is replaced.
    if (!registration.waiting || !navigator.serviceWorker.controller) return;
    document.documentElement.dataset.update = "ready";
    window.dispatchEvent(new Event("temporal-lens-update"));
  };
  try {
    const registration = await navigator.serviceWorker.register(new URL("service-worker.js", document.baseURI));
    offer(registration);
    registration.addEventListener("updatefound", () => {
      registration.installing?.addEventListener("statechange", () => offer(registration));
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") registration.update().catch(() => {});
    });
    window.addEventListener("temporal-lens-take-update", () => {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
      registration.waiting?.postMessage("take over");
    });
  } catch (error) {
    // Private windows and some settings refuse it: the page works, only not without a network.
    console.info(`No service worker: ${error?.message ?? error}`);
  }
}
