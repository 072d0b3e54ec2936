// Small matrix products out of one register block; every dense step of the library is made of them.
#pragma once

#include "simd.h"

namespace asap {
namespace ASAP_ISA {

// What a product starts from, and what is done before storing.
enum class Start { zero, bias, output };
enum class Finish { store, leaky };

struct Left {  // element (i, k) of the left matrix is data[i * row + k * column]
    const float* data;
    ptrdiff_t row, column;
};

// out[i][0 .. vectors) (+)= sum over k of left(i, k) * right[k][..]; `rows` x `vectors` fits the registers.
// A left matrix in several runs continues `run_step` floats further on, or, `pieces` of them being one stretch,
// where the stretch goes on; right goes on without a gap. The runs are summed apart and then added, which halves
// the rounding of a long sum. While it computes, one cache line of
// `prefetch` a step is fetched, if it is not null.
template <int rows, int vectors, Start start, Finish finish>
ASAP_INLINE void block(int depth, Left left, const float* right, ptrdiff_t right_row, const float* bias,
                       float* out, ptrdiff_t out_row, float slope, int runs = 1, ptrdiff_t run_step = 0,
                       const float* prefetch = nullptr, int pieces = 1) {
    for (int run = 0; run < runs; ++run) {
        Vec sum[rows][vectors];
        ASAP_UNROLL
        for (int i = 0; i < rows; ++i) {
            ASAP_UNROLL
            for (int v = 0; v < vectors; ++v) {
                if (start == Start::zero) sum[i][v] = Vec{};
                if (start == Start::bias) sum[i][v] = run ? Vec{} : load(bias + v * lanes);
                if (start == Start::output) sum[i][v] = run ? Vec{} : load(out + i * out_row + v * lanes);
            }
        }
        const float* a = left.data + run / pieces * run_step + run % pieces * depth * left.column;
        for (int k = 0; k < depth; ++k, a += left.column, right += right_row) {
            if (prefetch) {
                __builtin_prefetch(prefetch);
                prefetch += 16;
            }
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
        ASAP_UNROLL
        for (int i = 0; i < rows; ++i) {
            ASAP_UNROLL
            for (int v = 0; v < vectors; ++v) {
                float* to = out + i * out_row + v * lanes;
                Vec value = run ? sum[i][v] + load(to) : sum[i][v];
                if (finish == Finish::leaky && run == runs - 1) value = leaky_relu(value, splat(slope));
                store(to, value);
            }
        }
    }
}

template <int vectors, Start start, Finish finish>
void column_of_blocks(int rows, int depth, Left left, const float* right, ptrdiff_t right_row,
                      const float* bias, float* out, ptrdiff_t out_row, float slope) {
    int i = 0;
    for (; i + block_rows <= rows; i += block_rows) {
        const Left part{left.data + i * left.row, left.row, left.column};
        block<block_rows, vectors, start, finish>(depth, part, right, right_row, bias, out + i * out_row,
                                                  out_row, slope);
    }
    const Left part{left.data + i * left.row, left.row, left.column};
    out += i * out_row;
    switch (rows - i) {
        case 5: block<5, vectors, start, finish>(depth, part, right, right_row, bias, out, out_row, slope); break;
        case 4: block<4, vectors, start, finish>(depth, part, right, right_row, bias, out, out_row, slope); break;
        case 3: block<3, vectors, start, finish>(depth, part, right, right_row, bias, out, out_row, slope); break;
        case 2: block<2, vectors, start, finish>(depth, part, right, right_row, bias, out, out_row, slope); break;
        case 1: block<1, vectors, start, finish>(depth, part, right, right_row, bias, out, out_row, slope); break;
        default: break;
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
