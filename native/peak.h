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
            Vec sum[sums];
            ASAP_UNROLL
            for (int i = 0; i < sums; ++i) sum[i] = splat(static_cast<float>(i));
            Vec factor = splat(0.999f), term = splat(1e-3f);
            for (int64_t round = 0; round < rounds; ++round) {
                ASAP_UNROLL
                for (int i = 0; i < sums; ++i) sum[i] = sum[i] * factor + term;
            }
            Vec total{};
            ASAP_UNROLL
            for (int i = 0; i < sums; ++i) total += sum[i];
            results[item % 64] = total[0];
        }
    });
    float total = 0.0f;
    for (float result : results) total += result;
    return total == -1.0f ? 0 : rounds * sums * lanes * threads;
}

}  // namespace ASAP_ISA
}  // namespace asap
