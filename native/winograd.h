// Winograd's minimal filtering F(m x m, 3 x 3): a 3x3 convolution of stride 1 as alpha^2 matrix products, alpha = m + 2.
// (Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2015.)
//
//   Y = A^T [ (G g G^T) * (B^T d B) ] A      g: 3x3 weights, d: alpha x alpha patch, Y: m x m outputs
#pragma once

#include "simd.h"

namespace asap {
namespace ASAP_ISA {

template <int m>
struct Winograd;

template <>
struct Winograd<2> {
    static constexpr int alpha = 4;
    static constexpr float bt[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
    static constexpr double g[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    static constexpr float at[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};
};

template <>
struct Winograd<4> {
    static constexpr int alpha = 6;
    static constexpr float bt[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                                       {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
    static constexpr double g[6][3] = {{1.0 / 4, 0, 0},
                                       {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                       {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                       {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                       {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                       {0, 0, 1}};
    static constexpr float at[4][6] = {
        {1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
};

// out (outputs x outputs) = transform in (inputs x inputs) transform^T, for a vector of channels at once.
template <int outputs, int inputs>
ASAP_INLINE void transform(const float (&matrix)[outputs][inputs], const Vec (&in)[inputs][inputs],
                           Vec (&out)[outputs][outputs]) {
    Vec half[outputs][inputs];
    ASAP_UNROLL
    for (int i = 0; i < outputs; ++i) {
        ASAP_UNROLL
        for (int j = 0; j < inputs; ++j) {
            Vec sum{};
            ASAP_UNROLL
            for (int k = 0; k < inputs; ++k) {
                if (matrix[i][k] != 0) sum += in[k][j] * matrix[i][k];
            }
            half[i][j] = sum;
        }
    }
    ASAP_UNROLL
    for (int i = 0; i < outputs; ++i) {
        ASAP_UNROLL
        for (int j = 0; j < outputs; ++j) {
            Vec sum{};
            ASAP_UNROLL
            for (int k = 0; k < inputs; ++k) {
                if (matrix[j][k] != 0) sum += half[i][k] * matrix[j][k];
            }
            out[i][j] = sum;
        }
    }
}

// G w G^T of one 3x3 filter, in double.
template <int m>
inline void transform_filter(const float* w, float* out) {
    constexpr int alpha = Winograd<m>::alpha;
    double half[alpha][3];
    for (int i = 0; i < alpha; ++i) {
        for (int j = 0; j < 3; ++j) {
            half[i][j] = 0;
            for (int k = 0; k < 3; ++k) half[i][j] += Winograd<m>::g[i][k] * w[3 * k + j];
        }
    }
    for (int i = 0; i < alpha; ++i) {
        for (int j = 0; j < alpha; ++j) {
            double sum = 0;
            for (int k = 0; k < 3; ++k) sum += half[i][k] * Winograd<m>::g[j][k];
            out[alpha * i + j] = static_cast<float>(sum);
        }
    }
}

}  // namespace ASAP_ISA
}  // namespace asap
