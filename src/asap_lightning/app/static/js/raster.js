// Shapes on a grid of values, without smooth edges: a pixel is painted or it is not.
// Every function returns the rectangle {x0, y0, x1, y1} (the last two exclusive) that it may have changed, or null.

/** A width x height grid of class ids or packed colours. */
export class Grid {
  constructor(width, height, Values = Uint8Array, fill = 0) {
    this.width = width;
    this.height = height;
    this.values = new Values(width * height);
    if (fill) this.values.fill(fill);
  }

  /** The value at a pixel; undefined outside. */
  at(x, y) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height ? this.values[y * this.width + x] : undefined;
  }

  /** A copy of a rectangle's values, row after row. */
  copy({ x0, y0, x1, y1 }) {
    const part = new this.values.constructor((x1 - x0) * (y1 - y0));
    for (let y = y0; y < y1; y++) {
      part.set(this.values.subarray(y * this.width + x0, y * this.width + x1), (y - y0) * (x1 - x0));
    }
    return part;
  }

  /** Puts back what `copy` gave. */
  paste({ x0, y0, x1, y1 }, part) {
    for (let y = y0; y < y1; y++) {
      const row = (y - y0) * (x1 - x0);
      this.values.set(part.subarray(row, row + x1 - x0), y * this.width + x0);
    }
  }

  /** The whole grid as a rectangle. */
  get all() {
    return { x0: 0, y0: 0, x1: this.width, y1: this.height };
  }
}

function clip(grid, x0, y0, x1, y1) {
  const box = {
    x0: Math.max(0, x0), y0: Math.max(0, y0), x1: Math.min(grid.width, x1), y1: Math.min(grid.height, y1),
  };
  return box.x0 < box.x1 && box.y0 < box.y1 ? box : null;
}

/** The smallest rectangle around two, either of which may be null. */
export function around(a, b) {
  if (!a || !b) return a || b;
  return {
    x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0), x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1),
  };
}

/**
 * A stroke of a round brush from one point to another: all pixels whose centres are within size / 2 of the line
 * between the points. Points are continuous, (0.5, 0.5) being the first pixel's centre. A brush of size 1
 * paints a connected line of single pixels.
 */
export function stroke(grid, from, to, size, value) {
  if (size <= 1) return thin(grid, from, to, value);
  const radius = size / 2;
  const box = clip(
    grid,
    Math.floor(Math.min(from.x, to.x) - radius), Math.floor(Math.min(from.y, to.y) - radius),
    Math.ceil(Math.max(from.x, to.x) + radius) + 1, Math.ceil(Math.max(from.y, to.y) + radius) + 1,
  );
  if (!box) return null;
  const dx = to.x - from.x, dy = to.y - from.y, length = dx * dx + dy * dy, reach = radius * radius;
  for (let y = box.y0; y < box.y1; y++) {
    for (let x = box.x0; x < box.x1; x++) {
      const px = x + 0.5 - from.x, py = y + 0.5 - from.y;
      const t = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const ex = px - t * dx, ey = py - t * dy;
      if (ex * ex + ey * ey <= reach) grid.values[y * grid.width + x] = value;
    }
  }
  return box;
}

function thin(grid, from, to, value) {
  let x = Math.floor(from.x), y = Math.floor(from.y);
  const endX = Math.floor(to.x), endY = Math.floor(to.y);
  const dx = Math.abs(endX - x), dy = -Math.abs(endY - y);
  const stepX = x < endX ? 1 : -1, stepY = y < endY ? 1 : -1;
  const box = clip(grid, Math.min(x, endX), Math.min(y, endY), Math.max(x, endX) + 1, Math.max(y, endY) + 1);
  let error = dx + dy; // Bresenham
  for (;;) {
    if (grid.at(x, y) !== undefined) grid.values[y * grid.width + x] = value;
    if (x === endX && y === endY) return box;
    const doubled = 2 * error;
    if (doubled >= dy) { error += dy; x += stepX; }
    if (doubled <= dx) { error += dx; y += stepY; }
  }
}

/** A filled rectangle between two points, both pixels included. */
export function rectangle(grid, a, b, value) {
  const box = clip(
    grid,
    Math.floor(Math.min(a.x, b.x)), Math.floor(Math.min(a.y, b.y)),
    Math.floor(Math.max(a.x, b.x)) + 1, Math.floor(Math.max(a.y, b.y)) + 1,
  );
  if (!box) return null;
  for (let y = box.y0; y < box.y1; y++) grid.values.fill(value, y * grid.width + box.x0, y * grid.width + box.x1);
  return box;
}

/** Fills the region of equal values, joined by edges, that holds a point. */
export function fill(grid, point, value) {
  const { width, height, values } = grid;
  const startX = Math.floor(point.x), startY = Math.floor(point.y);
  const old = grid.at(startX, startY);
  if (old === undefined || old === value) return null;
  const box = { x0: startX, y0: startY, x1: startX + 1, y1: startY + 1 };
  const stack = [startY * width + startX];
  while (stack.length) {
    const found = stack.pop();
    if (values[found] !== old) continue;
    const y = Math.floor(found / width), row = y * width;
    let left = found, right = found + 1;
    while (left > row && values[left - 1] === old) left--;
    while (right < row + width && values[right] === old) right++;
    values.fill(value, left, right);
    box.x0 = Math.min(box.x0, left - row); box.x1 = Math.max(box.x1, right - row);
    box.y0 = Math.min(box.y0, y); box.y1 = Math.max(box.y1, y + 1);
    for (const other of [row - width, row + width]) {
      if (other < 0 || other >= width * height) continue;
      let inside = false;
      for (let x = left - row; x < right - row; x++) {
        const same = values[other + x] === old;
        if (same && !inside) stack.push(other + x);
        inside = same;
      }
    }
  }
  return box;
}
