// Small matrix products out of one register block; every dense step of the library is made of them.
#pragma once

#include "simd.h"

namespace asap {
namespace ASAP_ISA {

// What a product starts from, and what is done with it: stored, stored after leaky ReLU, or added to what lies there.
enum class Start { zero, bias, output };
enum class Finish { store, leaky, add };

struct Left {  // element (i, k) of the left matrix is data[i * row + k * column]
    const float* data;
    ptrdiff_t row, column;
};

// out[i][..] = start + sum over k < depth of left(i, k) * right[k][..]; `rows` x `vectors` fits the registers.
template <int rows, int vectors, Start start, Finish finish>
ASAP_INLINE void block(int depth, Left left, const float* right, ptrdiff_t right_row, const float* bias,
                       float* out, ptrdiff_t out_row, float slope) {
    Vec sum[rows][vectors];
    ASAP_UNROLL
    for (int i = 0; i < rows; ++i) {
        ASAP_UNROLL
        for (int v = 0; v < vectors; ++v) {
            if (start == Start::zero) sum[i][v] = Vec{};
            if (start == Start::bias) sum[i][v] = load(bias + v * lanes);
            if (start == Start::output) sum[i][v] = load(out + i * out_row + v * lanes);
        }
    }
    const float* a = left.data;
    for (int k = 0; k < depth; ++k, a += left.column, right += right_row) {
        Vec b[vectors];
        ASAP_UNROLL
        for (int v = 0; v < vectors; ++v) b[v] = load(right + v * lanes);
        ASAP_UNROLL
        for (int i = 0; i < rows; ++i) {
            const Vec factor = splat(a[i * left.row]);
            ASAP_UNROLL
            for (int v = 0; v < vectors; ++v) sum[i][v] += factor * b[v];
        }
    }
    // The slope is read here: held in a register through the loop it would displace a sum.
    if (finish == Finish::leaky) __asm__("" : "+m"(slope));
    ASAP_UNROLL
    for (int i = 0; i < rows; ++i) {
        ASAP_UNROLL
        for (int v = 0; v < vectors; ++v) {
            float* to = out + i * out_row + v * lanes;
            Vec value = sum[i][v];
            if (finish == Finish::leaky) value = leaky_relu(value, splat(slope));
            if (finish == Finish::add) value += load(to);
            store(to, value);
        }
    }
}

// Rows of the next block when `rows` are left: blocks as even as can be, since small ones cannot hide the latency of
// their sums.
inline int next_rows(int rows) {
    const int blocks = (rows + block_rows - 1) / block_rows;
    return (rows + blocks - 1) / blocks;
}

template <int vectors, Start start, Finish finish>
void column_of_blocks(int rows, int depth, Left left, const float* right, ptrdiff_t right_row,
                      const float* bias, float* out, ptrdiff_t out_row, float slope) {
    while (rows > 0) {
        const int count = next_rows(rows);
        switch (count) {
            case 6: block<6, vectors, start, finish>(depth, left, right, right_row, bias, out, out_row, slope); break;
            case 5: block<5, vectors, start, finish>(depth, left, right, right_row, bias, out, out_row, slope); break;
            case 4: block<4, vectors, start, finish>(depth, left, right, right_row, bias, out, out_row, slope); break;
            case 3: block<3, vectors, start, finish>(depth, left, right, right_row, bias, out, out_row, slope); break;
            case 2: block<2, vectors, start, finish>(depth, left, right, right_row, bias, out, out_row, slope); break;
            default: block<1, vectors, start, finish>(depth, left, right, right_row, bias, out, out_row, slope); break;
        }
        rows -= count;
        left.data += count * left.row;
        out += count * out_row;
    }
}

// out (rows x vectors*lanes) = finish(start + left (rows x depth) right (depth x vectors*lanes)).
template <Start start, Finish finish>
void gemm(int rows, int vectors, int depth, Left left, const float* right, ptrdiff_t right_row,
          const float* bias, float* out, ptrdiff_t out_row, float slope = 0.0f) {
    int v = 0;
    for (; v + block_vectors <= vectors; v += block_vectors) {
        const int at = v * lanes;
        column_of_blocks<block_vectors, start, finish>(rows, depth, left, right + at, right_row,
                                                       bias ? bias + at : bias, out + at, out_row, slope);
    }
    for (; v < vectors; ++v) {
        const int at = v * lanes;
        column_of_blocks<1, start, finish>(rows, depth, left, right + at, right_row, bias ? bias + at : bias,
                                           out + at, out_row, slope);
    }
}

}  // namespace ASAP_ISA
}  // namespace asap
