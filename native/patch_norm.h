// Normalisation over the pixels of each image with affine and leaky ReLU, and what training with a gradient penalty needs
// of it: its gradient, its directional derivative, and the gradient of that derivative.
//
// Per channel: zh = (z - mean) inv, n = gamma zh + beta, x = leaky(n). Sums over pixels are made in chunks of one size
// and added in one order, so results do not depend on the number of threads.
#pragma once

#include <math.h>

#include "patch_winograd.h"

namespace asap {
namespace ASAP_ISA {

constexpr int64_t chunk_pixels = 64;  // a few of them stay in the first cache

struct NormShape {
    int64_t batch, pixels, channels;
    float slope;
    int64_t pitch() const { return pitch_of(channels); }
    int64_t chunks() const { return (pixels + chunk_pixels - 1) / chunk_pixels; }
};

// Arrays of a value a channel are padded to whole lines: (pitch), those of each image (B, pitch).
struct Normed {
    const float *z, *mean, *inv;    // (B, pixels, pitch), (B, pitch), (B, pitch)
    const float *gamma, *beta, *gain;  // (pitch); gain: gamma, or what it has become since the pass forwards
};

// body(first pixel, number of pixels, sums) for every chunk, whose sums (count, pitch) are then added up and divided by
// the number of pixels: means (B, count, pitch) in double, or null if memory ran out.
template <int count, class Body>
bool channel_means(const NormShape& s, double* means, int threads, Body body) {
    const int64_t each = count * s.pitch(), chunks = s.chunks();
    float* sums = nullptr;
    if (posix_memalign(reinterpret_cast<void**>(&sums), 64, s.batch * chunks * each * sizeof(float))) return false;
    parallel(s.batch * chunks, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / chunks, first = item % chunks * chunk_pixels;
            const int64_t pixels = s.pixels - first < chunk_pixels ? s.pixels - first : chunk_pixels;
            body(b, b * s.pixels + first, pixels, sums + item * each);
        }
    });
    for (int64_t b = 0; b < s.batch; ++b) {
        double* to = means + b * each;
        for (int64_t k = 0; k < each; ++k) to[k] = 0;
        for (int64_t chunk = 0; chunk < chunks; ++chunk) {
            const float* from = sums + (b * chunks + chunk) * each;
            for (int64_t k = 0; k < each; ++k) to[k] += from[k];
        }
        for (int64_t k = 0; k < each; ++k) to[k] /= static_cast<double>(s.pixels);
    }
    free(sums);
    return true;
}

// body(image, first pixel, number of pixels) for every chunk.
template <class Body>
void each_chunk(const NormShape& s, int threads, Body body) {
    const int64_t chunks = s.chunks();
    parallel(s.batch * chunks, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / chunks, first = item % chunks * chunk_pixels;
            body(b, b * s.pixels + first, s.pixels - first < chunk_pixels ? s.pixels - first : chunk_pixels);
        }
    });
}

// Constants (count, pitch) of each image, on the heap.
struct Constants {
    Constants(int64_t floats) : doubles(nullptr), size(floats) {
        if (posix_memalign(reinterpret_cast<void**>(&doubles), 64, (floats + 1) * sizeof(double))) doubles = nullptr;
    }
    ~Constants() { free(doubles); }
    Constants(const Constants&) = delete;
    Constants& operator=(const Constants&) = delete;
    double* doubles;
    int64_t size;
};

// n = z scale + shift, one rounding of each, the same wherever the sign of n is asked for.
struct Affine {
    Vec scale, shift;
    ASAP_INLINE Affine(const Normed& n, int64_t b, int64_t pitch, int64_t c) {
        const int64_t at = b * pitch + c;
        scale = load(n.gamma + c) * load(n.inv + at);
        shift = load(n.beta + c) - load(n.mean + at) * scale;
    }
    ASAP_INLINE Vec operator()(Vec z) const { return z * scale + shift; }
};

ASAP_INLINE Vec gated(Vec gradient, Vec n, Vec slope) { return n > 0.0f ? gradient : gradient * slope; }

