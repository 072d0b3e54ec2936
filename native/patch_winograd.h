// 3x3 convolutions of stride 1 whose weights change from call to call, and the gradient of their weights, by Winograd's
// minimal filtering F(4x4, 3x3). The gradient is the algorithm transposed: with Y = A^T [U * V] A, U = G g G^T and
// V = B^T d B,
//
//   dg = G^T [ sum over tiles of (A dY A^T) * V ] G
//
// Images lie pixel by pixel, their channels together and a whole number of cache lines apart (`pitch_of`); what lies
// between the last channel and the next line is neither read nor, beyond whole vectors, written.
#pragma once

#include "elements.h"
#include "parallel.h"
#include "products.h"
#include "winograd.h"

namespace asap {
namespace ASAP_ISA {

constexpr int side = 4, span = 6, span_squared = span * span;  // of a tile and of its patch

inline int64_t pitch_of(int64_t channels) { return round_up(channels, 16); }
inline int64_t whole(int64_t channels) { return round_up(channels, lanes); }

// Tiles of the result of a convolution: image (B, H, W), zero padding on every side.
struct Tiling {
    int64_t batch, height, width, pad;
    int64_t out_height() const { return height + 2 * pad - 2; }
    int64_t out_width() const { return width + 2 * pad - 2; }
    int64_t across() const { return (out_width() + side - 1) / side; }
    int64_t each() const { return (out_height() + side - 1) / side * across(); }
    int64_t tiles() const { return batch * each(); }
};

struct Corner {
    int64_t b, y, x;  // first pixel of a tile in the result
};

inline Corner corner_of(const Tiling& tiling, int64_t tile) {
    const int64_t within = tile % tiling.each();
    return {tile / tiling.each(), within / tiling.across() * side, within % tiling.across() * side};
}

// The two transforms along one axis, with the sums that rows share made once.
ASAP_INLINE void to_patch(const Vec (&d)[6], Vec (&v)[6]) {  // B^T
    const Vec even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1];
    const Vec low = d[4] - d[2], high = 2.0f * (d[3] - d[1]);
    v[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = low + high;
    v[4] = low - high;
    v[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

ASAP_INLINE void from_patch(const Vec (&m)[6], Vec (&y)[4]) {  // A^T
    const Vec sum = m[1] + m[2], difference = m[1] - m[2], far = m[3] + m[4], apart = m[3] - m[4];
    y[0] = m[0] + sum + far;
    y[1] = difference + 2.0f * apart;
    y[2] = sum + 4.0f * far;
    y[3] = difference + 8.0f * apart + m[5];
}

ASAP_INLINE void spread(const Vec (&y)[4], Vec (&m)[6]) {  // A
    const Vec even = y[0] + y[2], odd = y[1] + y[3];
    const Vec far = y[0] + 4.0f * y[2], apart = 2.0f * y[1] + 8.0f * y[3];
    m[0] = y[0];
    m[1] = even + odd;
    m[2] = even - odd;
    m[3] = far + apart;
    m[4] = far - apart;
    m[5] = y[3];
}

ASAP_INLINE void spread_filter(const Vec (&g)[3], Vec (&u)[6]) {  // G
    const Vec ends = g[0] + g[2], far = (1.0f / 24) * g[0] + (1.0f / 6) * g[2], middle = (1.0f / 12) * g[1];
    u[0] = 0.25f * g[0];
    u[1] = (-1.0f / 6) * (ends + g[1]);
    u[2] = (-1.0f / 6) * (ends - g[1]);
    u[3] = far + middle;
    u[4] = far - middle;
    u[5] = g[2];
}

// A pass along both axes of a square of `from` vectors a side to one of `to` a side; read(i, j), write(i, j, value).
template <int from, int to, class Axis, class Read, class Write>
ASAP_INLINE void both_axes(Axis axis, Read read, Write write) {
    Vec half[to][from];
    ASAP_UNROLL
    for (int j = 0; j < from; ++j) {
        Vec column[from], made[to];
        ASAP_UNROLL
        for (int i = 0; i < from; ++i) column[i] = read(i, j);
        axis(column, made);
        ASAP_UNROLL
        for (int i = 0; i < to; ++i) half[i][j] = made[i];
    }
    ASAP_UNROLL
    for (int i = 0; i < to; ++i) {
        Vec made[to];
        axis(half[i], made);
        ASAP_UNROLL
        for (int j = 0; j < to; ++j) write(i, j, made[j]);
    }
}

// What lies in a square of an image, zeros beyond its borders; body(read) with read(i, j) for some channels.
template <int square, class Body>
ASAP_INLINE void each_vector(const float* image, int64_t batch, int64_t height, int64_t width, int64_t pitch, int64_t y,
                             int64_t x, int64_t channels, Body body) {
    const float* from = image + ((batch * height + y) * width + x) * pitch;
    if (y >= 0 && x >= 0 && y + square <= height && x + square <= width) {
        for (int64_t c = 0; c < channels; c += lanes) {
            body(c, [&](int i, int j) { return load(from + (i * width + j) * pitch + c); });
        }
        return;
    }
    for (int64_t c = 0; c < channels; c += lanes) {
        body(c, [&](int i, int j) {
            const bool inside = y + i >= 0 && y + i < height && x + j >= 0 && x + j < width;
            return inside ? load(from + (i * width + j) * pitch + c) : Vec{};
        });
    }
}

// V of one tile: frequencies `step` apart.
inline void patch_to_domain(const float* image, const Tiling& tiling, int64_t channels, const Corner& at, float* to,
                            int64_t step) {
    each_vector<span>(image, at.b, tiling.height, tiling.width, pitch_of(channels), at.y - tiling.pad,
                      at.x - tiling.pad, whole(channels), [&](int64_t c, auto read) {
                          both_axes<6, 6>([](const auto& in, auto& out) { to_patch(in, out); }, read,
                                          [&](int i, int j, Vec v) { store(to + (span * i + j) * step + c, v); });
                      });
}

// A dY A^T of one tile.
inline void gradient_to_domain(const float* gradient, const Tiling& tiling, int64_t channels, const Corner& at, float* to,
                               int64_t step) {
    each_vector<side>(gradient, at.b, tiling.out_height(), tiling.out_width(), pitch_of(channels), at.y, at.x,
                      whole(channels), [&](int64_t c, auto read) {
                          both_axes<4, 6>([](const auto& in, auto& out) { spread(in, out); }, read,
                                          [&](int i, int j, Vec v) { store(to + (span * i + j) * step + c, v); });
                      });
}

// After a convolution: a bias a channel (or null) and leaky ReLU (slope 1: none).
struct Epilogue {
    const float* bias;
    float slope;
};

inline void domain_to_result(const float* from, int64_t step, const Tiling& tiling, int64_t channels, const Corner& at,
                             const Epilogue& epilogue, float* out) {
    const int64_t pitch = pitch_of(channels), height = tiling.out_height(), width = tiling.out_width();
    const Vec slope = splat(epilogue.slope);
    float* to = out + ((at.b * height + at.y) * width + at.x) * pitch;
    const bool inside = at.y + side <= height && at.x + side <= width;
    for (int64_t c = 0; c < whole(channels); c += lanes) {
        const Vec bias = epilogue.bias ? load(epilogue.bias + c) : Vec{};
        both_axes<6, 4>([](const auto& in, auto& made) { from_patch(in, made); },
                        [&](int i, int j) { return load(from + (span * i + j) * step + c); },
                        [&](int i, int j, Vec value) {
                            if (inside || (at.y + i < height && at.x + j < width)) {
                                store(to + (i * width + j) * pitch + c, leaky_relu(value + bias, slope));
                            }
                        });
    }
}

// Tiles of a chunk: both of its Winograd domains stay in the cache.
inline int64_t tiles_at_once(int64_t inputs, int64_t outputs, int64_t tiles, int threads) {
    constexpr int64_t floats = 1 << 19;
    int64_t chunk = floats / (span_squared * (whole(inputs) + whole(outputs)));
    if (chunk < 48) chunk = 48;
    const int64_t share = (tiles + threads - 1) / threads;
    return round_up(chunk < share ? chunk : share, 12);
}

inline int64_t filter_floats(int64_t inputs, int64_t outputs) { return span_squared * inputs * whole(outputs); }

// U of all filters; weight (outputs, inputs, 3, 3), or with `backward` the filters of the image's gradient: those of
// (inputs, outputs, 3, 3) turned by half a circle.
inline void transform_filters(const float* weight, int64_t inputs, int64_t outputs, bool backward, float* out) {
    const int64_t width = whole(outputs), matrix = inputs * width;
    const int64_t across = backward ? 1 : inputs, down = backward ? outputs : 1;  // filters between two outputs, two inputs
    for (int64_t o = 0; o < width; o += lanes) {
        const int64_t count = outputs - o < lanes ? outputs - o : lanes;
        const int64_t place = packed_place(0, o, inputs, width), step = packed_place(1, o, inputs, width) - place;
        for (int64_t i = 0; i < inputs; ++i) {
            float filters[9][lanes] = {};
            const float* from = weight + 9 * (o * across + i * down);
            for (int64_t n = 0; n < count; ++n) {
                for (int k = 0; k < 9; ++k) filters[k][n] = from[9 * n * across + (backward ? 8 - k : k)];
            }
            float* to = out + place + i * step;
            both_axes<3, 6>([](const auto& in, auto& made) { spread_filter(in, made); },
                            [&](int y, int x) { return load(filters[3 * y + x]); },
                            [&](int y, int x, Vec value) { store(to + (span * y + x) * matrix, value); });
        }
    }
}

inline void winograd_convolve(const float* image, const float* filters, const Tiling& tiling, int64_t inputs,
                              int64_t outputs, const Epilogue& epilogue, float* out, int threads, Outcome& outcome) {
    const int64_t tiles = tiling.tiles(), chunk = tiles_at_once(inputs, outputs, tiles, threads);
    // a cache line more a row: else the rows of all frequencies would meet in one set of the cache
    const int64_t in_pitch = whole(inputs) + 16, out_pitch = whole(outputs) + 16;
    parallel((tiles + chunk - 1) / chunk, threads, [&](Items& items) {
        Scratch scratch(span_squared * chunk * (in_pitch + out_pitch));
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        float* in = scratch.take(span_squared * chunk * in_pitch);
        float* sums = scratch.take(span_squared * chunk * out_pitch);
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t first = item * chunk, count = tiles - first < chunk ? tiles - first : chunk;
            for (int64_t t = 0; t < count; ++t) {
                patch_to_domain(image, tiling, inputs, corner_of(tiling, first + t), in + t * in_pitch, chunk * in_pitch);
            }
            for (int f = 0; f < span_squared; ++f) {
                product<Finish::store>(count, whole(outputs), static_cast<int>(inputs),
                                       {in + f * chunk * in_pitch, in_pitch, 1},
                                       filters + f * inputs * whole(outputs), 0, sums + f * chunk * out_pitch, out_pitch);
            }
            for (int64_t t = 0; t < count; ++t) {
                domain_to_result(sums + t * out_pitch, chunk * out_pitch, tiling, outputs, corner_of(tiling, first + t),
                                 epilogue, out);
            }
        }
    });
}

inline int64_t gradient_floats(int64_t inputs, int64_t outputs) { return span_squared * inputs * whole(outputs); }

// Adds the gradient of the weights, in the Winograd domain, to `sums`. The tiles are added in one order whatever the
// number of threads: these share the frequencies.
inline void winograd_gradient(const float* image, const float* gradient, const Tiling& tiling, int64_t inputs,
                              int64_t outputs, float* sums, int threads, Outcome& outcome) {
    const int64_t tiles = tiling.tiles(), chunk = tiles_at_once(inputs, outputs, tiles, 1), group = 8;
    const int64_t in_pitch = whole(inputs) + 16, out_pitch = whole(outputs) + 16;
    Scratch scratch(span_squared * chunk * (in_pitch + out_pitch));
    if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
    float* in = scratch.take(span_squared * chunk * in_pitch);
    float* out = scratch.take(span_squared * chunk * out_pitch);
    for (int64_t first = 0; first < tiles; first += chunk) {
        const int64_t count = tiles - first < chunk ? tiles - first : chunk;
        parallel((count + group - 1) / group, threads, [&](Items& items) {
            for (int64_t item; (item = items.next()) >= 0;) {
                for (int64_t t = item * group; t < count && t < (item + 1) * group; ++t) {
                    const Corner at = corner_of(tiling, first + t);
                    patch_to_domain(image, tiling, inputs, at, in + t * in_pitch, chunk * in_pitch);
                    gradient_to_domain(gradient, tiling, outputs, at, out + t * out_pitch, chunk * out_pitch);
                }
            }
        });
        parallel(span_squared, threads, [&](Items& items) {
            for (int64_t f; (f = items.next()) >= 0;) {
                product<Finish::add>(inputs, whole(outputs), static_cast<int>(count),
                                     {in + f * chunk * in_pitch, 1, in_pitch}, out + f * chunk * out_pitch, out_pitch,
                                     sums + f * inputs * whole(outputs), whole(outputs));
            }
        });
    }
}

// G^T [..] G: the sums as (outputs, inputs, 3, 3).
inline void gradient_of_filters(const float* sums, int64_t inputs, int64_t outputs, float* out) {
    const int64_t width = whole(outputs);
    for (int64_t i = 0; i < inputs; ++i) {
        for (int64_t o = 0; o < outputs; ++o) {
            float half[3][span];
            for (int j = 0; j < span; ++j) {
                for (int k = 0; k < 3; ++k) {
                    float sum = 0;
                    for (int a = 0; a < span; ++a) {
                        sum += static_cast<float>(Winograd<side>::g[a][k]) * sums[((span * a + j) * inputs + i) * width + o];
                    }
                    half[k][j] = sum;
                }
            }
            for (int k = 0; k < 3; ++k) {
                for (int l = 0; l < 3; ++l) {
                    float sum = 0;
                    for (int a = 0; a < span; ++a) sum += half[k][a] * static_cast<float>(Winograd<side>::g[a][l]);
                    out[(o * inputs + i) * 9 + 3 * k + l] = sum;
                }
            }
        }
    }
}

}  // namespace ASAP_ISA
}  // namespace asap
