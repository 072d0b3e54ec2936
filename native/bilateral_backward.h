// Gradients of the sliced and applied transforms. The result is the same to the last bit with any number of threads: each
// strip of rows has its own sums, which are added up in the order of the strips.
#pragma once

#include "bilateral.h"

namespace asap {
namespace ASAP_ISA {

// What one row of pixels reads and writes; rows of W each.
struct GradientRow {
    const float *image, *grad;  // (K - 1, W) or null; (channels, W)
    float *guide, *pixels;      // gradients (W), (K - 1, W) or null
};

// Adds to `sums` (as the blended row `grid`) and writes the gradients of guide and image.
template <bool Rgb>
inline void slice_row_backward(const BilateralShape& s, const float* grid, const AxisPlaces& x, const DepthPlaces& z,
                               const GradientRow& row, int64_t width, float* scratch, float* sums) {
    const int pitch = Rgb ? 16 : s.pitch, padded = Rgb ? 4 : s.padded, inputs = Rgb ? 4 : s.inputs;
    const int outputs = Rgb ? 3 : s.outputs;
    float *upstream = scratch, *coefficients = scratch + pitch, *ends = scratch + 2 * pitch;
    memset(scratch, 0, (2 * pitch + padded) * sizeof(float));
    Vec dots[lanes];
    for (int64_t i = 0; i < width; ++i) {
        if (row.image) {
            for (int o = 0; o < outputs; ++o) ends[o] = row.grad[o * width + i];
            for (int q = 0; q < padded; q += 4) {
                const Quad g = load_quad(ends + q);
                for (int k = 0; k < inputs; ++k) {
                    const Quad product = k < inputs - 1 ? g * row.image[k * width + i] : g;
                    memcpy(upstream + k * padded + q, &product, sizeof product);
                }
            }
        } else {
            for (int k = 0; k < inputs; ++k) {
                for (int o = 0; o < outputs; ++o) upstream[k * padded + o] = row.grad[(k * outputs + o) * width + i];
            }
        }
        const int32_t at[4] = {x.low[i] + z.low[i], x.low[i] + z.high[i], x.high[i] + z.low[i], x.high[i] + z.high[i]};
        const float xl = x.low_weight[i], xh = x.high_weight[i], zl = z.low_weight[i], zh = z.high_weight[i];
        const float weights[4] = {xl * zl, xl * zh, xh * zl, xh * zh};
        Vec dot{};
        for (int v = 0; v < pitch; v += lanes) {
            const Vec near = load(grid + at[0] + v) * xl + load(grid + at[2] + v) * xh;
            const Vec far = load(grid + at[1] + v) * xl + load(grid + at[3] + v) * xh;
            const Vec up = load(upstream + v);
            dot += (near * z.low_slope[i] + far * z.high_slope[i]) * up;
            store(coefficients + v, near * zl + far * zh);
            // One after the other: at the border two of the four are one.
            for (int c = 0; c < 4; ++c) store(sums + at[c] + v, load(sums + at[c] + v) + up * weights[c]);
        }
        dots[i % lanes] = dot;
        if (i % lanes == lanes - 1) store(row.guide + i + 1 - lanes, sum_lanes(dots));
        if (!row.pixels) continue;
        for (int k = 0; k < inputs - 1; ++k) {
            float sum = 0;
            for (int q = 0; q < padded; q += 4) sum += quad_sum(load_quad(coefficients + k * padded + q) * load_quad(ends + q));
            row.pixels[k * width + i] = sum;
        }
    }
    const int rest = static_cast<int>(width % lanes);
    if (!rest) return;
    for (int i = rest; i < lanes; ++i) dots[i] = Vec{};
    float last[lanes];
    store(last, sum_lanes(dots));
    memcpy(row.guide + width - rest, last, rest * sizeof(float));
}

// Cuts the rows into strips of at most 16 that lie between the same two rows of the grid; returns their number. `starts`
// gets one entry more than there are strips.
inline int64_t cut_strips(const AxisPlaces& y, int64_t height, int32_t* starts) {
    int64_t count = 0;
    for (int64_t i = 0; i < height; ++i) {
        const bool same = i && y.low[i] == y.low[i - 1] && y.high[i] == y.high[i - 1] && i - starts[count - 1] < 16;
        if (!same) starts[count++] = static_cast<int32_t>(i);
    }
    starts[count] = static_cast<int32_t>(height);
    return count;
}

// Adds up what the strips of every image have left for each row of the grid.
inline void add_strips(const asap_bilateral& b, const BilateralShape& s, const AxisPlaces& y, const int32_t* starts,
                       int64_t strips, const float* partial, float* grad_grid, int threads) {
    parallel(b.batch * b.rows, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            float* to = grad_grid + item * s.row;
            memset(to, 0, s.row * sizeof(float));
            for (int64_t k = 0; k < strips; ++k) {
                const float* from = partial + (item / b.rows * strips + k) * 2 * s.row;
                if (y.low[starts[k]] == item % b.rows) add_scaled(from, 1.0f, s.row, to);
                if (y.high[starts[k]] == item % b.rows) add_scaled(from + s.row, 1.0f, s.row, to);
            }
        }
    });
}

