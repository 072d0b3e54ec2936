import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Live } from "../../../src/asap_lightning/app/static/js/live.js";
import { Model } from "../../../src/asap_lightning/app/static/js/model.js";
import { decode, encodeColours, encodeGrey16, encodeIndexed, sizeOf } from "../../../src/asap_lightning/app/static/js/png.js";
import { Grid } from "../../../src/asap_lightning/app/static/js/raster.js";

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());
const CLASSES = [["none", "#000000"], ["wall", "#0000aa"], ["window", "#0055ff"], ["door", "#aa0000"]];
const model = (more = {}) => new Model({
  kind: "label", unknown: null, classes: CLASSES.map(([name, colour], id) => ({ id, name, colour })),
  size: { most_pixels: 1e6, multiple: 4, training: { width: 8, height: 8 } }, ...more,
});

test("files hold what was written into them", async () => {
  const ids = Uint8Array.from({ length: 35 }, (_, i) => i % 4);
  const indexed = await bytesOf(await encodeIndexed(7, 5, ids, [[0, 0, 0], [1, 2, 3], [4, 5, 6], [255, 0, 9]]));
  assert.deepEqual(sizeOf(indexed), { width: 7, height: 5 });
  const read = await decode(indexed);
  assert.deepEqual([read.width, read.height, read.channels, [...read.palette.slice(3, 6)]], [7, 5, 1, [1, 2, 3]]);
  assert.deepEqual(read.samples, ids);
  const grey = Uint16Array.of(0, 255, 256, 65535);
  assert.deepEqual((await decode(await bytesOf(await encodeGrey16(2, 2, grey)))).samples, grey);
  const colours = await decode(await bytesOf(await encodeColours(2, 1, Uint32Array.of(0x102030, 0xfffefd))));
  assert.deepEqual([...colours.samples], [0x10, 0x20, 0x30, 0xff, 0xfe, 0xfd]);
});

test("files of other programs are read: every depth and filter that was written for this test", async () => {
  for (const { file, values, channels } of JSON.parse(readFileSync(process.env.ASAP_PNG_FILES, "utf-8"))) {
    const read = await decode(new Uint8Array(readFileSync(file)));
    assert.equal(read.channels, channels, file);
    assert.deepEqual([...read.samples], values, file);
  }
});

test("what is no PNG file, or cut off", async () => {
  assert.equal(await decode(new Uint8Array([1, 2, 3])), null);
  const whole = await bytesOf(await encodeIndexed(64, 64, new Uint8Array(4096).map((_, i) => (i * 7919) % 251), [[0, 0, 0]]));
  await assert.rejects(decode(whole.subarray(0, whole.length - 60)));
});

test("label maps are read as the server reads them", () => {
  const m = model(), size = { width: 2, height: 2, depth: 8 };
  const flat = CLASSES.flatMap(([, colour]) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
  const ids = [0, 1, 2, 3];
  assert.deepEqual([...m.labels({ ...size, channels: 1, samples: ids })], ids);
  assert.deepEqual([...m.labels({ ...size, channels: 3, samples: flat })], ids);
  assert.deepEqual([...m.labels({ ...size, channels: 3, samples: ids.flatMap((id) => [id, id, id]) })], ids);
  assert.deepEqual([...m.labels({ ...size, channels: 1, palette: flat, samples: ids })], ids);
  const sorted = [...flat.slice(9), ...flat.slice(0, 9)]; // the colours in another order
  assert.deepEqual([...m.labels({ ...size, channels: 1, palette: sorted, samples: ids })], [3, 0, 1, 2]);
  assert.deepEqual([...m.labels({ ...size, channels: 1, palette: flat.map((level) => level ^ 1), samples: ids })], ids);
});

test("what is wrong with a label map is told with its pixels", () => {
  const m = model(), size = { width: 2, height: 1, depth: 8 };
  assert.throws(() => m.labels({ ...size, channels: 1, samples: [9, 9] }), /ids outside 0 to 3 \(9: 2 pixels\)/);
  assert.throws(() => m.labels({ ...size, channels: 3, samples: [1, 2, 3, 0, 0, 0] }), /colours of no class \(#010203: 1 pixel\)/);
  assert.deepEqual([...model({ unknown: 3 }).labels({ ...size, channels: 1, samples: [255, 1] })], [3, 1]);
});

test("the eraser and a new canvas take the ground of the classes", () => {
  assert.equal(model().ground, 0);
  assert.equal(model({ unknown: 3 }).ground, 3);
  const named = model({ classes: [{ id: 0, name: "none", colour: "#000000" }, { id: 1, name: "background", colour: "#000001" }] });
  assert.equal(named.ground, 1);
});

test("drawings and depths are encoded as the interface takes them", async () => {
  const drawing = model({ kind: "image", classes: [] }), grid = new Grid(2, 1, drawing.Values);
  grid.values.set([0xff0000, 0x00ff01]);
  assert.deepEqual([...(await decode(await bytesOf(await drawing.encode(grid)))).samples], [255, 0, 0, 0, 255, 1]);
  const depth = model({ kind: "depth", classes: [], depth: { unit: 0.001, nearest: 0, farthest: 10 } });
  const levels = new Grid(2, 1, depth.Values);
  levels.values.set([0x000000, 0xffffff]);
  assert.deepEqual([...(await decode(await bytesOf(await depth.encode(levels)))).samples], [0, 10000]);
});

test("while one translation runs, only the newest change waits", async () => {
  const begun = [], shown = [], release = [];
  let state = 0;
  const live = new Live({
    translate: () => { begun.push(state); return new Promise((done) => release.push(() => done(begun.at(-1)))); },
    shown: async (result) => { shown.push(result); },
    failed: (error) => { throw error; },
    busy: () => {},
  });
  for (state = 1; state <= 4; state++) live.ask();
  state = 4;
  assert.deepEqual(begun, [1]);
  release.shift()();
  await new Promise(setImmediate);
  assert.deepEqual(begun, [1, 4]);
  release.shift()();
  await new Promise(setImmediate);
  assert.deepEqual(shown, [1, 4]);
  assert.equal(live.running, false);
});

test("a failure that says so is tried again, another is not", async () => {
  let tries = 0, told = [];
  const live = (error) => new Live({
    translate: async () => { if (++tries === 1) throw error; return "picture"; },
    shown: async (result) => { told.push(result); },
    failed: (failure) => { told.push(failure.message); },
    busy: () => {},
  });
  live(Object.assign(new Error("busy"), { again: 0.001 })).ask();
  while (told.length < 2) await new Promise((done) => setTimeout(done, 1));
  assert.deepEqual(told, ["busy", "picture"]);
  tries = 0; told = [];
  live(new Error("wrong")).ask();
  await new Promise(setImmediate);
  assert.deepEqual(told, ["wrong"]);
});
