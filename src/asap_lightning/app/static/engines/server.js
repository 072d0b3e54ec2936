// The server translates: POST /translate.

const again = new Set([429, 503]);

/** An engine: `describe()`, `translate({layout, guide, seed})` -> {bitmap, blob, milliseconds}, `name`. */
export class ServerEngine {
  constructor(base = document.baseURI) {
    this.base = base;
    this.painter = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.name = "server";
  }

  async describe() {
    const answer = await fetch(new URL("model", this.base));
    if (!answer.ok) throw new Error(`The server does not say what its model is (${answer.status}).`);
    return answer.json();
  }

  async translate({ model, grid, guide, seed }) {
    const layout = await model.encode(grid);
    const form = new FormData();
    form.set("image", layout, "layout.png");
    form.set("seed", seed);
    if (guide) form.set("guide", guide, "guide");
    if (model.instance) form.set("instance", layout, "instance.png"); // the borders of classes
    const answer = await fetch(new URL("translate", this.base), {
      method: "POST", body: form, headers: { "Painter-Id": this.painter },
    }).catch(() => {
      throw Object.assign(new Error("No connection to the server; trying again."), { again: 2 });
    });
    if (!answer.ok) {
      const error = new Error(await reason(answer));
      if (again.has(answer.status)) error.again = Number(answer.headers.get("Retry-After")) || 1;
      throw error;
    }
    const blob = await answer.blob();
    const timing = /translate;dur=([\d.]+)/.exec(answer.headers.get("Server-Timing") ?? "");
    return { bitmap: await createImageBitmap(blob), blob: async () => blob, milliseconds: timing && Number(timing[1]) };
  }
}

async function reason(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).detail;
  } catch {
    return text || `The server answers ${answer.status}.`;
  }
}
