// The pixelwise stream, backward: the hidden layers are computed again, chunk by chunk, and their gradients
// gathered in the cache until the tile is done.
#pragma once

#include "pixelwise_forward.h"

namespace asap {
namespace ASAP_ISA {

struct Gradients {
    float *label, *image;        // (N, D), (C, D)
    float *x, *y;                // (S, D): of the first layer's tables
    float *bias, *weight;        // (depth - 2, D), (depth - 2, width, D)
    float *last, *last_bias;     // (O, D), (O)
    float* begin;
    size_t count;
    explicit Gradients(const Shape& s, Scratch& scratch) {
        const size_t d = s.padded, inner = s.depth - 2;
        count = d * (s.classes + s.channels + 2 * s.tile + inner * (s.width + 1) + s.outputs) + s.outputs;
        float* at = begin = scratch.take(count);
        auto cut = [&at](size_t floats) {
            float* piece = at;
            at += floats;
            return piece;
        };
        label = cut(s.classes * d);
        image = cut(s.channels * d);
        x = cut(s.tile * d);
        y = cut(s.tile * d);
        bias = cut(inner * d);
        weight = cut(inner * s.width * d);
        last = cut(s.outputs * d);
        last_bias = cut(s.outputs);
    }
};

// to += from, for `count` pixels' rows summed by `rows(i)`.
inline void add_row(float* to, const float* from, int count) {
    for (int v = 0; v < count; v += lanes) store(to + v, load(to + v) + load(from + v));
}

// back *= derivative of the leaky ReLU that gave `hidden`.
inline void leaky_backward(const Shape& s, const float* hidden, int count, float* back) {
    const Vec slope = splat(s.slope);
    for (int i = 0; i < count * s.padded; i += lanes) {
        const Vec value = load(back + i);
        store(back + i, load(hidden + i) > 0.0f ? value : value * slope);
    }
}

// Scratch of one thread's work on one chunk.
struct Chunk {
    float* hidden;     // (depth - 1, chunk, D)
    float* back[2];    // (chunk, D)
    float *values, *grad;  // (O, chunk)
    float* image_grad;     // (C, chunk)
    float* transposed;     // (depth - 2, width, D): inner weights, output index major
    Pixels pixels;
    static size_t floats(const Shape& s) {
        const size_t d = s.padded;
        return (s.depth + 1) * chunk * d + chunk * (2 * s.outputs + 2 * s.channels) + (s.depth - 2) * d * s.width;
    }
    Chunk(const Shape& s, Scratch& scratch) {
        const size_t layer = static_cast<size_t>(chunk) * s.padded;
        hidden = scratch.take((s.depth - 1) * layer);
        memset(hidden, 0, (s.depth - 1) * layer * sizeof(float));
        for (float*& piece : back) piece = scratch.take(layer);
        values = scratch.take(chunk * s.outputs);
        grad = scratch.take(chunk * s.outputs);
        image_grad = scratch.take(chunk * s.channels);
        transposed = scratch.take(static_cast<size_t>(s.depth - 2) * s.width * s.padded);
        pixels.image = scratch.take(chunk * s.channels);
        memset(back[0], 0, layer * sizeof(float));
        memset(back[1], 0, layer * sizeof(float));
    }
    void transpose(const Shape& s, const Parameters& p) {
        for (int l = 0; l < s.depth - 2; ++l) {
            const float* from = p.weight_of(s, l);
            float* to = transposed + static_cast<size_t>(l) * s.width * s.padded;
            for (int o = 0; o < s.width; ++o) {
                for (int k = 0; k < s.padded; ++k) to[o * s.padded + k] = k < s.width ? from[k * s.padded + o] : 0.0f;
            }
        }
    }
};

inline void first_layer_backward(const Shape& s, const Parameters& p, Gradients& g, Chunk& c, int start, int count,
                                 const float* back) {
    int x = start % s.tile, y = start / s.tile;
    for (int i = 0; i < count; ++i) {
        const float* row = back + i * s.padded;
        add_row(g.x + x * s.padded, row, s.padded);
        add_row(g.y + y * s.padded, row, s.padded);
        if (s.classes) add_row(g.label + c.pixels.ids[i] * s.padded, row, s.padded);
        if (++x == s.tile) x = 0, ++y;
    }
    if (!s.channels) return;
    gemm<Start::output, Finish::store>(s.channels, s.vectors, count, {c.pixels.image, chunk, 1}, back, s.padded,
                                       nullptr, g.image, s.padded);
    row_products(s, back, p.image, s.channels, count, c.image_grad);
}

// One chunk: hidden layers forward, then every gradient backward.
inline void chunk_backward(const Shape& s, const Parameters& p, Gradients& g, Chunk& c, int start, int count) {
    const size_t layer = static_cast<size_t>(chunk) * s.padded;
    first_layer(s, p, c.pixels, start, count, c.hidden);
    for (int l = 0; l < s.depth - 2; ++l) {
        gemm<Start::bias, Finish::leaky>(count, s.vectors, s.width, {c.hidden + l * layer, s.padded, 1},
                                         p.weight_of(s, l), s.padded, p.bias + l * s.padded,
                                         c.hidden + (l + 1) * layer, s.padded, s.slope);
    }
    const float* top = c.hidden + (s.depth - 2) * layer;
    last_layer(s, p, top, count, c.values);
    for (int o = 0; o < s.outputs; ++o) {
        float sum = 0.0f;
        for (int i = 0; i < count; ++i) {
            const float y = c.values[o * chunk + i];
            c.grad[o * chunk + i] *= 1.0f - y * y;
            sum += c.grad[o * chunk + i];
        }
        g.last_bias[o] += sum;
    }
    gemm<Start::output, Finish::store>(s.outputs, s.vectors, count, {c.grad, chunk, 1}, top, s.padded, nullptr, g.last,
                                       s.padded);
    gemm<Start::zero, Finish::store>(count, s.vectors, s.outputs, {c.grad, 1, chunk}, p.last, s.padded, nullptr,
                                     c.back[0], s.padded);
    float *back = c.back[0], *next = c.back[1];
    for (int l = s.depth - 3; l >= 0; --l) {
        const float* inputs = c.hidden + l * layer;
        leaky_backward(s, inputs + layer, count, back);
        for (int i = 0; i < count; ++i) add_row(g.bias + l * s.padded, back + i * s.padded, s.padded);
        gemm<Start::output, Finish::store>(s.width, s.vectors, count, {inputs, 1, s.padded}, back, s.padded, nullptr,
                                           g.weight + static_cast<size_t>(l) * s.width * s.padded, s.padded);
        gemm<Start::zero, Finish::store>(count, s.vectors, s.width, {back, s.padded, 1},
                                         c.transposed + static_cast<size_t>(l) * s.width * s.padded, s.padded, nullptr,
                                         next, s.padded);
        float* swap = back;
        back = next;
        next = swap;
    }
    leaky_backward(s, c.hidden, count, back);
    first_layer_backward(s, p, g, c, start, count, back);
}

// Writes a tile's gradients in phi's layout.
inline void write_gradients(const Shape& s, const Gradients& g, const float* table, float* rows, float* out) {
    const size_t row = s.width * sizeof(float);
    for (int k = 0; k < s.width; ++k) {
        float sum = 0.0f;
        for (int i = 0; i < s.tile; ++i) sum += g.x[i * s.padded + k];
        out[k] = sum;
    }
    float* first = out + s.width;
    for (int n = 0; n < s.classes; ++n) memcpy(first + static_cast<size_t>(n) * s.width, g.label + n * s.padded, row);
    for (int c = 0; c < s.channels; ++c) {
        memcpy(first + static_cast<size_t>(s.classes + c) * s.width, g.image + c * s.padded, row);
    }
    for (int axis = 0; axis < 2; ++axis) {
        gemm<Start::zero, Finish::store>(s.axis(), s.vectors, s.tile, {table, 1, s.axis()}, axis ? g.y : g.x, s.padded,
                                         nullptr, rows, s.padded);
        for (int f = 0; f < s.axis(); ++f) {
            memcpy(first + static_cast<size_t>(s.encoding_row(f / 2, axis, f % 2)) * s.width, rows + f * s.padded, row);
        }
    }
    for (int l = 0; l < s.depth - 2; ++l) {
        float* to = out + s.layer(l + 1);
        memcpy(to, g.bias + l * s.padded, row);
        for (int k = 0; k < s.width; ++k) {
            memcpy(to + static_cast<size_t>(k + 1) * s.width,
                   g.weight + (static_cast<size_t>(l) * s.width + k) * s.padded, row);
        }
    }
    float* last = out + s.layer(s.depth - 1);
    for (int o = 0; o < s.outputs; ++o) {
        last[o] = g.last_bias[o];
        for (int k = 0; k < s.width; ++k) last[s.outputs + k * s.outputs + o] = g.last[o * s.padded + k];
    }
}

inline int pixelwise_backward(const asap_mlp* mlp, const float* phi, const asap_tensor* label,
                              const asap_tensor* image, const asap_tensor* grad, float* grad_phi, float* grad_image,
                              asap_range* bad_label, int threads) {
    const Shape s(*mlp);
    const int64_t tiles = mlp->batch * mlp->rows * mlp->columns;
    const size_t table_floats = static_cast<size_t>(s.tile) * s.axis();
    const size_t floats = 2 * Parameters::floats(s) + Chunk::floats(s) + table_floats;
    // The gradient of the image is read and written as if it were an image of O or C channels.
    Shape reads(s);
    reads.classes = 0;
    reads.channels = s.outputs;
    Shape writes(s);
    writes.outputs = s.channels;
    Outcome outcome;
    parallel(tiles, threads, [&](Items& items) {
        Scratch scratch(floats);
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        Parameters p(s, scratch);
        Gradients g(s, scratch);
        Chunk c(s, scratch);
        float* table = scratch.take(table_floats);
        axis_table(s, table);
        Pixels upstream;
        upstream.image = c.grad;
        BadLabels bad;
        for (int64_t tile; (tile = items.next()) >= 0;) {
            const Place place{tile / (mlp->rows * mlp->columns), tile / mlp->columns % mlp->rows,
                              tile % mlp->columns};
            p.pack(s, phi + tile * s.parameters, table);
            c.transpose(s, p);
            memset(g.begin, 0, g.count * sizeof(float));
            for (int start = 0; start < s.pixels(); start += chunk) {
                const int count = s.pixels() - start < chunk ? s.pixels() - start : chunk;
                read_pixels(s, label, image, place, start, count, c.pixels, bad);
                read_pixels(reads, nullptr, grad, place, start, count, upstream, bad);
                chunk_backward(s, p, g, c, start, count);
                if (grad_image) {
                    write_pixels(writes, *mlp, place, start, count, c.image_grad, grad_image, ASAP_FLOAT32);
                }
            }
            write_gradients(s, g, table, p.rows, grad_phi + tile * s.parameters);
        }
        outcome.report(ASAP_OK, bad);
    });
    return outcome.finish(bad_label);
}

}  // namespace ASAP_ISA
}  // namespace asap