inline int bilateral_backward(const asap_bilateral* b, const float* grid, const asap_tensor* guide,
                              const asap_tensor* image, const asap_tensor* grad, float* grad_grid, float* grad_guide,
                              float* grad_image, int threads) {
    const BilateralShape s(*b, image != nullptr);
    const bool rgb = image && s.inputs == 4 && s.outputs == 3;
    const int64_t width = b->width, height = b->height;
    const int channels = image ? s.inputs - 1 : 0;
    Scratch shared(AxisPlaces::floats(width) + AxisPlaces::floats(height) + height + 1);
    if (!shared.ok()) return ASAP_NO_MEMORY;
    AxisPlaces x(shared, width), y(shared, height);
    x.fill(width, s.columns, s.depth * s.pitch);
    y.fill(height, b->rows, 1);
    int32_t* starts = reinterpret_cast<int32_t*>(shared.take(height + 1));
    const int64_t strips = cut_strips(y, height, starts);
    Scratch sums(static_cast<size_t>(b->batch) * strips * 2 * s.row);
    if (!sums.ok()) return ASAP_NO_MEMORY;
    float* partial = sums.take(static_cast<size_t>(b->batch) * strips * 2 * s.row);
    const size_t floats = DepthPlaces::floats(width) + 2 * s.row + 3 * s.pitch + lanes +
                          static_cast<size_t>(1 + 2 * channels + s.channels) * width;
    Outcome outcome;
    parallel(b->batch * strips, threads, [&](Items& items) {
        Scratch scratch(floats);
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        DepthPlaces z(scratch, width);
        float *blended = scratch.take(s.row), *row_sums = scratch.take(s.row), *small = scratch.take(3 * s.pitch);
        float *guides = scratch.take(width), *pixels = scratch.take(static_cast<size_t>(channels) * width);
        float* upstream = scratch.take(static_cast<size_t>(s.channels) * width);
        float* back = scratch.take(static_cast<size_t>(channels) * width);
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t n = item / strips, k = item % strips;
            const float* own = grid + n * b->rows * s.row;
            float* left = partial + item * 2 * s.row;
            memset(left, 0, 2 * s.row * sizeof(float));
            for (int64_t i = starts[k]; i < starts[k + 1]; ++i) {
                blend(own + y.low[i] * s.row, own + y.high[i] * s.row, y.low_weight[i], y.high_weight[i], s.row, blended);
                read_rows(*guide, n, 1, i, width, guides);
                z.fill(guides, width, s.depth, s.pitch);
                if (image) read_rows(*image, n, channels, i, width, pixels);
                read_rows(*grad, n, s.channels, i, width, upstream);
                memset(row_sums, 0, s.row * sizeof(float));
                const GradientRow row{image ? pixels : nullptr, upstream, grad_guide + (n * height + i) * width,
                                      grad_image ? back : nullptr};
                if (rgb) slice_row_backward<true>(s, blended, x, z, row, width, small, row_sums);
                else slice_row_backward<false>(s, blended, x, z, row, width, small, row_sums);
                add_scaled(row_sums, y.low_weight[i], s.row, left);
                add_scaled(row_sums, y.high_weight[i], s.row, left + s.row);
                for (int c = 0; grad_image && c < channels; ++c) {
                    memcpy(grad_image + ((n * channels + c) * height + i) * width, back + c * width, width * sizeof(float));
                }
            }
        }
    });
    if (outcome.status == ASAP_OK) add_strips(*b, s, y, starts, strips, partial, grad_grid, threads);
    return outcome.finish(nullptr);
}

}  // namespace ASAP_ISA
}  // namespace asap
