// What the processor can do at most: multiply-adds that never leave the registers.
#pragma once

#include "parallel.h"
#include "simd.h"

namespace asap {
namespace ASAP_ISA {

inline int64_t multiply_adds(int64_t rounds, int threads) {
    constexpr int sums = block_rows * block_vectors;
    float results[64] = {};
    parallel(threads, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            Vec sum[block_rows][block_vectors];
            ASAP_UNROLL
            for (int i = 0; i < block_rows; ++i) {
                ASAP_UNROLL
                for (int v = 0; v < block_vectors; ++v) sum[i][v] = splat(static_cast<float>(i * block_vectors + v));
            }
            const Vec factor = splat(0.999f), term = splat(1e-3f);
            for (int64_t round = 0; round < rounds; ++round) {
                ASAP_UNROLL
                for (int i = 0; i < block_rows; ++i) {
                    ASAP_UNROLL
                    for (int v = 0; v < block_vectors; ++v) sum[i][v] = sum[i][v] * factor + term;
                }
            }
            Vec total{};
            ASAP_UNROLL
            for (int i = 0; i < block_rows; ++i) {
                ASAP_UNROLL
                for (int v = 0; v < block_vectors; ++v) total += sum[i][v];
            }
            results[item % 64] = total[0];
        }
    });
    float total = 0.0f;
    for (float result : results) total += result;
    return total == -1.0f ? 0 : rounds * sums * lanes * threads;
}

}  // namespace ASAP_ISA
}  // namespace asap
