// Vectors by the compiler's own extension, so that one source serves every instruction set. The including
// file is compiled once for each, with ASAP_ISA naming it.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#define ASAP_LANES 16
#define ASAP_BLOCK_VECTORS 4
#elif defined(__AVX2__)
#define ASAP_LANES 8
#define ASAP_BLOCK_VECTORS 2
#elif defined(__aarch64__)
#define ASAP_LANES 4
#define ASAP_BLOCK_VECTORS 4
#else
#define ASAP_LANES 4
#define ASAP_BLOCK_VECTORS 2
#endif

#define ASAP_INLINE inline __attribute__((always_inline))
#define ASAP_UNROLL _Pragma("GCC unroll 16")

namespace asap {
namespace ASAP_ISA {

constexpr int lanes = ASAP_LANES;
constexpr int block_rows = 6;                        // of a register block
constexpr int block_vectors = ASAP_BLOCK_VECTORS;    // its width in vectors: 6 x 2 of 16 registers, 6 x 4 of 32

typedef float Vec __attribute__((vector_size(4 * ASAP_LANES)));
typedef int32_t IntVec __attribute__((vector_size(4 * ASAP_LANES)));

ASAP_INLINE Vec load(const float* from) {
    Vec value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

ASAP_INLINE void store(float* to, Vec value) { std::memcpy(to, &value, sizeof value); }

ASAP_INLINE Vec splat(float value) { return value - Vec{}; }

ASAP_INLINE Vec leaky_relu(Vec value, Vec slope) { return value > 0.0f ? value : value * slope; }

// Sums of neighbours: first those of a, then those of b.
ASAP_INLINE Vec pair_sums(Vec a, Vec b) {
#if ASAP_LANES == 16
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
           __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif ASAP_LANES == 8
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
           __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
    return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

// Lane i of the result is the sum of the lanes of rows[i]; rows is overwritten.
ASAP_INLINE Vec sum_lanes(Vec (&rows)[ASAP_LANES]) {
    ASAP_UNROLL
    for (int count = ASAP_LANES / 2; count; count /= 2) {
        ASAP_UNROLL
        for (int i = 0; i < count; ++i) rows[i] = pair_sums(rows[2 * i], rows[2 * i + 1]);
    }
    return rows[0];
}

// tanh to a few units in the last place; NaN stays NaN. With t = exp(-2 |x|): tanh |x| = (1 - t) / (1 + t); near
// zero, where that cancels, the Taylor series.
ASAP_INLINE Vec tanh(Vec x) {
    const Vec magnitude = x < 0.0f ? -x : x;
    const Vec capped = magnitude > 20.0f ? splat(20.0f) : magnitude;
    const Vec exponent = capped * -2.885390081777926815f;  // -2 log2(e)
    const Vec magic = splat(12582912.0f);                  // adding 1.5 * 2^23 rounds to an integer
    const Vec whole = (exponent + magic) - magic;
    const Vec f = (exponent - whole) * 0.693147180559945309f;
    Vec t = splat(1.0f / 5040);
    t = t * f + 1.0f / 720;
    t = t * f + 1.0f / 120;
    t = t * f + 1.0f / 24;
    t = t * f + 1.0f / 6;
    t = t * f + 0.5f;
    t = t * f + 1.0f;
    t = t * f + 1.0f;
    const IntVec power = (__builtin_convertvector(whole == whole ? whole : Vec{}, IntVec) + 127) << 23;
    t *= (Vec)power;
    const Vec far = (1.0f - t) / (1.0f + t);
    const Vec square = x * x;
    Vec series = splat(-1382.0f / 155925);
    series = series * square + 62.0f / 2835;
    series = series * square - 17.0f / 315;
    series = series * square + 2.0f / 15;
    series = series * square - 1.0f / 3;
    const Vec near = x + x * square * series;
    return magnitude < 0.3f ? near : x < 0.0f ? -far : far;
}

}  // namespace ASAP_ISA
}  // namespace asap
