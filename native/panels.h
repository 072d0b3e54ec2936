// Large weight matrices, packed once into panels that stream from memory; and the products with them.
#pragma once

#include "gemm.h"
#include "parallel.h"

namespace asap {
namespace ASAP_ISA {

constexpr int panel_width = block_vectors * lanes;  // columns of a panel: a register block's

constexpr int longest_run = 64;  // terms summed in one go

// Cuts a sum of `depth` terms into equal runs of at most `longest_run`, or leaves it whole if it does not divide.
inline int run_count(int depth) {
    int runs = (depth + longest_run - 1) / longest_run;
    while (runs < depth && runs < 64 && depth % runs) ++runs;
    return depth % runs ? 1 : runs;
}

inline int64_t panel_count(int64_t columns) { return (columns + panel_width - 1) / panel_width; }

// Memory for packed weights: `floats` and the little that a prefetch may name beyond them.
inline float* allocate(int64_t floats) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, (static_cast<size_t>(floats) + 64) * sizeof(float))) return nullptr;
    return static_cast<float*>(memory);
}

// `rows` of left times one panel (depth, panel_width).
//
// Axes: left row r lies at left.data + r * left.row. The next panel is fetched into the cache meanwhile.
template <int count, Start start>
ASAP_INLINE void panel_rows(int depth, Left left, const float* panel, const float* bias, float* out, ptrdiff_t out_row,
                            const float* prefetch, int runs, ptrdiff_t run_step, int pieces) {
    block<count, block_vectors, start, Finish::store>(depth, left, panel, panel_width, bias, out, out_row, 0.0f, runs,
                                                      run_step, prefetch, pieces);
}

template <Start start>
void panel_product(int rows, int depth, Left left, const float* panel, const float* bias, float* out,
                   ptrdiff_t out_row, const float* next_panel, int runs = 1, ptrdiff_t run_step = 0,
                   int pieces = 1) {
    const int64_t steps = static_cast<int64_t>(depth) * runs, lines = steps * panel_width / 16;
    int64_t fetched = 0;
    int r = 0;
    for (; r + block_rows <= rows; r += block_rows) {
        const Left part{left.data + r * left.row, left.row, left.column};
        const float* prefetch = next_panel && fetched + steps <= lines ? next_panel + 16 * fetched : nullptr;
        fetched += steps;
        panel_rows<block_rows, start>(depth, part, panel, bias, out + r * out_row, out_row, prefetch, runs, run_step, pieces);
    }
    const Left part{left.data + r * left.row, left.row, left.column};
    out += r * out_row;
    switch (rows - r) {
        case 5: panel_rows<5, start>(depth, part, panel, bias, out, out_row, nullptr, runs, run_step, pieces); break;
        case 4: panel_rows<4, start>(depth, part, panel, bias, out, out_row, nullptr, runs, run_step, pieces); break;
        case 3: panel_rows<3, start>(depth, part, panel, bias, out, out_row, nullptr, runs, run_step, pieces); break;
        case 2: panel_rows<2, start>(depth, part, panel, bias, out, out_row, nullptr, runs, run_step, pieces); break;
        case 1: panel_rows<1, start>(depth, part, panel, bias, out, out_row, nullptr, runs, run_step, pieces); break;
        default: break;
    }
}

}  // namespace ASAP_ISA
}  // namespace asap
