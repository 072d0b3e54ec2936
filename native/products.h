// Matrix products of any width in register blocks, the weights packed or not.
#pragma once

#include "gemm.h"

namespace asap {
namespace ASAP_ISA {

constexpr bool many_registers = block_vectors == 4;

inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Vectors of the next column of blocks when `left` remain.
constexpr int column_vectors(int left) { return many_registers && left >= 4 ? 4 : left >= 2 ? 2 : 1; }

// Rows of a block of so many vectors that its sums fill the registers.
constexpr int block_height(int vectors) { return vectors == 4 ? 6 : vectors == 2 && !many_registers ? 6 : 12; }

template <int most, int vectors, Start start, Finish finish>
ASAP_INLINE void rows_of_column(int64_t rows, int depth, Left left, const float* right, ptrdiff_t right_row, float* out,
                                ptrdiff_t out_row) {
    for (; rows >= most; rows -= most, left.data += most * left.row, out += most * out_row) {
        block<most, vectors, start, finish>(depth, left, right, right_row, nullptr, out, out_row, 0.0f);
    }
    if constexpr (most > 1) {
        if (rows) {
            rows_of_column<most / 2, vectors, start, finish>(rows, depth, left, right, right_row, out, out_row);
        }
    }
}

template <int vectors, Start start, Finish finish>
void column_product(int64_t rows, int depth, Left left, const float* right, ptrdiff_t right_row, float* out,
                    ptrdiff_t out_row) {
    rows_of_column<block_height(vectors), vectors, start, finish>(rows, depth, left, right, right_row, out, out_row);
}

// out (rows x width) = left (rows x depth) right, added to what lies there if `finish` says so; width is whole vectors.
// `right_row` is the distance of the right matrix's rows; 0: it is packed, the columns of each block one after the other
// (`pack_columns`).
template <Finish finish>
void product(int64_t rows, int64_t width, int depth, Left left, const float* right, ptrdiff_t right_row, float* out,
             ptrdiff_t out_row) {
    const int vectors = static_cast<int>(width / lanes);
    for (int v = 0; v < vectors;) {
        const int count = column_vectors(vectors - v);
        const float* from = right + v * lanes * (right_row ? 1 : depth);
        const ptrdiff_t step = right_row ? right_row : count * lanes;
        float* to = out + v * lanes;
        if (count == 4) {
            if constexpr (many_registers) column_product<4, Start::zero, finish>(rows, depth, left, from, step, to, out_row);
        } else if (count == 2) {
            column_product<2, Start::zero, finish>(rows, depth, left, from, step, to, out_row);
        } else {
            column_product<1, Start::zero, finish>(rows, depth, left, from, step, to, out_row);
        }
        v += count;
    }
}

// Where element (k, n) of a packed right matrix of `depth` rows and `width` columns lies.
inline int64_t packed_place(int64_t k, int64_t n, int64_t depth, int64_t width) {
    const int vectors = static_cast<int>(width / lanes), at = static_cast<int>(n / lanes);
    int v = 0;
    while (v + column_vectors(vectors - v) <= at) v += column_vectors(vectors - v);
    return v * lanes * depth + k * column_vectors(vectors - v) * lanes + n - v * lanes;
}

}  // namespace ASAP_ISA
}  // namespace asap
