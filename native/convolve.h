// 3x3 convolutions of stride 1 whose weights stay the same over many calls (a fixed network such as VGG), by
// Winograd's minimal filtering. Tiles are taken in chunks that pass through all three steps in the cache.
//
// Images lie pixel by pixel with their channels together (B, H, W, C); C and O are multiples of `strip`.
#pragma once

#include "lowres.h"

namespace asap {
namespace ASAP_ISA {

// What is convolved and where the result goes.
struct Job {
    const float* image;  // (B, H, W, C)
    const float* gate;   // (B, H, W, C) or null: where it is not positive, the image counts as zero
    const float* bias;   // (padded O) or null
    bool relu;
    int64_t batch, height, width;
    float* out;  // (B, H, W, O)
};

constexpr int64_t chunk_floats = 1 << 20;  // of both Winograd domains of a chunk

// Tiles of a chunk: a multiple of the register block, enough that a pass over the weights pays.
inline int64_t chunk_tiles(const Conv& conv, int64_t tiles, int threads) {
    int64_t chunk = chunk_floats / (conv.frequencies() * (conv.inputs + conv.padded()));
    if (chunk < 8 * block_rows) chunk = 8 * block_rows;
    const int64_t share = (tiles + threads - 1) / threads;
    if (chunk > share) chunk = share;
    return (chunk + block_rows - 1) / block_rows * block_rows;
}

// B^T d B of one tile: channels of V at `to`, frequencies `step` apart.
template <int m>
void tile_to_domain(const Job& job, int64_t channels, int64_t b, int64_t y, int64_t x, float* to, int64_t step) {
    constexpr int alpha = m + 2;
    ptrdiff_t offset[alpha][alpha];  // of each pixel of the patch, or -1 outside the image
    for (int i = 0; i < alpha; ++i) {
        for (int j = 0; j < alpha; ++j) {
            const int64_t row = y - 1 + i, column = x - 1 + j;
            const bool inside = row >= 0 && row < job.height && column >= 0 && column < job.width;
            offset[i][j] = inside ? ((b * job.height + row) * job.width + column) * channels : -1;
        }
    }
    for (int64_t c = 0; c < channels; c += lanes) {
        Vec in[alpha][alpha], frequencies[alpha][alpha];
        for (int i = 0; i < alpha; ++i) {
            for (int j = 0; j < alpha; ++j) {
                in[i][j] = Vec{};
                if (offset[i][j] < 0) continue;
                const Vec value = load(job.image + offset[i][j] + c);
                in[i][j] = value;
                if (job.gate) in[i][j] = load(job.gate + offset[i][j] + c) > 0.0f ? value : Vec{};
            }
        }
        transform(Winograd<m>::bt, in, frequencies);
        ASAP_UNROLL
        for (int i = 0; i < alpha; ++i) {
            ASAP_UNROLL
            for (int j = 0; j < alpha; ++j) store(to + (alpha * i + j) * step + c, frequencies[i][j]);
        }
    }
}

// A^T [..] A of one tile, bias and ReLU: m x m pixels of the result, less where the image ends.
template <int m>
void tile_from_domain(const Job& job, int64_t channels, int64_t b, int64_t y, int64_t x, const float* from,
                      int64_t step) {
    constexpr int alpha = m + 2;
    for (int64_t c = 0; c < channels; c += lanes) {
        Vec in[alpha][alpha], result[m][m];
        ASAP_UNROLL
        for (int i = 0; i < alpha; ++i) {
            ASAP_UNROLL
            for (int j = 0; j < alpha; ++j) in[i][j] = load(from + (alpha * i + j) * step + c);
        }
        transform(Winograd<m>::at, in, result);
        const Vec bias = job.bias ? load(job.bias + c) : Vec{};
        for (int i = 0; i < m && y + i < job.height; ++i) {
            for (int j = 0; j < m && x + j < job.width; ++j) {
                Vec value = result[i][j] + bias;
                if (job.relu) value = value < 0.0f ? Vec{} : value;
                store(job.out + ((b * job.height + y + i) * job.width + x + j) * channels + c, value);
            }
        }
    }
}

template <int m>
void convolve_chunks(const Conv& conv, const Job& job, int threads, Outcome& outcome) {
    const int64_t across = (job.width + m - 1) / m, each = (job.height + m - 1) / m * across;
    const int64_t tiles = job.batch * each, chunk = chunk_tiles(conv, tiles, threads);
    // a cache line more a row: else the rows of all frequencies would meet in one set of the cache
    const int64_t in_pitch = conv.inputs + 16, out_pitch = conv.padded() + 16;
    const Terms terms = contiguous_terms(conv.inputs);
    parallel((tiles + chunk - 1) / chunk, threads, [&](Items& items) {
        Scratch scratch(conv.frequencies() * chunk * (in_pitch + out_pitch));
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        float* in = scratch.take(conv.frequencies() * chunk * in_pitch);
        float* out = scratch.take(conv.frequencies() * chunk * out_pitch);
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t first = item * chunk, count = tiles - first < chunk ? tiles - first : chunk;
            auto place = [&](int64_t t, int64_t& b, int64_t& y, int64_t& x) {
                b = (first + t) / each;
                y = (first + t) % each / across * m;
                x = (first + t) % across * m;
            };
            int64_t b, y, x;
            for (int64_t t = 0; t < count; ++t) {
                place(t, b, y, x);
                tile_to_domain<m>(job, conv.inputs, b, y, x, in + t * in_pitch, chunk * in_pitch);
            }
            for (int f = 0; f < conv.frequencies(); ++f) {
                const float* weight = conv.weight + f * conv.panels * terms.panel();
                const float* next = f + 1 < conv.frequencies() ? weight + conv.panels * terms.panel() : nullptr;
                panels_product<Start::zero>(count, terms, {in + f * chunk * in_pitch, in_pitch, 1},
                                            {weight, conv.panels, nullptr},
                                            {out + f * chunk * out_pitch, out_pitch, panel_width}, next);
            }
            for (int64_t t = 0; t < count; ++t) {
                place(t, b, y, x);
                tile_from_domain<m>(job, conv.outputs, b, y, x, out + t * out_pitch, chunk * out_pitch);
            }
        }
    });
}

struct FixedConvolution {
    LowRes layers;  // one layer; `beta` of it is the bias
    bool biased = false;
};

inline void* convolution_create(const float* weight, const float* bias, int outputs, int inputs, int m, int threads) {
    if (inputs % strip || outputs % strip || (m != 2 && m != 4)) return nullptr;
    FixedConvolution* made = new FixedConvolution;
    made->biased = bias != nullptr;
    float* zeros = allocate(outputs);
    if (zeros) memset(zeros, 0, outputs * sizeof(float));
    const asap_conv from{inputs, outputs, 1, m, weight, zeros, bias ? bias : zeros, 0.0f};
    const bool ok = zeros && prepare_layer(made->layers, from, threads);
    free(zeros);
    if (ok) return made;
    delete made;
    return nullptr;
}

inline int64_t convolution_bytes(const void* handle) {
    const Conv& conv = static_cast<const FixedConvolution*>(handle)->layers.conv[0];
    return (conv.weight_floats() + 2 * conv.padded()) * static_cast<int64_t>(sizeof(float));
}

inline int convolution_run(const void* handle, const float* image, const float* gate, int relu, int64_t batch,
                           int64_t height, int64_t width, float* out, int threads) {
    const FixedConvolution& fixed = *static_cast<const FixedConvolution*>(handle);
    const Conv& conv = fixed.layers.conv[0];
    const Job job{image, gate, fixed.biased ? conv.beta : nullptr, relu != 0, batch, height, width, out};
    Outcome outcome;
    if (batch * height * width > 0) {
        if (conv.winograd == 2) convolve_chunks<2>(conv, job, threads, outcome);
        else convolve_chunks<4>(conv, job, threads, outcome);
    }
    return outcome.finish(nullptr);
}

inline void convolution_free(void* handle) { delete static_cast<FixedConvolution*>(handle); }

}  // namespace ASAP_ISA
}  // namespace asap
