// The state of the painter: the grid, its history and view, the tool in hand.
import { History } from "./history.js";
import { Grid } from "./raster.js";
import { View } from "./view.js";

/** Holds what is painted; tells `listeners.changed(box)`, `.finished()`, `.replaced()` and `.state()`. */
export class Painter {
  constructor(model, canvas, picture, listeners) {
    this.model = model;
    this.listeners = listeners;
    this.view = new View(canvas, [picture]);
    this.history = new History();
    this.tool = "brush";
    this.size = 24;
    this.value = model.ground;
    this.ground = model.ground;
    this.grid = null;
  }

  /** A new grid, as a change that can be undone. */
  use(grid) {
    if (this.grid) this.history.replace(this.grid, grid);
    this.#show(grid, grid.all);
    this.listeners.finished();
  }

  /** An empty grid. */
  clear(width, height, ground = this.model.ground) {
    this.ground = ground;
    this.use(new Grid(width, height, this.model.Values, ground));
  }

  changed(box) {
    const image = new ImageData(box.x1 - box.x0, box.y1 - box.y0);
    this.model.show(this.grid, box, image);
    this.view.context.putImageData(image, box.x0, box.y0);
    this.view.draw();
    this.listeners.changed();
  }

  finished() { this.listeners.finished(); }

  pick(value) {
    this.value = value;
    this.listeners.state();
  }

  undo() { this.#again(this.history.undo(this.grid)); }
  redo() { this.#again(this.history.redo(this.grid)); }

  #again(change) {
    if (!change) return;
    this.#show(change.grid, change.box);
    this.listeners.finished();
  }

  #show(grid, box) {
    const old = this.grid;
    this.grid = grid;
    if (grid !== old) {
      if (old?.width !== grid.width || old?.height !== grid.height) this.view.reset(grid.width, grid.height);
      box = grid.all;
      this.listeners.replaced();
    }
    this.changed(box);
  }
}
