// PNG files without a canvas in between, which would turn class ids into colours.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

const CRC = new Uint32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = CRC[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

async function through(bytes, stream) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

function chunk(kind, content) {
  const bytes = new Uint8Array(12 + content.length), view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = kind.charCodeAt(i);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc(bytes.subarray(4, 8 + content.length)));
  return bytes;
}

async function file(width, height, depth, colourType, rows, palette) {
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, colourType], 8);
  const data = await through(rows, new CompressionStream("deflate"));
  const chunks = [chunk("IHDR", header), ...(palette ? [chunk("PLTE", palette)] : []), chunk("IDAT", data)];
  return new Blob([new Uint8Array(SIGNATURE), ...chunks, chunk("IEND", new Uint8Array())], { type: "image/png" });
}

/** A palette PNG whose indices are the ids (Uint8Array), shown in these colours [[r, g, b], ...]. */
export function encodeIndexed(width, height, ids, colours) {
  const rows = new Uint8Array(height * (width + 1)); // each row begins with its filter, 0: none
  for (let y = 0; y < height; y++) rows.set(ids.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return file(width, height, 8, 3, rows, Uint8Array.from(colours.flat()));
}

/** A grey PNG of 16 bits. */
export function encodeGrey16(width, height, values) {
  const rows = new Uint8Array(height * (2 * width + 1)), view = new DataView(rows.buffer);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) view.setUint16(y * (2 * width + 1) + 1 + 2 * x, values[y * width + x]);
  }
  return file(width, height, 16, 0, rows);
}

/** A colour PNG of packed colours 0xrrggbb. */
export function encodeColours(width, height, packed) {
  const rows = new Uint8Array(height * (3 * width + 1));
  let place = 0;
  for (let y = 0; y < height; y++) {
    place++;
    for (let x = 0; x < width; x++) {
      const value = packed[y * width + x];
      rows[place++] = value >> 16; rows[place++] = (value >> 8) & 255; rows[place++] = value & 255;
    }
  }
  return file(width, height, 8, 2, rows);
}

const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Width and height in the header of a PNG file, or null. */
export function sizeOf(bytes) {
  if (bytes.length < 33 || SIGNATURE.some((byte, index) => bytes[index] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/**
 * The stored values of a PNG file: {width, height, depth, channels, palette, samples}; null for other formats and
 * interlaced files, which a browser's own decoder reads.
 */
export async function decode(bytes) {
  const size = sizeOf(bytes);
  if (!size) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset), { width, height } = size;
  const depth = bytes[24], colourType = bytes[25];
  if (bytes[28] || !(colourType in CHANNELS)) return null;
  const parts = [];
  let palette = null;
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at), kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (kind === "PLTE") palette = content;
    if (kind === "IDAT") parts.push(content);
    if (kind === "IEND") break;
    at += 12 + length;
  }
  const channels = CHANNELS[colourType];
  const stride = Math.ceil((width * channels * depth) / 8), pixel = Math.max(1, (channels * depth) / 8);
  const data = await through(new Uint8Array(await new Blob(parts).arrayBuffer()), new DecompressionStream("deflate"));
  if (data.length < height * (stride + 1)) throw new Error("the file is truncated");
  unfilter(data, height, stride, pixel);
  return { width, height, depth, channels, palette, samples: unpack(data, width * channels, height, stride, depth) };
}

function unfilter(data, height, stride, pixel) {
  for (let y = 0; y < height; y++) {
    const row = y * (stride + 1) + 1, above = row - stride - 1, filter = data[row - 1];
    if (!filter) continue;
    for (let i = 0; i < stride; i++) {
      const a = i >= pixel ? data[row + i - pixel] : 0;
      const b = y ? data[above + i] : 0;
      const c = y && i >= pixel ? data[above + i - pixel] : 0;
      let guess = 0;
      if (filter === 1) guess = a;
      else if (filter === 2) guess = b;
      else if (filter === 3) guess = (a + b) >> 1;
      else {
        const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
        guess = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      }
      data[row + i] += guess;
    }
  }
}

function unpack(data, count, height, stride, depth) {
  const samples = depth === 16 ? new Uint16Array(count * height) : new Uint8Array(count * height);
  const mask = (1 << depth) - 1;
  for (let y = 0; y < height; y++) {
    const row = y * (stride + 1) + 1;
    for (let i = 0; i < count; i++) {
      let value;
      if (depth === 8) value = data[row + i];
      else if (depth === 16) value = (data[row + 2 * i] << 8) | data[row + 2 * i + 1];
      else value = (data[row + ((i * depth) >> 3)] >> (8 - depth - ((i * depth) & 7))) & mask;
      samples[y * count + i] = value;
    }
  }
  return samples;
}
