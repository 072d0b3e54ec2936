// Runs the ONNX file. Kept out of the page's thread, so that strokes stay smooth.

let ort, session, about, told;

addEventListener("message", async ({ data: { id, load, base, ...layout } }) => {
  try {
    if (load) {
      about = { ...load, base };
      await begin();
      postMessage({ id, told });
    } else {
      const { pixels, milliseconds } = await translate(layout);
      postMessage({ id, pixels, milliseconds, told }, [pixels.buffer]);
    }
  } catch (error) {
    postMessage({ id, error: `The model cannot run here: ${error.message ?? error}` });
  }
});

async function hasGpu() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}

async function begin() {
  if (await hasGpu()) {
    try {
      return await open("webgpu", "ort.webgpu.min.mjs", "WebGPU");
    } catch (error) {
      console.warn("WebGPU cannot run this model, WebAssembly does:", error);
    }
  }
  await openWasm();
}

function openWasm() {
  const threads = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 8) : 1;
  return open("wasm", "ort.wasm.min.mjs", `WebAssembly, ${threads} thread${threads === 1 ? "" : "s"}`, threads);
}

async function open(provider, script, name, threads = 1) {
  ort = await import(new URL(`ort/${script}`, about.base));
  ort.env.wasm.wasmPaths = new URL("ort/", about.base).href;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  const answer = await fetch(new URL(about.file, about.base));
  if (!answer.ok) throw new Error(`${about.file} is missing beside the page (${answer.status})`);
  session = await ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()), { executionProviders: [provider] });
  told = `translated in this browser · ${name}`;
  about.provider = provider;
}

async function translate(layout) {
  const began = performance.now();
  const feeds = Object.fromEntries(about.inputs.map((input) => [input.name, tensor(input, layout)]));
  let found;
  try {
    found = await session.run(feeds);
  } catch (error) {
    if (about.provider !== "webgpu") throw error;
    console.warn("WebGPU has failed, WebAssembly goes on:", error);
    await openWasm();
    found = await session.run(feeds);
  }
  const image = await found[about.output].getData();
  return { pixels: bytes(image, layout.width * layout.height), milliseconds: performance.now() - began };
}

/** [-1, 1] as levels, rounded to nearest, in the order of an ImageData. */
function bytes(image, count) {
  const pixels = new Uint8ClampedArray(4 * count); // clamps and rounds
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    pixels[at] = (image[i] + 1) * 127.5;
    pixels[at + 1] = (image[count + i] + 1) * 127.5;
    pixels[at + 2] = (image[2 * count + i] + 1) * 127.5;
    pixels[at + 3] = 255;
  }
  return pixels;
}

function tensor({ name, dtype, shape, range }, { width, height, values, seed }) {
  const sizes = { batch: 1, height, width }, dims = shape.map((axis) => sizes[axis] ?? axis);
  const count = dims.reduce((product, side) => product * side, 1);
  if (name === "label" || name === "instance") return new ort.Tensor("int32", Int32Array.from(values), dims);
  if (name === "image") return new ort.Tensor("float32", planes(values, dims[1]), dims);
  if (name === "seed") return new ort.Tensor("int32", Int32Array.of(seed), dims);
  if (name === "style" && count === 1 && range[0] === 0) {
    return new ort.Tensor("float32", Float32Array.of(seed % (range[1] + 1)), dims); // which of some images
  }
  if ((name === "style" || name === "noise") && dtype === "float32") return new ort.Tensor("float32", normal(seed, count), dims);
  throw new Error(`the model asks for "${name}", which this page does not have`);
}

/** Packed colours as planes in [-1, 1]; one plane by ITU-R 601 luma, or of grey levels. */
function planes(values, channels) {
  const count = values.length, made = new Float32Array(channels * count);
  for (let i = 0; i < count; i++) {
    const r = values[i] >> 16, g = (values[i] >> 8) & 255, b = values[i] & 255;
    if (channels === 3) {
      made[i] = r / 127.5 - 1;
      made[count + i] = g / 127.5 - 1;
      made[2 * count + i] = b / 127.5 - 1;
    } else made[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b) / 127.5 - 1;
  }
  return made;
}

/** Normal numbers that follow from a seed (mulberry32, Box and Muller). They are not those of the server. */
function normal(seed, count) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}
