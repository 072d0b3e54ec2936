// One tile's MLP: its parameters packed for the kernels, and the steps that forward and backward share.
//
// Axes: D hidden width padded to whole vectors, N label classes, C image channels, O outputs, S tile side,
// F encoding channels of one axis (2 log2 S).
#pragma once

#include <math.h>

#include "asap_native.h"
#include "elements.h"
#include "gemm.h"
#include "parallel.h"

namespace asap {
namespace ASAP_ISA {

constexpr int chunk = 96;  // pixels at a time: two hidden layers of 64 channels fill 48 KB

struct Shape {
    int tile, width, depth, classes, channels, outputs, octaves;
    int padded;   // D
    int vectors;  // D / lanes
    int64_t parameters;
    float slope;
    explicit Shape(const asap_mlp& mlp)
        : tile(mlp.tile), width(mlp.width), depth(mlp.depth), classes(mlp.num_classes),
          channels(mlp.image_channels), outputs(mlp.out_channels), octaves(0), slope(mlp.negative_slope) {
        if (mlp.positional_encoding) {
            while ((2 << octaves) <= tile) ++octaves;
        }
        vectors = (width + lanes - 1) / lanes;
        padded = vectors * lanes;
        parameters = static_cast<int64_t>(inputs() + 1) * width +
                     static_cast<int64_t>(depth - 2) * (width + 1) * width +
                     static_cast<int64_t>(width + 1) * outputs;
    }
    int inputs() const { return classes + channels + 4 * octaves; }
    int axis() const { return 2 * octaves; }  // F
    int pixels() const { return tile * tile; }
    // Offset of hidden layer l's bias (its weights follow); layer depth - 1 is the last.
    int64_t layer(int l) const {
        if (l == 0) return 0;
        return static_cast<int64_t>(inputs() + 1) * width + static_cast<int64_t>(l - 1) * (width + 1) * width;
    }
    // Row of the first layer's weights for octave o, axis a (0 = x, 1 = y), kind k (0 = cos, 1 = sin).
    int encoding_row(int o, int a, int k) const { return classes + channels + 4 * o + 2 * a + k; }
};

// cos, sin of 2 pi i 2^o / S: (S, F).
inline void axis_table(const Shape& shape, float* table) {
    for (int i = 0; i < shape.tile; ++i) {
        for (int o = 0; o < shape.octaves; ++o) {
            const double angle = 6.283185307179586477 * ((static_cast<int64_t>(i) << o) % shape.tile) / shape.tile;
            table[i * shape.axis() + 2 * o] = static_cast<float>(cos(angle));
            table[i * shape.axis() + 2 * o + 1] = static_cast<float>(sin(angle));
        }
    }
}

// Copies rows of `width` floats to rows of `padded`, the rest zero.
inline void pad_rows(const float* from, int rows, int width, int padded, float* to) {
    for (int r = 0; r < rows; ++r, from += width, to += padded) {
        memcpy(to, from, width * sizeof(float));
        for (int i = width; i < padded; ++i) to[i] = 0.0f;
    }
}

struct Parameters {
    float *label, *image;  // (N, D), (C, D): the first layer's rows
    float *x, *y;          // (S, D): the encoding's share of the first layer, its bias in x
    float *bias, *weight;  // (depth - 2, D), (depth - 2, width, D)
    float *last, *last_bias;  // (O, D): transposed; (O)
    float* rows;              // (F, D) scratch

    static size_t floats(const Shape& s) {
        const size_t d = s.padded;
        return d * (s.classes + s.channels + 2 * s.tile + s.axis() + s.outputs) +
               d * (s.depth - 2) * (s.width + 1) + s.outputs + 64;
    }
    Parameters(const Shape& s, Scratch& scratch) {
        const size_t d = s.padded;
        label = scratch.take(s.classes * d);
        image = scratch.take(s.channels * d);
        x = scratch.take(s.tile * d);
        y = scratch.take(s.tile * d);
        rows = scratch.take((s.axis() + 1) * d);
        bias = scratch.take((s.depth - 2) * d);
        weight = scratch.take((s.depth - 2) * d * s.width);
        last = scratch.take(s.outputs * d);
        last_bias = scratch.take(s.outputs);
    }
    float* weight_of(const Shape& s, int l) const { return weight + static_cast<size_t>(l) * s.width * s.padded; }

