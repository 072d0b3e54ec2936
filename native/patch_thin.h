// 3x3 convolutions of stride 1 from or to an image of few channels (a colour image, a map of scores), as matrix products
// over the nine taps. Thin images lie pixel by pixel, their channels together without gaps; wide ones as in
// patch_winograd.h.
#pragma once

#include "patch_winograd.h"

namespace asap {
namespace ASAP_ISA {

constexpr int64_t most_thin = 3, most_taps = 9 * most_thin;

// The 3x3 neighbourhoods of pixels [x, x + count) of a row of the result: (count, 9 * channels), zeros outside.
inline void gather_taps(const float* image, const Tiling& tiling, int64_t channels, int64_t b, int64_t y, float* out) {
    const int64_t length = 3 * channels, count = tiling.out_width();
    for (int dy = 0; dy < 3; ++dy) {
        const int64_t row = y + dy - tiling.pad;
        const float* from = image + (b * tiling.height + row) * tiling.width * channels;
        float* to = out + dy * length;
        for (int64_t x = 0; x < count; ++x, to += 3 * length) {
            const int64_t left = x - tiling.pad;
            if (row >= 0 && row < tiling.height && left >= 0 && left + 3 <= tiling.width) {
                for (int64_t k = 0; k < length; ++k) to[k] = from[left * channels + k];
                continue;
            }
            for (int64_t k = 0; k < length; ++k) {
                const int64_t column = left + k / channels;
                const bool inside = row >= 0 && row < tiling.height && column >= 0 && column < tiling.width;
                to[k] = inside ? from[left * channels + k] : 0.0f;
            }
        }
    }
}

// Weights as (9 inputs, outputs): from thin to wide; `backward` as in `transform_filters`.
inline void taps_to_wide(const float* weight, int64_t inputs, int64_t outputs, bool backward, float* out) {
    const int64_t width = whole(outputs);
    memset(out, 0, 9 * inputs * width * sizeof(float));
    for (int64_t o = 0; o < outputs; ++o) {
        for (int64_t i = 0; i < inputs; ++i) {
            const float* from = weight + 9 * (backward ? i * outputs + o : o * inputs + i);
            for (int k = 0; k < 9; ++k) out[(k * inputs + i) * width + o] = from[backward ? 8 - k : k];
        }
    }
}

// The same from wide to thin: (inputs, 9 outputs), packed.
inline void taps_to_thin(const float* weight, int64_t inputs, int64_t outputs, bool backward, float* out) {
    const int64_t width = whole(9 * outputs);
    memset(out, 0, inputs * width * sizeof(float));
    for (int64_t o = 0; o < outputs; ++o) {
        for (int64_t i = 0; i < inputs; ++i) {
            const float* from = weight + 9 * (backward ? i * outputs + o : o * inputs + i);
            for (int k = 0; k < 9; ++k) {
                out[packed_place(i, k * outputs + o, inputs, width)] = from[backward ? 8 - k : k];
            }
        }
    }
}

inline void thin_to_wide(const float* image, const float* taps, const Tiling& tiling, int64_t inputs, int64_t outputs,
                         const Epilogue& epilogue, float* out, int threads, Outcome& outcome) {
    const int64_t height = tiling.out_height(), width = tiling.out_width(), pitch = pitch_of(outputs);
    const int64_t depth = 9 * inputs;
    parallel(tiling.batch * height, threads, [&](Items& items) {
        Scratch scratch(width * depth);
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        float* gathered = scratch.take(width * depth);
        for (int64_t item; (item = items.next()) >= 0;) {
            gather_taps(image, tiling, inputs, item / height, item % height, gathered);
            float* to = out + item * width * pitch;
            product<Finish::store>(width, whole(outputs), static_cast<int>(depth), {gathered, depth, 1}, taps,
                                   whole(outputs), to, pitch);
            if (!epilogue.bias) continue;
            for (int64_t x = 0; x < width; ++x, to += pitch) {
                for (int64_t c = 0; c < whole(outputs); c += lanes) {
                    store(to + c, leaky_relu(load(to + c) + load(epilogue.bias + c), splat(epilogue.slope)));
                }
            }
        }
    });
}

inline void wide_to_thin(const float* image, const float* taps, const Tiling& tiling, int64_t inputs, int64_t outputs,
                         const Epilogue& epilogue, float* out, int threads, Outcome& outcome) {
    constexpr int64_t rows_at_once = 16;
    const int64_t height = tiling.out_height(), width = tiling.out_width(), pitch = pitch_of(inputs);
    const int64_t row = whole(9 * outputs), groups = (height + rows_at_once - 1) / rows_at_once;
    parallel(tiling.batch * groups, threads, [&](Items& items) {
        Scratch scratch(tiling.width * row);
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        float* sums = scratch.take(tiling.width * row);
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / groups, first = item % groups * rows_at_once;
            const int64_t last = first + rows_at_once < height ? first + rows_at_once : height;
            float* to = out + b * height * width * outputs;
            for (int64_t at = first * width * outputs; at < last * width * outputs; ++at) {
                to[at] = epilogue.bias ? epilogue.bias[at % outputs] : 0.0f;
            }
            for (int64_t q = first - tiling.pad; q < last - tiling.pad + 2; ++q) {  // rows of the image
                if (q < 0 || q >= tiling.height) continue;
                product<Finish::store>(tiling.width, row, static_cast<int>(inputs),
                                       {image + (b * tiling.height + q) * tiling.width * pitch, pitch, 1}, taps, 0, sums,
                                       row);
                for (int dy = 0; dy < 3; ++dy) {
                    const int64_t y = q - dy + tiling.pad;
                    if (y < first || y >= last) continue;
                    for (int dx = 0; dx < 3; ++dx) {
                        const int64_t shift = dx - tiling.pad;  // column of the image for column 0 of the result
                        const int64_t begin = shift < 0 ? -shift : 0;
                        const int64_t end = tiling.width - shift < width ? tiling.width - shift : width;
                        const float* from = sums + (begin + shift) * row + (3 * dy + dx) * outputs;
                        float* into = to + (y * width + begin) * outputs;
                        for (int64_t x = begin; x < end; ++x, from += row, into += outputs) {
                            for (int64_t o = 0; o < outputs; ++o) into[o] += from[o];
                        }
                    }
                }
            }
        }
    });
}

// Adds to `sums` (9 thin channels, wide channels) the products of each tap of the thin image with each channel of the
// wide one, which has the size of the tiling's result. Rows are added in one order whatever the number of threads.
inline void thin_gradient(const float* thin, const float* wide, const Tiling& tiling, int64_t channels, int64_t outputs,
                          float* sums, Outcome& outcome) {
    const int64_t height = tiling.out_height(), width = tiling.out_width(), pitch = pitch_of(outputs);
    const int64_t depth = 9 * channels;
    Scratch scratch(width * depth);
    if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
    float* gathered = scratch.take(width * depth);
    for (int64_t item = 0; item < tiling.batch * height; ++item) {
        gather_taps(thin, tiling, channels, item / height, item % height, gathered);
        product<Finish::add>(depth, whole(outputs), static_cast<int>(width), {gathered, 1, depth},
                             wide + item * width * pitch, pitch, sums, whole(outputs));
    }
}

}  // namespace ASAP_ISA
}  // namespace asap
