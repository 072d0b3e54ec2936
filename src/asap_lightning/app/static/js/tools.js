// What the pointer and the keys do on the canvas.
import { fill, rectangle, stroke } from "./raster.js";

export const TOOLS = [
  ["brush", "Brush", "b"], ["eraser", "Eraser", "e"], ["fill", "Fill", "f"], ["line", "Line", "l"],
  ["rectangle", "Rectangle", "r"], ["pick", "Pick a class", "i"], ["hand", "Move", "h"],
];

/** Turns pointer events on the canvas into changes of the grid. */
export class Tools {
  /**
   * @param painter has grid, history, view, tool, size, value, ground; and the functions
   *   changed(box), finished(), pick(value)
   */
  constructor(painter, canvas) {
    this.painter = painter;
    this.canvas = canvas;
    this.pointers = new Map();
    this.from = null;
    this.last = null;
    const on = (name, handler) => canvas.addEventListener(name, handler);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.moved(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.up(event, true));
    on("pointerleave", () => this.cursor(null));
    on("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    on("keydown", (event) => this.key(event));
    on("blur", () => { this.keyPoint = null; this.cursor(null); });
  }

  cursor(point) {
    const { view, size, tool } = this.painter;
    const ring = point && ["brush", "eraser", "line"].includes(tool);
    view.cursor = ring ? { ...point, size } : point && this.keyPoint ? { ...point, size: 1 } : null;
    view.draw();
  }

  down(event) {
    if (event.pointerType === "mouse" && event.button > 1) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 2) return this.#abandon(); // two fingers move and zoom
    if (this.pointers.size > 2) return;
    if (event.button === 1 || this.painter.tool === "hand") { this.moving = true; return; }
    const point = this.painter.view.point(event);
    this.#begin(point);
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
  }

  #begin(point) {
    const { painter } = this;
    if (painter.tool === "pick") {
      const value = painter.grid.at(Math.floor(point.x), Math.floor(point.y));
      if (value !== undefined) painter.pick(value);
      return;
    }
    painter.history.begin(painter.grid);
    this.from = this.last = point;
    if (painter.tool === "fill") {
      this.#touch(fill(painter.grid, point, painter.value));
      return this.#end();
    }
    this.#extend(point);
  }

  #extend(point) {
    const { painter } = this, { grid, tool, size } = painter;
    const value = tool === "eraser" ? painter.ground : painter.value;
    if (tool === "line" || tool === "rectangle") {
      const undone = painter.history.revert(grid);
      if (undone) painter.changed(undone);
      this.#touch(tool === "line" ? stroke(grid, this.from, point, size, value) : rectangle(grid, this.from, point, value));
    } else {
      this.#touch(stroke(grid, this.last, point, size, value));
    }
    this.last = point;
  }

  #touch(box) {
    if (!box) return;
    this.painter.history.touch(box);
    this.painter.changed(box);
  }

  #end() {
    this.from = this.last = null;
    if (this.painter.history.commit(this.painter.grid)) this.painter.finished();
  }

  #abandon() {
    if (!this.from) return;
    const undone = this.painter.history.revert(this.painter.grid);
    if (undone) this.painter.changed(undone);
    this.from = this.last = null;
    this.painter.history.commit(this.painter.grid);
  }

  moved(event) {
    const before = this.pointers.get(event.pointerId);
    const { view } = this.painter;
    if (before) this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 2 && before) return this.#pinch(event.pointerId, before);
    if (this.moving && before) return view.move(event.clientX - before.x, event.clientY - before.y);
    if (event.pointerType !== "touch") this.cursor(view.point(event));
    if (!this.from) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const one of passed.length ? passed : [event]) this.#extend(view.point(one));
  }

  #pinch(moved, before) {
    const [a, b] = [...this.pointers.values()];
    const other = [...this.pointers].find(([id]) => id !== moved)[1], now = this.pointers.get(moved);
    const old = Math.hypot(before.x - other.x, before.y - other.y), span = Math.hypot(a.x - b.x, a.y - b.y);
    const frame = this.canvas.getBoundingClientRect(), { view } = this.painter;
    view.move((now.x - before.x) / 2, (now.y - before.y) / 2);
    if (old > 0) view.zoom(span / old, { x: (a.x + b.x) / 2 - frame.left, y: (a.y + b.y) / 2 - frame.top });
  }

  up(event, cancelled = false) {
    if (!this.pointers.delete(event.pointerId)) return;
    this.moving = false;
    if (!this.from) return;
    if (cancelled) this.#abandon();
    else this.#end();
  }

  wheel(event) {
    event.preventDefault();
    const { view } = this.painter, frame = this.canvas.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      view.zoom(Math.exp(-event.deltaY / 200), { x: event.clientX - frame.left, y: event.clientY - frame.top });
    } else view.move(-event.deltaX, -event.deltaY);
  }

  /** Arrow keys move a brush of their own, space (held or pressed) and enter paint with it. */
  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const paints = event.key === " " || event.key === "Enter";
    if ((!step && !paints) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const { painter } = this, { grid } = painter;
    const old = this.keyPoint ?? { x: Math.floor(grid.width / 2) + 0.5, y: Math.floor(grid.height / 2) + 0.5 };
    const reach = event.shiftKey ? 1 : Math.max(1, Math.round(painter.size / 2));
    const [dx, dy] = step ?? [0, 0];
    this.keyPoint = {
      x: Math.min(grid.width - 0.5, Math.max(0.5, old.x + dx * reach)),
      y: Math.min(grid.height - 0.5, Math.max(0.5, old.y + dy * reach)),
    };
    if (paints && ["line", "rectangle"].includes(painter.tool)) this.#corner(this.keyPoint);
    else if (paints && painter.tool !== "hand") {
      this.#begin(this.keyPoint);
      if (this.from) this.#end();
    } else if (this.from) this.#extend(this.keyPoint);
    this.cursor(this.keyPoint);
  }

  #corner(point) {
    if (!this.from) return this.#begin(point);
    this.#extend(point);
    this.#end();
  }
}
