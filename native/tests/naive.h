// Each operation of the library as its definition, in double, for any processor; and what the checks share.
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include <functional>
#include <vector>

#include "../asap_native.h"

namespace naive {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

// Numbers in [-1, 1), the same everywhere.
struct Draws {
    uint64_t state;
    explicit Draws(uint64_t seed) : state(seed * 2654435761u + 88172645463325252u) {}
    uint64_t next() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state >> 11;
    }
    float number() { return static_cast<float>(static_cast<double>(next()) / 4503599627370496.0 - 1.0); }
    int below(int bound) { return static_cast<int>(next() % static_cast<uint64_t>(bound)); }
    Floats floats(size_t count, float scale = 1.0f, float shift = 0.0f) {
        Floats made(count);
        for (float& value : made) value = shift + scale * number();
        return made;
    }
};

// Largest difference, in units of the reference's root mean square.
template <class Found>
double error(const Found* found, const Doubles& expected) {
    double worst = 0, squares = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        const double away = fabs(static_cast<double>(found[i]) - expected[i]);
        if (!(away <= worst)) worst = away;  // NaN is kept
        squares += expected[i] * expected[i];
    }
    return worst / sqrt(squares / static_cast<double>(expected.size()) + 1e-30);
}

// The pixelwise stream: phi (tiles, P), ids (B, H, W) or none, image (B, C, H, W) or none -> (B, O, H, W).
inline Doubles pixelwise(const asap_mlp& m, const Doubles& phi, const std::vector<uint8_t>& ids, const Doubles& image) {
    const int64_t height = m.rows * m.tile, width = m.columns * m.tile;
    int octaves = 0;
    if (m.positional_encoding) while ((2 << octaves) <= m.tile) ++octaves;
    const int inputs = m.num_classes + m.image_channels + 4 * octaves;
    const int64_t parameters = static_cast<int64_t>(inputs + 1) * m.width + (m.depth - 2) * (m.width + 1) * m.width +
                               (m.width + 1) * m.out_channels;
    Doubles out(m.batch * m.out_channels * height * width);
    for (int64_t b = 0; b < m.batch; ++b) for (int64_t y = 0; y < height; ++y) for (int64_t x = 0; x < width; ++x) {
        Doubles value;
        for (int n = 0; n < m.num_classes; ++n) value.push_back(ids[(b * height + y) * width + x] == n);
        for (int c = 0; c < m.image_channels; ++c) value.push_back(image[((b * m.image_channels + c) * height + y) * width + x]);
        for (int o = 0; o < octaves; ++o) for (int axis = 0; axis < 2; ++axis) {
            const double place = static_cast<double>((axis ? y : x) % m.tile) / m.tile;
            value.push_back(cos(2 * M_PI * place * (1 << o)));
            value.push_back(sin(2 * M_PI * place * (1 << o)));
        }
        const double* at = &phi[((b * m.rows + y / m.tile) * m.columns + x / m.tile) * parameters];
        for (int l = 0; l < m.depth; ++l) {
            const int outputs = l == m.depth - 1 ? m.out_channels : m.width;
            Doubles next(at, at + outputs);
            at += outputs;
            for (double one : value) for (int o = 0; o < outputs; ++o) next[o] += one * *at++;
            if (l < m.depth - 1) for (double& one : next) one = one > 0 ? one : one * static_cast<double>(m.negative_slope);
            value = next;
        }
        for (int o = 0; o < m.out_channels; ++o) out[((b * m.out_channels + o) * height + y) * width + x] = tanh(value[o]);
    }
    return out;
}

inline int64_t reflected(int64_t i, int64_t side) { return i < 0 ? -i : i >= side ? 2 * side - 2 - i : i; }

// One-hot planes by the tent filter, reflected at the borders: (B, H, W) -> (B, N, H/S1, W/S1).
inline Doubles class_pool(const std::vector<uint8_t>& ids, int64_t batch, int64_t height, int64_t width, int classes, int s1) {
    Doubles tent;
    for (int k = 1; k < 2 * s1; k += 2) tent.push_back(k);
    for (int k = s1 - 1; k >= 0; --k) tent.push_back(tent[k]);
    if (s1 == 1) tent = {1};
    double sum = 0;
    for (double one : tent) sum += one;
    const int64_t rows = height / s1, columns = width / s1, pad = s1 == 1 ? 0 : s1 / 2;
    Doubles out(batch * classes * rows * columns);
    for (int64_t b = 0; b < batch; ++b) for (int64_t r = 0; r < rows; ++r) for (int64_t c = 0; c < columns; ++c)
        for (size_t i = 0; i < tent.size(); ++i) for (size_t j = 0; j < tent.size(); ++j) {
            const int64_t y = reflected(r * s1 - pad + static_cast<int64_t>(i), height);
            const int64_t x = reflected(c * s1 - pad + static_cast<int64_t>(j), width);
            out[((b * classes + ids[(b * height + y) * width + x]) * rows + r) * columns + c] += tent[i] * tent[j] / sum / sum;
        }
    return out;
}

// A 3x3 convolution of planes (B, H, W, C), weight (O, C, 3, 3); reflected or zero borders of `pad`.
inline Doubles convolve(const Doubles& image, int64_t batch, int64_t height, int64_t width, int inputs, int outputs,
                        const Floats& weight, int64_t pad, int64_t stride, bool reflect, const Floats* bias = nullptr) {
    const int64_t rows = (height + 2 * pad - 3) / stride + 1, columns = (width + 2 * pad - 3) / stride + 1;
    Doubles out(batch * rows * columns * outputs);
    for (int64_t b = 0; b < batch; ++b) for (int64_t r = 0; r < rows; ++r) for (int64_t c = 0; c < columns; ++c)
        for (int o = 0; o < outputs; ++o) {
            double sum = bias ? (*bias)[o] : 0.0f;
            for (int dy = 0; dy < 3; ++dy) for (int dx = 0; dx < 3; ++dx) {
                int64_t y = r * stride + dy - pad, x = c * stride + dx - pad;
                if (reflect) { y = reflected(y, height); x = reflected(x, width); }
                if (y < 0 || y >= height || x < 0 || x >= width) continue;
                for (int i = 0; i < inputs; ++i)
                    sum += image[((b * height + y) * width + x) * inputs + i] * weight[((o * inputs + i) * 3 + dy) * 3 + dx];
            }
            out[((b * rows + r) * columns + c) * outputs + o] = sum;
        }
    return out;
}

// Instance norm with affine and leaky ReLU of (B, pixels, C).
inline void norm(Doubles& z, int64_t batch, int64_t pixels, int channels, const float* gamma, const float* beta, double eps,
                 double slope) {
    for (int64_t b = 0; b < batch; ++b) for (int c = 0; c < channels; ++c) {
        double mean = 0, square = 0;
        double* at = &z[b * pixels * channels + c];
        for (int64_t p = 0; p < pixels; ++p) mean += at[p * channels] / pixels;
        for (int64_t p = 0; p < pixels; ++p) square += (at[p * channels] - mean) * (at[p * channels] - mean) / pixels;
        for (int64_t p = 0; p < pixels; ++p) {
            const double n = (at[p * channels] - mean) / sqrt(square + eps) * gamma[c] + beta[c];
            at[p * channels] = n > 0 ? n : n * slope;
        }
    }
}

}  // namespace naive
