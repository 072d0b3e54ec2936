// Layouts to begin with: drawn facades for models of their classes, random patches for other label models.
import { decode } from "./png.js";
import { Grid } from "./raster.js";

const PATCHES = 4;
const THUMBNAIL = 72;

/** Offers the examples; `use(grid)` gets a copy of the chosen one. Returns the first one, or null. */
export async function offerExamples(model, list, use) {
  if (!model.label) return null;
  const grids = (await carried(model)) ?? Array.from({ length: PATCHES }, (_, number) => patches(model, number + 1));
  grids.forEach((grid, number) => {
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    button.type = "button";
    button.title = button.ariaLabel = `Example ${number + 1}`;
    thumbnail(canvas, grid, model);
    button.append(canvas);
    button.addEventListener("click", () => use(copied(grid)));
    list.append(button);
  });
  return copied(grids[0]);
}

function copied(grid) {
  const copy = new Grid(grid.width, grid.height, grid.values.constructor);
  copy.values.set(grid.values);
  return copy;
}

function thumbnail(canvas, grid, model) {
  const image = new ImageData(grid.width, grid.height), full = new OffscreenCanvas(grid.width, grid.height);
  model.show(grid, grid.all, image);
  full.getContext("2d").putImageData(image, 0, 0);
  canvas.width = canvas.height = 2 * THUMBNAIL;
  canvas.getContext("2d").drawImage(full, 0, 0, canvas.width, canvas.height);
}

/** The files beside the page, where the model has all of their classes by name. */
async function carried(model) {
  const { names, files } = await (await fetch(new URL("examples/examples.json", document.baseURI))).json();
  const ids = names.map((name) => model.entries.find((entry) => entry.name === name)?.value);
  const read = async (file) => {
    const answer = await fetch(new URL(`examples/${file}`, document.baseURI));
    const { width, height, samples } = await decode(new Uint8Array(await answer.arrayBuffer()));
    const grid = new Grid(width, height, model.Values);
    for (let i = 0; i < samples.length; i++) {
      if (ids[samples[i]] === undefined) return null;
      grid.values[i] = ids[samples[i]];
    }
    return grid;
  };
  const grids = await Promise.all(files.map(read));
  return grids.includes(null) ? null : grids;
}

/** Regions around random points, the same ones for a number. */
function patches(model, number) {
  let state = number * 2654435761 >>> 0;
  const random = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
  const { width, height } = model.size.training;
  const grid = new Grid(width, height, model.Values);
  const points = Array.from({ length: 6 + 3 * number }, () => ({
    x: random() * width, y: random() * height, value: model.entries[Math.floor(random() * model.entries.length)].value,
  }));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let nearest = points[0], least = Infinity;
      for (const point of points) {
        const distance = (x - point.x) ** 2 + (y - point.y) ** 2;
        if (distance < least) [nearest, least] = [point, distance];
      }
      grid.values[y * width + x] = nearest.value;
    }
  }
  return grid;
}