// Mean and 1 / sqrt(variance + eps) of each image, then x. The running statistics, where given, take the images one
// after the other: the mean with the convolution's bias, the variance without bias of the estimate.
inline int norm_forward(const NormShape& s, const float* z, const float* gamma, const float* beta, float eps,
                        const float* bias, float* running_mean, float* running_var, double momentum, float* mean,
                        float* inv, float* x, int threads) {
    const int64_t pitch = s.pitch(), width = whole(s.channels);
    Constants first(s.batch * pitch), second(s.batch * pitch);
    if (!first.doubles || !second.doubles) return ASAP_NO_MEMORY;
    const int64_t chunks = s.chunks();
    // of every chunk the mean and the summed squares about it: a stable variance in one pass
    float* sums = nullptr;
    if (posix_memalign(reinterpret_cast<void**>(&sums), 64, s.batch * chunks * 2 * pitch * sizeof(float))) {
        return ASAP_NO_MEMORY;
    }
    each_chunk(s, threads, [&](int64_t b, int64_t at, int64_t pixels) {
        float* to = sums + (b * chunks + (at - b * s.pixels) / chunk_pixels) * 2 * pitch;
        for (int64_t c = 0; c < width; c += lanes) {
            Vec sum{}, squares{};
            for (int64_t p = at; p < at + pixels; ++p) sum += load(z + p * pitch + c);
            const Vec middle = sum * (1.0f / static_cast<float>(pixels));
            for (int64_t p = at; p < at + pixels; ++p) {
                const Vec apart = load(z + p * pitch + c) - middle;
                squares += apart * apart;
            }
            store(to + c, middle);
            store(to + pitch + c, squares);
        }
    });
    auto weight = [&](int64_t chunk) {
        const int64_t left = s.pixels - chunk * chunk_pixels;
        return static_cast<double>(left < chunk_pixels ? left : chunk_pixels);
    };
    for (int64_t b = 0; b < s.batch; ++b) {
        for (int64_t c = 0; c < pitch; ++c) {
            const int64_t at = b * pitch + c;
            first.doubles[at] = second.doubles[at] = mean[at] = 0;
            if (c >= s.channels) continue;
            const float* from = sums + b * chunks * 2 * pitch + c;
            double sum = 0, squares = 0;
            for (int64_t k = 0; k < chunks; ++k) sum += from[2 * k * pitch] * weight(k);
            const double middle = sum / static_cast<double>(s.pixels);
            for (int64_t k = 0; k < chunks; ++k) {
                const double apart = from[2 * k * pitch] - middle;
                squares += from[(2 * k + 1) * pitch] + apart * apart * weight(k);
            }
            first.doubles[at] = middle;
            second.doubles[at] = squares / static_cast<double>(s.pixels);
            mean[at] = static_cast<float>(middle);
        }
    }
    free(sums);
    const double unbiased = static_cast<double>(s.pixels) / static_cast<double>(s.pixels - 1);
    for (int64_t b = 0; b < s.batch; ++b) {
        for (int64_t c = 0; c < pitch; ++c) {
            const int64_t at = b * pitch + c;
            inv[at] = 0.0f;
            if (c >= s.channels) continue;
            const double variance = second.doubles[at];
            inv[at] = static_cast<float>(1 / sqrt(variance + eps));
            if (!running_mean) continue;
            running_mean[c] = static_cast<float>((1 - momentum) * running_mean[c] + momentum * (first.doubles[at] + bias[c]));
            running_var[c] = static_cast<float>((1 - momentum) * running_var[c] + momentum * unbiased * variance);
        }
    }
    const Normed n{z, mean, inv, gamma, beta, gamma};
    each_chunk(s, threads, [&](int64_t b, int64_t at, int64_t pixels) {
        for (int64_t c = 0; c < width; c += lanes) {
            const Affine affine(n, b, pitch, c);
            for (int64_t p = at; p < at + pixels; ++p) {
                store(x + p * pitch + c, leaky_relu(affine(load(z + p * pitch + c)), splat(s.slope)));
            }
        }
    });
    return ASAP_OK;
}

