// What the model takes, and how a canvas holds it: class ids, packed colours, or grey levels as depths.
import { encodeColours, encodeGrey16, encodeIndexed } from "./png.js";

const UNKNOWN = 255;
const PAINTS = [
  ["black", "#000000"], ["white", "#ffffff"], ["grey", "#808080"], ["red", "#c0392b"], ["orange", "#d98032"],
  ["yellow", "#e8c547"], ["green", "#4f8a3d"], ["blue", "#3b6fb6"], ["brown", "#7a5a3a"], ["skin", "#d9a98c"],
  ["sky", "#9cc4e4"], ["dark", "#33363b"],
];

/** Red, green and blue of "#rrggbb". */
export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
export const pack = ([r, g, b]) => (r << 16) | (g << 8) | b;

/** The model behind the page, made of what `GET /model` says. */
export class Model {
  constructor(about) {
    Object.assign(this, about);
    this.label = about.kind === "label";
    this.entries = this.label ? about.classes.map(({ id, name, colour }) => ({ value: id, name, colour }))
      : about.kind === "depth" ? this.#depths() : PAINTS.map(([name, colour]) => ({ value: pack(rgb(colour)), name, colour }));
    this.Values = this.label && this.entries.length > 256 ? Uint16Array : this.label ? Uint8Array : Uint32Array;
    this.colours = this.label ? about.classes.map(({ colour }) => rgb(colour)) : null;
  }

  #depths() {
    const { nearest, farthest } = this.depth;
    return Array.from({ length: 9 }, (_, step) => {
      const level = Math.round((step * 255) / 8), metres = nearest + ((farthest - nearest) * step) / 8;
      return { value: pack([level, level, level]), name: `${metres.toFixed(1)} m`, colour: `rgb(${level} ${level} ${level})` };
    });
  }

  /** What a new canvas is filled with, and what the eraser paints. */
  get ground() {
    if (!this.label) return pack([255, 255, 255]);
    const named = this.entries.find(({ name }) => /^(background|sky|unlabell?ed|void)$/i.test(name));
    return named ? named.value : this.unknown ?? 0;
  }

  /** Writes the colours of a rectangle of a grid into an ImageData of its size. */
  show(grid, { x0, y0, x1, y1 }, image) {
    const pixels = new Uint32Array(image.data.buffer), width = x1 - x0;
    this.table ??= this.colours && Uint32Array.from(this.colours, ([r, g, b]) => 0xff000000 | (b << 16) | (g << 8) | r);
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        const value = grid.values[y * grid.width + x];
        pixels[(y - y0) * width + x - x0] = this.table ? this.table[value]
          : 0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >> 16);
      }
    }
  }

  /** The grid as the PNG file that the interface takes. */
  encode(grid) {
    const { width, height, values } = grid;
    if (this.label) {
      return values instanceof Uint8Array ? encodeIndexed(width, height, values, this.colours) : encodeGrey16(width, height, values);
    }
    if (this.kind === "depth") {
      const { unit, nearest, farthest } = this.depth;
      const levels = Uint16Array.from(values, (value) => (nearest + ((farthest - nearest) * (value & 255)) / 255) / unit);
      return encodeGrey16(width, height, levels);
    }
    return encodeColours(width, height, values);
  }

  /**
   * Class ids of a label map: of a decoded PNG file {width, height, channels, palette, samples}, as the server
   * reads it: grey and palette files hold ids, or else the colours of the classes count.
   */
  labels(picture) {
    const { width, height, channels, palette, samples } = picture, count = width * height;
    const colour = palette ? (i, c) => palette[3 * samples[i] + c]
      : channels < 3 ? (i) => samples[channels * i] : (i, c) => samples[channels * i + c];
    const grey = channels < 3 || samples.every((value, i) => i % channels === 0 || i % channels > 2 || value === samples[i - 1]);
    const byId = grey ? this.#ids(count, (i) => samples[channels * i]) : null;
    const byColour = picture.depth === 16 || (channels < 3 && !palette) ? null : this.#matched(count, colour);
    if (byId?.ids && !(palette && byColour?.ids && byColour.ids.some((id, i) => this.#differs(id, byId.ids[i])))) return byId.ids;
    if (byColour?.ids) return byColour.ids;
    throw new Error((channels < 3 || !byColour ? byId : byColour).told);
  }

  #differs(a, b) { return this.classes[a].colour !== this.classes[b].colour; }

  #ids(count, at) {
    const ids = new this.Values(count), wrong = new Map();
    for (let i = 0; i < count; i++) {
      let id = at(i);
      if (id >= this.entries.length && id === UNKNOWN && this.unknown !== null) id = this.unknown;
      if (id < this.entries.length) ids[i] = id;
      else wrong.set(id, (wrong.get(id) ?? 0) + 1);
    }
    return wrong.size ? { told: told(wrong, "id", `ids outside 0 to ${this.entries.length - 1}`) } : { ids };
  }

  #matched(count, at) {
    const known = new Map(), ids = new this.Values(count), wrong = new Map();
    this.colours.forEach((colour, id) => known.has(pack(colour)) || known.set(pack(colour), id));
    for (let i = 0; i < count; i++) {
      const code = pack([at(i, 0), at(i, 1), at(i, 2)]), id = known.get(code);
      if (id !== undefined) ids[i] = id;
      else wrong.set(code, (wrong.get(code) ?? 0) + 1);
    }
    return wrong.size ? { told: told(wrong, "colour", "colours of no class") } : { ids };
  }
}

function told(wrong, what, which) {
  const listed = [...wrong].sort((a, b) => b[1] - a[1]);
  const name = (value) => (what === "id" ? value : `#${value.toString(16).padStart(6, "0")}`);
  const first = listed.slice(0, 4).map(([value, number]) => `${name(value)}: ${number} pixel${number === 1 ? "" : "s"}`);
  return `The file has ${which} (${first.join(", ")}${listed.length > 4 ? `, and ${listed.length - 4} more` : ""}).`;
}
