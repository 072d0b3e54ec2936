// Bilateral slicing of a grid of affine transforms, and their application to the image (HDRNet, section 3.2).
//
// A row of pixels lies between two rows of the grid, whose blend is made once a row; then a pixel blends four of its
// entries, low and high along the columns and along the depth. The grid comes packed, (B, rows, columns, depth, pitch): of
// each entry the outputs of input 0, padded to a multiple of 4, then of input 1, ..; the pitch is a multiple of 16 floats.
//
// Axes: B batch, K inputs of a transform (the image's channels and the offset), O outputs, H, W the image's size.
#pragma once

#include "elements.h"
#include "parallel.h"

namespace asap {
namespace ASAP_ISA {

typedef float Quad __attribute__((vector_size(16)));

ASAP_INLINE Quad load_quad(const float* from) {
    Quad value;
    memcpy(&value, from, sizeof value);
    return value;
}

ASAP_INLINE float quad_sum(Quad value) { return (value[0] + value[1]) + (value[2] + value[3]); }

struct BilateralShape {
    int inputs, outputs, padded, pitch, channels, depth, columns;
    int64_t row;  // floats of a row of the grid
    explicit BilateralShape(const asap_bilateral& b, bool apply)
        : inputs(b.inputs),
          outputs(b.outputs),
          padded((b.outputs + 3) / 4 * 4),
          pitch((b.inputs * padded + 15) / 16 * 16),
          channels(apply ? b.outputs : b.inputs * b.outputs),
          depth(b.depth),
          columns(b.columns),
          row(static_cast<int64_t>(b.columns) * b.depth * pitch) {}
};

// The two samples around each place of an axis, and their weights: sample i sits at i + 1/2; beyond the border the last
// sample counts.
struct AxisPlaces {
    int32_t *low, *high;
    float *low_weight, *high_weight;
    AxisPlaces(Scratch& scratch, int64_t size)
        : low(reinterpret_cast<int32_t*>(scratch.take(size))),
          high(reinterpret_cast<int32_t*>(scratch.take(size))),
          low_weight(scratch.take(size)),
          high_weight(scratch.take(size)) {}
    void fill(int64_t size, int samples, int stride) {
        for (int64_t i = 0; i < size; ++i) {
            const double place = (i + 0.5) * samples / size - 0.5;
            const int below = static_cast<int>(place + 1) - 1;  // floor: the place is above -1
            const double share = place - below;
            low[i] = (below < 0 ? 0 : below) * stride;
            high[i] = (below + 1 < samples ? below + 1 : samples - 1) * stride;
            low_weight[i] = static_cast<float>(1 - share);
            high_weight[i] = static_cast<float>(share);
        }
    }
    static size_t floats(int64_t size) { return 4 * (size + 16); }
};

// The same along the depth for a row of pixels; weights 1 - sqrt(d^2 + 1e-8), and their derivatives by the guide.
struct DepthPlaces {
    int32_t *low, *high;
    float *low_weight, *high_weight, *low_slope, *high_slope;
    DepthPlaces(Scratch& scratch, int64_t size)
        : low(reinterpret_cast<int32_t*>(scratch.take(size))),
          high(reinterpret_cast<int32_t*>(scratch.take(size))),
          low_weight(scratch.take(size)),
          high_weight(scratch.take(size)),
          low_slope(scratch.take(size)),
          high_slope(scratch.take(size)) {}
    static size_t floats(int64_t size) { return 6 * (size + 16); }

