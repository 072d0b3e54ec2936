// Who translates: a server, or the browser itself. Both engines have the same interface.

/**
 * @returns an object with
 *   `name`,
 *   `describe()`: what the model takes, as `GET /model` says it,
 *   `translate({model, grid, guide, seed})`: {bitmap, blob: async () => PNG file, milliseconds}.
 */
export async function chosenEngine(say) {
  const kind = document.querySelector('meta[name="asap-engine"]').content;
  if (kind === "browser") {
    const { BrowserEngine } = await import("../engines/browser.js");
    return new BrowserEngine(say);
  }
  const { ServerEngine } = await import("../engines/server.js");
  return new ServerEngine();
}
