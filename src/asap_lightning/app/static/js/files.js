// Files that people open, and files that they keep.
import { decode, sizeOf } from "./png.js";
import { Grid } from "./raster.js";
import { pack } from "./model.js";

async function drawn(blob) {
  const bitmap = await createImageBitmap(blob).catch(() => {
    throw new Error("This file is no picture that can be read: PNG, JPEG or WebP was expected.");
  });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function requireSize(model, width, height) {
  const most = model.size.most_pixels;
  if (width * height > most) {
    throw new Error(`${width} × ${height} pixels are too many: at most ${(most / 1e6).toFixed(1)} megapixels.`);
  }
}

/** A picture file as a grid that the model takes; an Error says in a sentence why it is none. */
export async function gridOf(file, model) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (!bytes.length) throw new Error("The file is empty.");
  const size = sizeOf(bytes);
  if (size) requireSize(model, size.width, size.height);
  if (model.label) {
    const picture = await decode(bytes).catch((error) => {
      throw new Error(`The file is damaged (${error.message}).`);
    }) ?? asPicture(await drawn(new Blob([bytes])));
    requireSize(model, picture.width, picture.height);
    const grid = new Grid(picture.width, picture.height, model.Values);
    grid.values.set(model.labels(picture));
    return grid;
  }
  const { width, height, data } = await drawn(new Blob([bytes]));
  requireSize(model, width, height);
  const grid = new Grid(width, height, model.Values);
  for (let i = 0; i < grid.values.length; i++) grid.values[i] = pack(data.subarray(4 * i, 4 * i + 3));
  return grid;
}

const asPicture = ({ width, height, data }) => ({ width, height, depth: 8, channels: 4, palette: null, samples: data });

/** Offers a file for download. */
export function keep(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
