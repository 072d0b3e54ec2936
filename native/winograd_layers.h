// The Winograd layers of the low-res stream: a strip of channels goes from the products of one layer through instance
// norm and ReLU to the input of the next without leaving the cache. Axes: T Winograd tiles of an image.
#pragma once

#include "lowres_layers.h"
#include "winograd.h"

namespace asap {
namespace ASAP_ISA {

// The Winograd domain of one layer: V (alpha^2, B T, pitch).
struct Domain {
    float* data;
    int64_t batch, height, width;  // of the image
    int64_t pitch;
    int m;
    int64_t tiles_down() const { return (height + m - 1) / m; }
    int64_t tiles_across() const { return (width + m - 1) / m; }
    int64_t tiles() const { return tiles_down() * tiles_across(); }
    int64_t rows() const { return batch * tiles(); }
    // a cache line more: else a tile's lines of all frequencies would meet in one set of the cache
    int64_t frequency_step() const { return rows() * pitch + 16; }
    int64_t floats() const { return (m + 2) * (m + 2) * frequency_step(); }
    float* at(int frequency, int64_t b, int64_t tile) const {
        return data + frequency * frequency_step() + (b * tiles() + tile) * pitch;
    }
};

constexpr int strip = 16;  // channels of a plane: one cache line

// Some channels of one image in cache: (H', W', strip) with a border of one pixel, H' and W' whole tiles.
struct Plane {
    float* data;
    int64_t height, width, row;
    static int64_t floats(const Domain& d) {
        return (d.tiles_down() * d.m + 2) * (d.tiles_across() * d.m + 2) * strip;
    }
    Plane(float* memory, const Domain& d)
        : data(memory), height(d.height), width(d.width), row((d.tiles_across() * d.m + 2) * strip) {
        memset(memory, 0, floats(d) * sizeof(float));
    }
    float* at(int64_t y, int64_t x) const { return data + (y + 1) * row + (x + 1) * strip; }
    void reflect() const {
        const size_t pixel = strip * sizeof(float);
        for (int64_t y = 0; y < height; ++y) {
            memcpy(at(y, -1), at(y, 1), pixel);
            memcpy(at(y, width), at(y, width - 2), pixel);
        }
        const size_t line = (width + 2) * pixel;
        memcpy(at(-1, -1), at(1, -1), line);
        memcpy(at(height, -1), at(height - 2, -1), line);
    }
};

// A tile's lines of all frequencies lie too far apart for the processor to foresee them: they are fetched this many
// tiles before they are read or written.
constexpr int tiles_ahead = 3;

// Calls body(y, x, line) for every tile: its first pixel, and where its channels lie in the first frequency.
template <int m, class Body>
ASAP_INLINE void each_tile(const Domain& domain, int64_t b, int64_t channel, Body body) {
    const int64_t down = domain.tiles_down(), across = domain.tiles_across(), pitch = domain.pitch;
    float* line = domain.at(0, b, 0) + channel;
    for (int64_t i = 0; i < down; ++i) {
        for (int64_t j = 0; j < across; ++j, line += pitch) body(i * m, j * m, line);
    }
}

// B^T d B of every tile of the plane: channels [channel, channel + strip) of V.
template <int m>
void to_domain(const Plane& plane, const Domain& out, int64_t b, int64_t channel) {
    constexpr int alpha = m + 2;
    const int64_t step = out.frequency_step(), row = plane.row;
    const int64_t ahead = tiles_ahead * out.pitch;
    each_tile<m>(out, b, channel, [&](int64_t y, int64_t x, float* to) {
        for (int f = 0; f < alpha * alpha; ++f) __builtin_prefetch(to + f * step + ahead, 1);
        const float* patch = plane.at(y - 1, x - 1);
        for (int v = 0; v < strip; v += lanes) {
            Vec in[alpha][alpha], frequencies[alpha][alpha];
            ASAP_UNROLL
            for (int i = 0; i < alpha; ++i) {
                ASAP_UNROLL
                for (int j = 0; j < alpha; ++j) in[i][j] = load(patch + i * row + j * strip + v);
            }
            transform(Winograd<m>::bt, in, frequencies);
            ASAP_UNROLL
            for (int i = 0; i < alpha; ++i) {
                ASAP_UNROLL
                for (int j = 0; j < alpha; ++j) store(to + (alpha * i + j) * step + v, frequencies[i][j]);
            }
        }
    });
}

// A^T [..] A of every tile: the strip's outputs before normalisation.
template <int m>
void from_domain(const Domain& products, int64_t b, int64_t channel, const Plane& plane) {
    constexpr int alpha = m + 2;
    const int64_t step = products.frequency_step();
    const int64_t ahead = tiles_ahead * products.pitch;
    each_tile<m>(products, b, channel, [&](int64_t y, int64_t x, const float* from) {
        for (int f = 0; f < alpha * alpha; ++f) __builtin_prefetch(from + f * step + ahead);
        for (int v = 0; v < strip; v += lanes) {
            Vec in[alpha][alpha], out[m][m];
            ASAP_UNROLL
            for (int i = 0; i < alpha; ++i) {
                ASAP_UNROLL
                for (int j = 0; j < alpha; ++j) in[i][j] = load(from + (alpha * i + j) * step + v);
            }
            transform(Winograd<m>::at, in, out);
            for (int i = 0; i < m && y + i < plane.height; ++i) {
                for (int j = 0; j < m && x + j < plane.width; ++j) store(plane.at(y + i, x + j) + v, out[i][j]);
            }
        }
    });
}

// Instance norm and ReLU of a plane, in place.
inline void normalize_plane(const Plane& plane, const float* gamma, const float* beta, float eps) {
    const float count = static_cast<float>(plane.height * plane.width);
    for (int v = 0; v < strip; v += lanes) {
        Vec sum{}, squares{};
        for (int64_t y = 0; y < plane.height; ++y) {
            Vec line{};
            for (int64_t x = 0; x < plane.width; ++x) line += load(plane.at(y, x) + v);
            sum += line;
        }
        const Vec mean = sum / count;
        for (int64_t y = 0; y < plane.height; ++y) {
            Vec line{};
            for (int64_t x = 0; x < plane.width; ++x) {
                const Vec apart = load(plane.at(y, x) + v) - mean;
                line += apart * apart;
            }
            squares += line;
        }
        const Vec variance = squares / count + eps;
        Vec root;
        for (int i = 0; i < lanes; ++i) root[i] = sqrtf(variance[i]);
        const Vec scale = load(gamma + v) / root, shift = load(beta + v);
        for (int64_t y = 0; y < plane.height; ++y) {
            for (int64_t x = 0; x < plane.width; ++x) {
                float* pixel = plane.at(y, x) + v;
                const Vec value = (load(pixel) - mean) * scale + shift;
                store(pixel, value < 0.0f ? Vec{} : value);
            }
        }
    }
}

constexpr int64_t rows_at_once = 44 * block_rows;  // whose part of the terms stays in the second cache

// Calls body(first, count) for even chunks of at most `most` of `all`.
template <class Body>
void in_chunks(int64_t all, int64_t most, Body body) {
    const int64_t chunks = (all + most - 1) / most;
    for (int64_t i = 0; i < chunks; ++i) body(all * i / chunks, all * (i + 1) / chunks - all * i / chunks);
}

// The alpha^2 products of a Winograd layer: each panel of the weights passes through the cache once.
inline void domain_products(const Conv& conv, const Domain& in, const Domain& out, int threads) {
    const Terms terms = contiguous_terms(conv.inputs);
    const int64_t each = panels_at_once(conv.panels, threads, most_panels), groups = (conv.panels + each - 1) / each;
    const int64_t count = conv.frequencies() * groups;
    auto weight = [&](int64_t item) -> const float* {
        if (item >= count) return nullptr;
        return conv.weight + (item / groups * conv.panels + item % groups * each) * terms.panel();
    };
    parallel(count, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            const int f = static_cast<int>(item / groups);
            const int64_t first = item % groups * each, left_over = conv.panels - first;
            const Panels panels{weight(item), left_over < each ? left_over : each, nullptr};
            in_chunks(in.rows(), [&](int64_t row, int64_t rows) {
                const float* next = row + rows < in.rows() ? panels.weight : weight(item + threads);
                float* to = out.at(f, 0, 0) + row * out.pitch + first * panel_width;
                panels_product<Start::zero>(rows, terms, {in.at(f, 0, 0) + row * in.pitch, in.pitch, 1}, panels,
                                            {to, out.pitch, panel_width}, next);
            });
        }
    });
}

}  // namespace ASAP_ISA
}  // namespace asap