// With u = g leaky'(n): the means of u and of u zh, (B, 2, pitch).
inline int gated_means(const NormShape& s, const Normed& n, const float* g, float* means, int threads) {
    const int64_t pitch = s.pitch(), width = whole(s.channels);
    Constants found(s.batch * 2 * pitch);
    if (!found.doubles) return ASAP_NO_MEMORY;
    const bool ok = channel_means<2>(s, found.doubles, threads, [&](int64_t b, int64_t at, int64_t pixels, float* sums) {
        for (int64_t c = 0; c < width; c += lanes) {
            const Affine affine(n, b, pitch, c);
            const Vec mean = load(n.mean + b * pitch + c), inv = load(n.inv + b * pitch + c);
            Vec plain{}, weighted{};
            for (int64_t p = at; p < at + pixels; ++p) {
                const Vec z = load(n.z + p * pitch + c);
                const Vec u = gated(load(g + p * pitch + c), affine(z), splat(s.slope));
                plain += u;
                weighted += u * (z - mean);
            }
            store(sums + c, plain);
            store(sums + pitch + c, weighted * inv);
        }
    });
    if (!ok) return ASAP_NO_MEMORY;
    for (int64_t k = 0; k < s.batch * 2 * pitch; ++k) {
        means[k] = k % pitch < s.channels ? static_cast<float>(found.doubles[k]) : 0.0f;
    }
    return ASAP_OK;
}

// dz, and the means of `gated_means`.
inline int norm_reverse(const NormShape& s, const Normed& n, const float* g, float* dz, float* means, int threads) {
    const int64_t pitch = s.pitch(), width = whole(s.channels);
    if (const int failed = gated_means(s, n, g, means, threads)) return failed;
    each_chunk(s, threads, [&](int64_t b, int64_t at, int64_t pixels) {
        for (int64_t c = 0; c < width; c += lanes) {
            const Affine affine(n, b, pitch, c);
            const Vec mean = load(n.mean + b * pitch + c), inv = load(n.inv + b * pitch + c);
            const Vec plain = load(means + 2 * b * pitch + c), weighted = load(means + (2 * b + 1) * pitch + c) * inv;
            const Vec scale = load(n.gain + c) * inv;
            for (int64_t p = at; p < at + pixels; ++p) {
                const Vec z = load(n.z + p * pitch + c);
                const Vec u = gated(load(g + p * pitch + c), affine(z), splat(s.slope));
                store(dz + p * pitch + c, scale * (u - plain - (z - mean) * weighted));
            }
        }
    });
    return ASAP_OK;
}