    // Packs one tile's phi (P floats).
    void pack(const Shape& s, const float* phi, const float* table) {
        const float* first = phi + s.width;
        pad_rows(first, s.classes, s.width, s.padded, label);
        pad_rows(first + static_cast<size_t>(s.classes) * s.width, s.channels, s.width, s.padded, image);
        pack_axis(s, first, table, 0, phi, x);
        pack_axis(s, first, table, 1, nullptr, y);
        for (int l = 0; l < s.depth - 2; ++l) {
            const float* from = phi + s.layer(l + 1);
            pad_rows(from, 1, s.width, s.padded, bias + l * s.padded);
            pad_rows(from + s.width, s.width, s.width, s.padded, weight_of(s, l));
        }
        const float* from = phi + s.layer(s.depth - 1);
        memcpy(last_bias, from, s.outputs * sizeof(float));
        from += s.outputs;
        for (int o = 0; o < s.outputs; ++o) {
            for (int k = 0; k < s.padded; ++k) last[o * s.padded + k] = k < s.width ? from[k * s.outputs + o] : 0.0f;
        }
    }

private:
    void pack_axis(const Shape& s, const float* first, const float* table, int axis, const float* start, float* out) {
        for (int o = 0; o < s.octaves; ++o) {
            for (int k = 0; k < 2; ++k) {
                pad_rows(first + static_cast<size_t>(s.encoding_row(o, axis, k)) * s.width, 1, s.width, s.padded,
                         rows + (2 * o + k) * s.padded);
            }
        }
        float* constant = rows + s.axis() * s.padded;
        for (int i = 0; i < s.padded; ++i) constant[i] = start && i < s.width ? start[i] : 0.0f;
        gemm<Start::bias, Finish::store>(s.tile, s.vectors, s.axis(), {table, s.axis(), 1}, rows, s.padded,
                                         constant, out, s.padded);
    }
};

// The inputs of one chunk of pixels of a tile.
struct Pixels {
    int32_t ids[chunk];
    float* image;  // (C, chunk)
};

struct Place {
    int64_t batch, row, column;  // of the tile in the grid
};

// Reads labels and image channels of `count` pixels from `start` on (row-major inside the tile).
inline void read_pixels(const Shape& s, const asap_tensor* label, const asap_tensor* image, Place place, int start,
                        int count, Pixels& pixels, BadLabels& bad) {
    for (int done = 0; done < count;) {
        const int y = (start + done) / s.tile, x = (start + done) % s.tile;
        const int run = s.tile - x < count - done ? s.tile - x : count - done;
        const int64_t row = place.row * s.tile + y, column = place.column * s.tile + x;
        if (s.classes) {
            const int64_t at =
                place.batch * label->strides[0] + row * label->strides[2] + column * label->strides[3];
            read_ids(*label, at, label->strides[3], run, s.classes, pixels.ids + done, bad);
        }
        for (int c = 0; c < s.channels; ++c) {
            const int64_t at = place.batch * image->strides[0] + c * image->strides[1] + row * image->strides[2] +
                               column * image->strides[3];
            read_floats(image->data, image->dtype, at, image->strides[3], run, pixels.image + c * chunk + done);
        }
        done += run;
    }
}

// The first layer: sums of table rows.  out (count, D)
inline void first_layer(const Shape& s, const Parameters& p, const Pixels& pixels, int start, int count, float* out) {
    const Vec slope = splat(s.slope);
    int x = start % s.tile, y = start / s.tile;
    for (int i = 0; i < count; ++i, out += s.padded) {
        const float* across = p.x + x * s.padded;
        const float* down = p.y + y * s.padded;
        const float* row = s.classes ? p.label + pixels.ids[i] * s.padded : nullptr;
        for (int v = 0; v < s.padded; v += lanes) {
            Vec value = load(across + v) + load(down + v);
            if (row) value += load(row + v);
            for (int c = 0; c < s.channels; ++c) {
                value += splat(pixels.image[c * chunk + i]) * load(p.image + c * s.padded + v);
            }
            store(out + v, leaky_relu(value, slope));
        }
        if (++x == s.tile) x = 0, ++y;
    }
}

// out[r][i] = sum over k of hidden[i][k] rows[r][k], for `count` pixels rounded up to whole vectors.
inline void row_products(const Shape& s, const float* hidden, const float* rows, int row_count, int count, float* out) {
    for (int i = 0; i < count; i += lanes) {
        for (int r = 0; r < row_count; ++r) {
            const float* row = rows + r * s.padded;
            Vec partial[lanes];
            ASAP_UNROLL
            for (int j = 0; j < lanes; ++j) partial[j] = Vec{};
            for (int v = 0; v < s.padded; v += lanes) {
                const Vec weight = load(row + v);
                ASAP_UNROLL
                for (int j = 0; j < lanes; ++j) partial[j] += weight * load(hidden + (i + j) * s.padded + v);
            }
            store(out + r * chunk + i, sum_lanes(partial));
        }
    }
}

// The last layer and tanh: out (O, chunk).
inline void last_layer(const Shape& s, const Parameters& p, const float* hidden, int count, float* out) {
    row_products(s, hidden, p.last, s.outputs, count, out);
    for (int o = 0; o < s.outputs; ++o) {
        for (int i = 0; i < count; i += lanes) {
            store(out + o * chunk + i, tanh(load(out + o * chunk + i) + splat(p.last_bias[o])));
        }
    }
}

}  // namespace ASAP_ISA
}  // namespace asap
