// Live translation: one request at a time, and after it the newest state of the canvas.

/** Calls `translate()` for the newest change whenever the one before is done. */
export class Live {
  /**
   * @param translate an async function that returns what `shown` takes
   * @param shown gets the result and the milliseconds from the change to the picture on the screen
   * @param failed gets an Error; `error.again` (seconds) asks for another attempt
   * @param busy gets whether a picture is on its way
   */
  constructor({ translate, shown, failed, busy }) {
    Object.assign(this, { translate, shown, failed, busy });
    this.changed = null;
    this.running = false;
  }

  /** The canvas has changed, at this moment. */
  ask(now = performance.now()) {
    this.changed = now;
    if (!this.running) this.#run();
  }

  async #run() {
    this.running = true;
    this.busy(true);
    while (this.changed !== null) {
      const changed = this.changed;
      this.changed = null;
      try {
        const result = await this.translate();
        await this.shown(result, () => performance.now() - changed);
      } catch (error) {
        this.failed(error);
        if (error.again && this.changed === null) {
          await new Promise((done) => setTimeout(done, 1000 * error.again));
          this.changed ??= changed;
        }
      }
    }
    this.running = false;
    this.busy(false);
  }
}