// The derivative of x along tz, with a = tz - mean(tz) and k = mean(a zh): tx = leaky'(n) gamma inv (a - zh k); and the
// means of tz, of a zh and of u a, (B, 3, pitch), u being g leaky'(n).
inline int norm_tangent(const NormShape& s, const Normed& n, const float* g, const float* tz, float* tx, float* means,
                        int threads) {
    const int64_t pitch = s.pitch(), width = whole(s.channels);
    Constants found(s.batch * 4 * pitch);
    if (!found.doubles) return ASAP_NO_MEMORY;
    const bool ok = channel_means<4>(s, found.doubles, threads, [&](int64_t b, int64_t at, int64_t pixels, float* sums) {
        for (int64_t c = 0; c < width; c += lanes) {
            const Affine affine(n, b, pitch, c);
            const Vec mean = load(n.mean + b * pitch + c), inv = load(n.inv + b * pitch + c);
            Vec plain{}, along{}, crossed{}, of_u{};
            for (int64_t p = at; p < at + pixels; ++p) {
                const Vec z = load(n.z + p * pitch + c), t = load(tz + p * pitch + c);
                const Vec u = gated(load(g + p * pitch + c), affine(z), splat(s.slope));
                plain += t;
                along += t * (z - mean);
                crossed += t * u;
                of_u += u;
            }
            store(sums + c, plain);
            store(sums + pitch + c, along * inv);
            store(sums + 2 * pitch + c, crossed);
            store(sums + 3 * pitch + c, of_u);
        }
    });
    if (!ok) return ASAP_NO_MEMORY;
    for (int64_t k = 0; k < s.batch * 3 * pitch; ++k) means[k] = 0.0f;
    for (int64_t b = 0; b < s.batch; ++b) {
        const double* from = found.doubles + 4 * b * pitch;
        float* to = means + 3 * b * pitch;
        for (int64_t c = 0; c < s.channels; ++c) {  // mean(a zh) = mean(tz zh), since mean(zh) = 0
            to[c] = static_cast<float>(from[c]);
            to[pitch + c] = static_cast<float>(from[pitch + c]);
            to[2 * pitch + c] = static_cast<float>(from[2 * pitch + c] - from[c] * from[3 * pitch + c]);
        }
    }
    each_chunk(s, threads, [&](int64_t b, int64_t at, int64_t pixels) {
        for (int64_t c = 0; c < width; c += lanes) {
            const Affine affine(n, b, pitch, c);
            const Vec mean = load(n.mean + b * pitch + c), inv = load(n.inv + b * pitch + c);
            const Vec middle = load(means + 3 * b * pitch + c), along = load(means + (3 * b + 1) * pitch + c) * inv;
            for (int64_t p = at; p < at + pixels; ++p) {
                const Vec z = load(n.z + p * pitch + c);
                const Vec made = affine.scale * (load(tz + p * pitch + c) - middle - (z - mean) * along);
                store(tx + p * pitch + c, gated(made, affine(z), splat(s.slope)));
            }
        }
    });
    return ASAP_OK;
}

// The gradient with respect to z of <upstream, x> + <g, tx>, whose second term is the directional derivative. `reverse`
// and `tangent` are the means of `norm_reverse` (of g) and `norm_tangent`; `means` become those of v and of v zh, v being
// upstream leaky'(n), (B, 2, pitch).
//
//   dz = inv (gamma v - k s u - s mean(u zh) a - c0 - zh c1),  s = gamma inv
//   c0 = gamma mean(v) - k s mean(u),  c1 = gamma mean(v zh) + s (mean(u a) - 3 k mean(u zh))
inline int norm_second(const NormShape& s, const Normed& n, const float* upstream, const float* g, const float* tz,
                       const float* reverse, const float* tangent, float* dz, float* means, int threads) {
    const int64_t pitch = s.pitch(), width = whole(s.channels);
    if (const int failed = gated_means(s, n, upstream, means, threads)) return failed;
    each_chunk(s, threads, [&](int64_t b, int64_t at, int64_t pixels) {
        for (int64_t c = 0; c < width; c += lanes) {
            const Affine affine(n, b, pitch, c);
            const Vec mean = load(n.mean + b * pitch + c), inv = load(n.inv + b * pitch + c), scale = affine.scale;
            const Vec u1 = load(reverse + 2 * b * pitch + c), u2 = load(reverse + (2 * b + 1) * pitch + c);
            const float* along = tangent + 3 * b * pitch + c;
            const Vec middle = load(along), k = load(along + pitch), ua = load(along + 2 * pitch);
            const Vec v1 = load(means + 2 * b * pitch + c), v2 = load(means + (2 * b + 1) * pitch + c);
            const Vec gamma = load(n.gamma + c), of_u = scale * k, of_a = scale * u2;
            const Vec constant = gamma * v1 - of_u * u1, slant = (gamma * v2 + scale * (ua - 3.0f * k * u2)) * inv;
            for (int64_t p = at; p < at + pixels; ++p) {
                const Vec z = load(n.z + p * pitch + c), sign = affine(z);
                const Vec v = gated(load(upstream + p * pitch + c), sign, splat(s.slope));
                const Vec u = gated(load(g + p * pitch + c), sign, splat(s.slope));
                const Vec a = load(tz + p * pitch + c) - middle;
                store(dz + p * pitch + c, inv * (gamma * v - of_u * u - of_a * a - constant - (z - mean) * slant));
            }
        }
    });
    return ASAP_OK;
}

}  // namespace ASAP_ISA
}  // namespace asap
