// Class maps from labels: weighted label counts along rows, then the same weights down the columns.
//
// With the tent 1, 3, .., 2 S1 - 1 | 2 S1 - 1, .., 3, 1 place j covers the blocks j and j + 1 of S1 padded pixels.
// Counts are whole numbers until the end, so the result is exact while 4 S1^4 < 2^24.
//
// Axes: N classes, h, w size of the result.
#pragma once

#include "elements.h"
#include "parallel.h"

namespace asap {
namespace ASAP_ISA {

inline int64_t reflect(int64_t place, int64_t size) {
    if (place < 0) place = -place;
    return place < size ? place : 2 * (size - 1) - place;
}

// Weighted counts of one row of (padded) ids: counts (w, N).
inline void count_row(const int32_t* ids, int64_t w, int s1, int classes, float* counts) {
    memset(counts, 0, w * classes * sizeof(float));
    float* here = counts;
    for (int64_t j = 0; j < w; ++j, here += classes, ids += s1) {
        for (int u = 0; u < s1; ++u) here[ids[u]] += static_cast<float>(2 * u + 1);
        for (int u = 0; u < s1; ++u) here[ids[s1 + u]] += static_cast<float>(2 * (s1 - u) - 1);
    }
}

inline int class_pool(const asap_tensor* label, int64_t batch, int64_t height, int64_t width, int32_t classes,
                      int32_t s1, float* out, const int64_t* out_strides, asap_range* bad_label, int threads) {
    const int64_t h = height / s1, w = width / s1, padded = width + s1;
    const int64_t strip = 8, strips = (h + strip - 1) / strip, row = w * classes;
    const float scale = s1 == 1 ? 1.0f : 1.0f / (4.0f * s1 * s1 * s1 * s1);
    Outcome outcome;
    parallel(batch * strips, threads, [&](Items& items) {
        Scratch scratch(3 * row + 2 * padded);
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        float *counts = scratch.take(row), *rising = scratch.take(row), *falling = scratch.take(row);
        int32_t* ids = reinterpret_cast<int32_t*>(scratch.take(padded));
        int32_t* read = reinterpret_cast<int32_t*>(scratch.take(padded));
        BadLabels bad;
        auto write = [&](int64_t b, int64_t i, const float* values) {
            for (int n = 0; n < classes; ++n) {
                float* to = out + b * out_strides[0] + n * out_strides[1] + i * out_strides[2];
                for (int64_t j = 0; j < w; ++j) to[j * out_strides[3]] = values[j * classes + n] * scale;
            }
        };
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / strips, first = item % strips * strip;
            const int64_t last = first + strip < h ? first + strip : h;
            auto read_row = [&](int64_t y) {
                const int64_t at = b * label->strides[0] + y * label->strides[2];
                read_ids(*label, at, label->strides[3], static_cast<int>(width), classes, read, bad);
            };
            if (s1 == 1) {
                for (int64_t i = first; i < last; ++i) {
                    read_row(i);
                    memset(counts, 0, row * sizeof(float));
                    for (int64_t j = 0; j < w; ++j) counts[j * classes + read[j]] = 1.0f;
                    write(b, i, counts);
                }
                continue;
            }
            memset(falling, 0, row * sizeof(float));
            // Block i of rows ends place i - 1 (falling weights) and begins place i (rising weights).
            for (int64_t i = first; i <= last; ++i) {
                memset(rising, 0, row * sizeof(float));
                for (int u = 0; u < s1; ++u) {
                    read_row(reflect(i * s1 + u - s1 / 2, height));
                    for (int64_t x = 0; x < padded; ++x) {
                        ids[x] = x >= s1 / 2 && x < width + s1 / 2 ? read[x - s1 / 2]
                                                                  : read[reflect(x - s1 / 2, width)];
                    }
                    count_row(ids, w, s1, classes, counts);
                    const float up = static_cast<float>(2 * u + 1), down = static_cast<float>(2 * (s1 - u) - 1);
                    for (int64_t k = 0; k < row; ++k) {
                        falling[k] += down * counts[k];
                        rising[k] += up * counts[k];
                    }
                }
                if (i > first) write(b, i - 1, falling);
                float* swap = falling;
                falling = rising;
                rising = swap;
            }
        }
        outcome.report(ASAP_OK, bad);
    });
    return outcome.finish(bad_label);
}

}  // namespace ASAP_ISA
}  // namespace asap
