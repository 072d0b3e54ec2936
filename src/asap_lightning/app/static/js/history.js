// Undo and redo: what a change has replaced, as rectangles, within a bounded memory.
import { around } from "./raster.js";

const MOST_BYTES = 64e6;

/** Changes of one grid at a time; a new canvas is a change too. */
export class History {
  constructor(mostBytes = MOST_BYTES) {
    this.mostBytes = mostBytes;
    this.done = [];
    this.undone = [];
    this.before = null;
    this.box = null;
  }

  get canUndo() { return this.done.length > 0; }
  get canRedo() { return this.undone.length > 0; }

  /** A change begins: the grid as it is now is kept until `commit` or `revert`. */
  begin(grid) {
    this.before = grid.values.slice();
    this.box = null;
  }

  /** The change has reached these pixels as well. */
  touch(box) { this.box = around(this.box, box); }

  /** Takes back what the change has done so far, and returns where; the change goes on. */
  revert(grid) {
    const box = this.box;
    if (box) grid.paste(box, this.#old(grid, box));
    this.box = null;
    return box;
  }

  /** The change is complete; whether it has changed anything. */
  commit(grid) {
    const box = this.box;
    const before = box && this.#old(grid, box);
    this.before = this.box = null;
    if (!box) return false;
    const after = grid.copy(box);
    if (after.every((value, index) => value === before[index])) return false;
    this.#push({ box, before, after });
    return true;
  }

  /** Another grid takes the place of one. */
  replace(old, grid) { this.#push({ old, grid }); }

  /** Takes back the last change: returns the grid that is shown then and where it has changed. */
  undo(grid) {
    const change = this.done.pop();
    if (!change) return null;
    this.undone.push(change);
    if (change.grid) return { grid: change.old, box: change.old.all };
    grid.paste(change.box, change.before);
    return { grid, box: change.box };
  }

  /** Does again what `undo` has taken back. */
  redo(grid) {
    const change = this.undone.pop();
    if (!change) return null;
    this.done.push(change);
    if (change.grid) return { grid: change.grid, box: change.grid.all };
    grid.paste(change.box, change.after);
    return { grid, box: change.box };
  }

  #old(grid, { x0, y0, x1, y1 }) {
    const part = new grid.values.constructor((x1 - x0) * (y1 - y0));
    for (let y = y0; y < y1; y++) {
      part.set(this.before.subarray(y * grid.width + x0, y * grid.width + x1), (y - y0) * (x1 - x0));
    }
    return part;
  }

  #push(change) {
    this.undone.length = 0;
    this.done.push(change);
    let bytes = 0;
    for (let index = this.done.length - 1; index >= 0; index--) {
      const one = this.done[index];
      bytes += one.grid ? one.old.values.byteLength : one.before.byteLength + one.after.byteLength;
      if (bytes > this.mostBytes && index < this.done.length - 1) {
        this.done.splice(0, index + 1);
        return;
      }
    }
  }
}
