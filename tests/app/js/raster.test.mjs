import assert from "node:assert/strict";
import { test } from "node:test";
import { Grid, around, fill, rectangle, stroke } from "../../../src/asap_lightning/app/static/js/raster.js";
import { History } from "../../../src/asap_lightning/app/static/js/history.js";

const shown = (grid) => Array.from({ length: grid.height }, (_, y) => [...grid.values.subarray(y * grid.width, (y + 1) * grid.width)].join(""));

test("a stroke paints what is within its radius, and nothing in between values", () => {
  const grid = new Grid(9, 7);
  const box = stroke(grid, { x: 2.5, y: 3.5 }, { x: 6.5, y: 3.5 }, 3, 5);
  assert.deepEqual(shown(grid), ["000000000", "000000000", "055555550", "055555550", "055555550", "000000000", "000000000"]);
  const dot = new Grid(5, 5);
  stroke(dot, { x: 2.5, y: 2.5 }, { x: 2.5, y: 2.5 }, 4, 5);
  assert.deepEqual(shown(dot), ["00500", "05550", "55555", "05550", "00500"]);
  assert.ok(box.x0 <= 1 && box.x1 >= 8 && box.y0 <= 2 && box.y1 >= 5);
  assert.deepEqual(new Set(grid.values), new Set([0, 5]));
});

test("many strokes of every size make no other values, and stay inside their boxes", () => {
  const grid = new Grid(64, 48, Uint8Array, 7);
  let state = 1;
  const random = (limit) => (state = (state * 48271) % 2147483647) % limit;
  for (let i = 0; i < 200; i++) {
    const before = grid.values.slice(), at = () => ({ x: random(80) - 8, y: random(64) - 8 });
    const box = stroke(grid, at(), at(), 1 + random(20), random(13));
    for (let p = 0; p < before.length; p++) {
      if (before[p] === grid.values[p]) continue;
      const x = p % 64, y = Math.floor(p / 64);
      assert.ok(box && x >= box.x0 && x < box.x1 && y >= box.y0 && y < box.y1);
    }
  }
  assert.ok(Math.max(...grid.values) <= 12);
});

test("a brush of one pixel draws a connected line", () => {
  const grid = new Grid(6, 4);
  stroke(grid, { x: 0.2, y: 0.2 }, { x: 5.8, y: 3.8 }, 1, 1);
  assert.deepEqual(shown(grid).map((row) => row.includes("1")), [true, true, true, true]);
  assert.equal(grid.at(0, 0), 1);
  assert.equal(grid.at(5, 3), 1);
});

test("what lies outside changes nothing", () => {
  const grid = new Grid(4, 4);
  assert.equal(stroke(grid, { x: -50, y: -50 }, { x: -40, y: -40 }, 5, 1), null);
  assert.equal(stroke(grid, { x: -50, y: -50 }, { x: -40, y: -40 }, 1, 1), null);
  assert.equal(rectangle(grid, { x: 9, y: 9 }, { x: 12, y: 12 }, 1), null);
  assert.equal(fill(grid, { x: -1, y: 0 }, 1), null);
  assert.deepEqual(new Set(grid.values), new Set([0]));
});

test("rectangles include both corners, in any order", () => {
  const grid = new Grid(5, 4);
  assert.deepEqual(rectangle(grid, { x: 3.9, y: 2.9 }, { x: 1.1, y: 1.1 }, 2), { x0: 1, y0: 1, x1: 4, y1: 3 });
  assert.deepEqual(shown(grid), ["00000", "02220", "02220", "00000"]);
});

test("a fill takes the region that is joined by edges", () => {
  const grid = new Grid(5, 5);
  rectangle(grid, { x: 2, y: 0 }, { x: 2, y: 3 }, 1);
  grid.values[4 * 5 + 3] = 1;
  assert.deepEqual(fill(grid, { x: 0.5, y: 0.5 }, 3), { x0: 0, y0: 0, x1: 3, y1: 5 });
  assert.deepEqual(shown(grid), ["33100", "33100", "33100", "33100", "33310"]);
  assert.equal(fill(grid, { x: 0, y: 0 }, 3), null);
});

test("a large fill needs no stack of calls", () => {
  const grid = new Grid(2048, 2048);
  for (let y = 1; y < 2048; y += 2) grid.values.fill(1, y * 2048 + (y % 4 === 1 ? 1 : 0), (y + 1) * 2048 - (y % 4 === 1 ? 0 : 1));
  fill(grid, { x: 0, y: 0 }, 9);
  assert.ok(!grid.values.includes(0));
});

test("history goes back and forth over strokes and canvases", () => {
  const history = new History(), first = new Grid(4, 4), second = new Grid(2, 2, Uint8Array, 1);
  history.begin(first);
  history.touch(rectangle(first, { x: 0, y: 0 }, { x: 1, y: 1 }, 5));
  history.touch(rectangle(first, { x: 1, y: 1 }, { x: 3, y: 3 }, 6));
  assert.equal(history.commit(first), true);
  history.replace(first, second);
  let change = history.undo(second);
  assert.equal(change.grid, first);
  change = history.undo(first);
  assert.deepEqual(new Set(first.values), new Set([0]));
  assert.equal(history.undo(first), null);
  history.redo(first);
  assert.deepEqual(shown(first), ["5500", "5666", "0666", "0666"]);
  assert.equal(history.redo(first).grid, second);
  assert.ok(!history.canRedo);
});

test("what changes nothing is no change; a reverted one can go on", () => {
  const history = new History(), grid = new Grid(4, 4);
  history.begin(grid);
  history.touch(rectangle(grid, { x: 0, y: 0 }, { x: 3, y: 3 }, 0));
  assert.equal(history.commit(grid), false);
  history.begin(grid);
  history.touch(rectangle(grid, { x: 0, y: 0 }, { x: 3, y: 3 }, 2));
  assert.deepEqual(history.revert(grid), grid.all);
  assert.deepEqual(new Set(grid.values), new Set([0]));
  history.touch(rectangle(grid, { x: 0, y: 0 }, { x: 0, y: 0 }, 2));
  assert.equal(history.commit(grid), true);
  history.undo(grid);
  assert.deepEqual(new Set(grid.values), new Set([0]));
});

test("history forgets the oldest changes beyond its memory, and never the newest", () => {
  const history = new History(40), grid = new Grid(4, 4);
  for (let value = 1; value <= 5; value++) {
    history.begin(grid);
    history.touch(rectangle(grid, { x: 0, y: 0 }, { x: 3, y: 3 }, value));
    history.commit(grid);
  }
  assert.equal(history.done.length, 1);
  history.undo(grid);
  assert.equal(grid.at(0, 0), 4);
});

test("boxes are joined", () => {
  assert.deepEqual(around({ x0: 1, y0: 2, x1: 3, y1: 4 }, { x0: 0, y0: 3, x1: 2, y1: 9 }), { x0: 0, y0: 2, x1: 3, y1: 9 });
  assert.equal(around(null, null), null);
});
