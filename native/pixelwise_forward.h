// The pixelwise stream, forward: one thread a tile, everything between phi and the image in the cache.
#pragma once

#include "mlp.h"

namespace asap {
namespace ASAP_ISA {

// Writes `count` pixels of the tile from `start` on.
inline void write_pixels(const Shape& s, const asap_mlp& mlp, Place place, int start, int count, const float* values,
                         void* out, int dtype) {
    const int64_t width = mlp.columns * s.tile, plane = mlp.rows * s.tile * width;
    for (int done = 0; done < count;) {
        const int y = (start + done) / s.tile, x = (start + done) % s.tile;
        const int run = s.tile - x < count - done ? s.tile - x : count - done;
        const int64_t at = (place.row * s.tile + y) * width + place.column * s.tile + x;
        for (int o = 0; o < s.outputs; ++o) {
            write_floats(out, dtype, (place.batch * s.outputs + o) * plane + at, run, values + o * chunk + done);
        }
        done += run;
    }
}

inline int pixelwise_forward(const asap_mlp* mlp, const float* phi, const asap_tensor* label,
                             const asap_tensor* image, void* out, int32_t out_dtype, asap_range* bad_label,
                             int threads) {
    const Shape s(*mlp);
    const int64_t tiles = mlp->batch * mlp->rows * mlp->columns;
    // Few large tiles are cut into parts, so that every thread has work.
    int64_t parts = (8 * static_cast<int64_t>(threads) + tiles - 1) / tiles;
    if (threads == 1) parts = 1;
    if (parts > s.pixels() / 1024 + 1) parts = s.pixels() / 1024 + 1;
    const int part_pixels = static_cast<int>((s.pixels() + parts - 1) / parts);
    const size_t floats = Parameters::floats(s) + static_cast<size_t>(s.tile) * s.axis() + 2 * chunk * s.padded +
                          static_cast<size_t>(chunk) * (s.channels + s.outputs);
    Outcome outcome;
    parallel(tiles * parts, threads, [&](Items& items) {
        Scratch scratch(floats);
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        Parameters p(s, scratch);
        float* table = scratch.take(static_cast<size_t>(s.tile) * s.axis());
        axis_table(s, table);
        float* hidden[2] = {scratch.take(chunk * s.padded), scratch.take(chunk * s.padded)};
        memset(hidden[0], 0, chunk * s.padded * sizeof(float));
        memset(hidden[1], 0, chunk * s.padded * sizeof(float));
        Pixels pixels;
        pixels.image = scratch.take(static_cast<size_t>(s.channels) * chunk);
        float* values = scratch.take(static_cast<size_t>(s.outputs) * chunk);
        BadLabels bad;
        int64_t packed = -1;
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t tile = item / parts;
            const Place place{tile / (mlp->rows * mlp->columns), tile / mlp->columns % mlp->rows,
                              tile % mlp->columns};
            if (packed != tile) p.pack(s, phi + tile * s.parameters, table);
            packed = tile;
            const int begin = static_cast<int>(item % parts) * part_pixels;
            const int end = begin + part_pixels < s.pixels() ? begin + part_pixels : s.pixels();
            for (int start = begin; start < end; start += chunk) {
                const int count = end - start < chunk ? end - start : chunk;
                read_pixels(s, label, image, place, start, count, pixels, bad);
                first_layer(s, p, pixels, start, count, hidden[0]);
                for (int l = 0; l < s.depth - 2; ++l) {
                    gemm<Start::bias, Finish::leaky>(count, s.vectors, s.width, {hidden[l & 1], s.padded, 1},
                                                     p.weight_of(s, l), s.padded, p.bias + l * s.padded,
                                                     hidden[~l & 1], s.padded, s.slope);
                }
                last_layer(s, p, hidden[s.depth & 1], count, values);
                write_pixels(s, *mlp, place, start, count, values, out, out_dtype);
            }
        }
        outcome.report(ASAP_OK, bad);
    });
    return outcome.finish(bad_label);
}

// phi (B, P, rows, columns), any strides -> (B, rows columns, P) float32, in blocks that fit the cache.
inline int tile_major(const asap_tensor* phi, int64_t batch, int64_t parameters, int64_t rows, int64_t columns,
                      float* out, int threads) {
    constexpr int side = 32;
    const int64_t blocks = (parameters + side - 1) / side;
    parallel(batch * rows * blocks, threads, [&](Items& items) {
        float block[side][side];
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / (rows * blocks), row = item / blocks % rows, first = item % blocks * side;
            const int height = parameters - first < side ? static_cast<int>(parameters - first) : side;
            for (int64_t column = 0; column < columns; column += side) {
                const int width = columns - column < side ? static_cast<int>(columns - column) : side;
                for (int p = 0; p < height; ++p) {
                    const int64_t at = b * phi->strides[0] + (first + p) * phi->strides[1] + row * phi->strides[2] +
                                       column * phi->strides[3];
                    read_floats(phi->data, phi->dtype, at, phi->strides[3], width, block[p]);
                }
                for (int t = 0; t < width; ++t) {
                    float* to = out + ((b * rows + row) * columns + column + t) * parameters + first;
                    for (int p = 0; p < height; ++p) to[p] = block[p][t];
                }
            }
        }
    });
    return ASAP_OK;
}

}  // namespace ASAP_ISA
}  // namespace asap
