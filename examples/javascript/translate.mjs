// node translate.mjs MODEL.onnx LABELS.pgm PICTURE.ppm        (once before: npm install)
//
// Translates a label map (binary PGM, one class id a pixel) with a file of `asap export format=onnx`.
// onnxruntime-web is WebAssembly: the function `translate` below is the same in a browser.
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import * as ort from "onnxruntime-web";

/** Class ids (Int32Array, row by row) -> { width, height, levels: RGB, row by row }. */
export async function translate(session, ids, width, height) {
  const label = new ort.Tensor("int32", ids, [1, height, width]);
  // Ids outside the classes are an error here: the graph looks each of them up.
  const { translated } = await session.run({ label });
  const pixels = width * height;
  const levels = new Uint8ClampedArray(3 * pixels);
  for (let channel = 0; channel < 3; channel++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      levels[3 * pixel + channel] = Math.round((translated.data[channel * pixels + pixel] + 1) * 127.5);
    }
  }
  return { width, height, levels };
}

function readPgm(bytes, path) {
  const head = /^P5\s+(\d+)\s+(\d+)\s+(\d+)\s/.exec(bytes.subarray(0, 64).toString("latin1"));
  if (!head || Number(head[3]) > 255) throw new Error(`${path} is no binary PGM file of at most 255 classes`);
  const [width, height] = [Number(head[1]), Number(head[2])];
  const pixels = bytes.subarray(head[0].length, head[0].length + width * height);
  if (!pixels.length || pixels.length !== width * height) throw new Error(`${path} ends too early`);
  return { width, height, ids: Int32Array.from(pixels) };
}

async function main([model, source, target]) {
  if (!target) throw new Error("node translate.mjs MODEL.onnx LABELS.pgm PICTURE.ppm");
  ort.env.logLevel = "fatal"; // what it would say is in the error
  const { width, height, ids } = readPgm(await readFile(source), source);
  const session = await ort.InferenceSession.create(await readFile(model));
  const { levels } = await translate(session, ids, width, height);
  await writeFile(target, Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.from(levels)]));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error.message);
    process.exitCode = 2;
  });
}