    void fill(const float* guide, int64_t size, int depth, int stride) {
        const float last = static_cast<float>(depth - 1);
        for (int64_t i = 0; i < size; ++i) {
            const float place = guide[i] * depth, below = __builtin_floorf(place - 0.5f);
            // Not a number: the first sample, with weights that are no numbers either.
            float one = below > 0 ? below : 0.0f, other = below + 1 > 0 ? below + 1 : 0.0f;
            one = one < last ? one : last;
            other = other < last ? other : last;
            low[i] = static_cast<int32_t>(one) * stride;
            high[i] = static_cast<int32_t>(other) * stride;
            weigh(below + 0.5f - place, depth, low_weight[i], low_slope[i]);
            weigh(below + 1.5f - place, depth, high_weight[i], high_slope[i]);
        }
    }

private:
    static ASAP_INLINE void weigh(float distance, int depth, float& weight, float& slope) {
        const float length = __builtin_sqrtf(distance * distance + 1e-8f), rest = 1 - length;
        weight = rest < 0 ? 0 : rest;
        slope = rest < 0 ? 0 : depth * distance / length;
    }
};

inline void blend(const float* a, const float* b, float wa, float wb, int64_t count, float* out) {
    for (int64_t i = 0; i < count; i += lanes) store(out + i, load(a + i) * wa + load(b + i) * wb);
}

inline void add_scaled(const float* from, float weight, int64_t count, float* to) {
    for (int64_t i = 0; i < count; i += lanes) store(to + i, load(to + i) + load(from + i) * weight);
}

// One row of pixels: `grid` is the blended row, `image` (K - 1, W) or null, `out` (channels, W). With `Rgb` three
// channels become three, which the compiler then knows.
template <bool Rgb>
inline void slice_row(const BilateralShape& s, const float* grid, const AxisPlaces& x, const DepthPlaces& z,
                      const float* image, int64_t width, float* coefficients, float* out) {
    const int pitch = Rgb ? 16 : s.pitch, padded = Rgb ? 4 : s.padded, inputs = Rgb ? 4 : s.inputs;
    const int outputs = Rgb ? 3 : s.outputs;
    for (int64_t i = 0; i < width; ++i) {
        const float *low = grid + x.low[i], *high = grid + x.high[i];
        const float ll = x.low_weight[i] * z.low_weight[i], lh = x.low_weight[i] * z.high_weight[i];
        const float hl = x.high_weight[i] * z.low_weight[i], hh = x.high_weight[i] * z.high_weight[i];
        const int32_t near = z.low[i], far = z.high[i];
        for (int v = 0; v < pitch; v += lanes) {
            store(coefficients + v, load(low + near + v) * ll + load(low + far + v) * lh +
                                        load(high + near + v) * hl + load(high + far + v) * hh);
        }
        if (!image) {
            for (int k = 0; k < inputs; ++k) {
                for (int o = 0; o < outputs; ++o) out[(k * outputs + o) * width + i] = coefficients[k * padded + o];
            }
            continue;
        }
        for (int q = 0; q < padded; q += 4) {
            Quad sum = load_quad(coefficients + (inputs - 1) * padded + q);
            for (int k = 0; k < inputs - 1; ++k) {
                sum += load_quad(coefficients + k * padded + q) * image[k * width + i];
            }
            for (int o = 0; o < 4 && q + o < outputs; ++o) out[(q + o) * width + i] = sum[o];
        }
    }
}

// Rows of a tensor (B, C, H, W) as float32.
inline void read_rows(const asap_tensor& tensor, int64_t b, int channels, int64_t y, int64_t width, float* out) {
    for (int c = 0; c < channels; ++c) {
        const int64_t at = b * tensor.strides[0] + c * tensor.strides[1] + y * tensor.strides[2];
        read_floats(tensor.data, tensor.dtype, at, tensor.strides[3], static_cast<int>(width), out + c * width);
    }
}

inline int bilateral_forward(const asap_bilateral* b, const float* grid, const asap_tensor* guide,
                             const asap_tensor* image, void* out, int32_t out_dtype, int threads) {
    const BilateralShape s(*b, image != nullptr);
    const bool rgb = image && s.inputs == 4 && s.outputs == 3;
    const int64_t strip = 8, strips = (b->height + strip - 1) / strip, width = b->width;
    const int channels = image ? s.inputs - 1 : 0;
    const size_t floats = AxisPlaces::floats(width) + AxisPlaces::floats(b->height) + DepthPlaces::floats(width) +
                          s.row + s.pitch + static_cast<size_t>(1 + channels + s.channels) * width;
    Outcome outcome;
    parallel(b->batch * strips, threads, [&](Items& items) {
        Scratch scratch(floats);
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        AxisPlaces x(scratch, width), y(scratch, b->height);
        x.fill(width, s.columns, s.depth * s.pitch);
        y.fill(b->height, b->rows, 1);
        DepthPlaces z(scratch, width);
        float *blended = scratch.take(s.row), *coefficients = scratch.take(s.pitch), *guides = scratch.take(width);
        float* pixels = scratch.take(static_cast<size_t>(channels) * width);
        float* values = scratch.take(static_cast<size_t>(s.channels) * width);
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t n = item / strips, first = item % strips * strip;
            const int64_t last = first + strip < b->height ? first + strip : b->height;
            const float* own = grid + n * b->rows * s.row;
            for (int64_t i = first; i < last; ++i) {
                blend(own + y.low[i] * s.row, own + y.high[i] * s.row, y.low_weight[i], y.high_weight[i], s.row, blended);
                read_rows(*guide, n, 1, i, width, guides);
                z.fill(guides, width, s.depth, s.pitch);
                if (image) read_rows(*image, n, channels, i, width, pixels);
                const float* given = image ? pixels : nullptr;
                if (rgb) slice_row<true>(s, blended, x, z, given, width, coefficients, values);
                else slice_row<false>(s, blended, x, z, given, width, coefficients, values);
                for (int c = 0; c < s.channels; ++c) {
                    const int64_t at = ((n * s.channels + c) * b->height + i) * width;
                    write_floats(out, out_dtype, at, static_cast<int>(width), values + c * width);
                }
            }
        }
    });
    return outcome.finish(nullptr);
}

}  // namespace ASAP_ISA
}  // namespace asap
