// The window onto the grid: where it is, how large, and what is drawn over it.

const SMALLEST = 1 / 16, LARGEST = 64;

/** Shows a layer (a canvas of the grid's size) and, in the split view, the picture beside it. */
export class View {
  constructor(canvas, others = []) {
    this.canvas = canvas;
    this.others = others; // canvases that show a picture of the same size at the same place
    this.layer = new OffscreenCanvas(1, 1);
    this.context = this.layer.getContext("2d");
    this.scale = 1;
    this.x = this.y = 0; // of the layer's corner, in pixels of the screen
    this.picture = null;
    this.split = null; // share of the window that shows the layer, or null
    this.cursor = null;
    this.onchange = () => {};
    new ResizeObserver(() => this.resized()).observe(canvas.parentElement);
  }

  get ratio() { return Math.min(window.devicePixelRatio || 1, 3); }
  get box() { return { width: this.canvas.clientWidth, height: this.canvas.clientHeight }; }

  resized() {
    const fitted = this.fitted;
    for (const canvas of [this.canvas, ...this.others]) {
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * this.ratio));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * this.ratio));
    }
    if (fitted !== false) this.fit();
    else this.draw();
  }

  /** Another size of the grid. */
  reset(width, height) {
    this.layer.width = width;
    this.layer.height = height;
    this.picture = null;
    this.fit();
  }

  /** All of the grid, in the middle. */
  fit() {
    const { width, height } = this.box;
    this.scale = Math.min(width / this.layer.width, height / this.layer.height) || 1;
    this.x = (width - this.layer.width * this.scale) / 2;
    this.y = (height - this.layer.height * this.scale) / 2;
    this.fitted = true;
    this.draw();
    this.onchange();
  }

  zoom(factor, at = { x: this.box.width / 2, y: this.box.height / 2 }) {
    const scale = Math.min(LARGEST, Math.max(SMALLEST, this.scale * factor));
    this.x = at.x - ((at.x - this.x) * scale) / this.scale;
    this.y = at.y - ((at.y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.draw();
    this.onchange();
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.draw();
  }

  /** The point of the grid under a point of the window. */
  point(event) {
    const frame = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - frame.left - this.x) / this.scale, y: (event.clientY - frame.top - this.y) / this.scale };
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.drawNow();
    });
  }

  drawNow() {
    this.#place(this.canvas, this.layer, this.split);
    if (this.split !== null && this.picture) this.#part(this.canvas, this.picture, this.split);
    if (this.cursor) this.#ring();
    for (const canvas of this.others) this.#place(canvas, this.picture, null);
  }

  #begin(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    return context;
  }

  #image(context, source) {
    context.imageSmoothingEnabled = this.scale < 1;
    context.drawImage(source, this.x, this.y, this.layer.width * this.scale, this.layer.height * this.scale);
  }

  #place(canvas, source) {
    const context = this.#begin(canvas);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    if (source) this.#image(context, source);
  }

  #part(canvas, source, share) {
    const context = this.#begin(canvas), { width, height } = this.box;
    context.save();
    context.beginPath();
    context.rect(width * share, 0, width, height);
    context.clip();
    this.#image(context, source);
    context.restore();
  }

  #ring() {
    const context = this.#begin(this.canvas), { x, y, size } = this.cursor;
    const radius = Math.max(2, (size / 2) * this.scale);
    for (const [style, width] of [["rgb(0 0 0 / .75)", 3], ["#fff", 1.5]]) {
      context.beginPath();
      context.arc(this.x + x * this.scale, this.y + y * this.scale, radius, 0, 2 * Math.PI);
      context.strokeStyle = style;
      context.lineWidth = width;
      context.stroke();
    }
  }
}
