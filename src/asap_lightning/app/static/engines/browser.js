// The browser translates: ONNX Runtime in a worker, on WebGPU or WebAssembly.

/** The engine of a page without a server; the interface is that of `ServerEngine`. */
export class BrowserEngine {
  constructor(say = () => {}) {
    this.name = "browser";
    this.say = say;
    this.calls = new Map();
    this.count = 0;
  }

  async describe() {
    await isolated();
    const answer = await fetch(new URL("model.json", document.baseURI));
    if (!answer.ok) throw new Error(`model.json is missing beside the page (${answer.status}).`);
    const about = (this.about = await answer.json());
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.#answered(data));
    this.worker.addEventListener("error", (event) => this.#broken(event.message || "the worker could not be loaded"));
    this.told = "loading the model…";
    this.say("Loading the model; the first time takes a while.");
    this.ready = this.#call({ load: about.onnx, base: document.baseURI }).then(({ told }) => {
      this.told = told;
      this.say("");
    });
    this.ready.catch(() => {}); // told by the first translation
    return about;
  }

  async translate({ grid, seed }) {
    await this.ready;
    const { width, height } = grid, { sizes } = this.about.onnx;
    if (!sizes.any && (sizes.width !== width || sizes.height !== height)) {
      throw new Error(`This model translates ${sizes.width} × ${sizes.height} pixels only.`);
    }
    const { pixels, milliseconds, told } = await this.#call({ width, height, values: grid.values.slice(), seed });
    if (told) this.told = told;
    const image = new ImageData(pixels, width, height);
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").putImageData(image, 0, 0);
    const bitmap = canvas.transferToImageBitmap();
    return { bitmap, blob: () => encoded(image), milliseconds };
  }

  #call(message) {
    const id = ++this.count;
    return new Promise((done, failed) => {
      this.calls.set(id, { done, failed });
      this.worker.postMessage({ id, ...message }, message.values ? [message.values.buffer] : []);
    });
  }

  #answered({ id, error, ...result }) {
    const call = this.calls.get(id);
    this.calls.delete(id);
    if (error) call.failed(new Error(error));
    else call.done(result);
  }

  #broken(message) {
    for (const { failed } of this.calls.values()) failed(new Error(message));
    this.calls.clear();
  }
}

async function encoded(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/**
 * Threads need a page that is isolated from others by two headers, which most static hosts do not send: the
 * service worker adds them, from the second load on. So the page is loaded once more, before anything is drawn.
 */
async function isolated() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register(new URL("sw.js", document.baseURI));
    await navigator.serviceWorker.ready;
    if (!crossOriginIsolated && !sessionStorage.getItem("asap-isolated")) {
      sessionStorage.setItem("asap-isolated", "tried");
      location.reload();
      await new Promise(() => {});
    }
  } catch { /* without a service worker: one thread, and not offline */ }
}
