// The C interface's functions for small convolutional networks in training: which kind of convolution a pair of channel
// counts is made by.
#pragma once

#include "patch_norm.h"
#include "patch_thin.h"

namespace asap {
namespace ASAP_ISA {

inline bool thin(int64_t channels) { return channels <= most_thin; }

inline int64_t patch_filter_floats(int inputs, int outputs) {
    if (thin(inputs)) return 9 * inputs * whole(outputs);
    return thin(outputs) ? inputs * whole(9 * outputs) : filter_floats(inputs, outputs);
}

inline void patch_filters(const float* weight, int inputs, int outputs, int backward, float* out) {
    const auto prepare = thin(inputs) ? taps_to_wide : thin(outputs) ? taps_to_thin : transform_filters;
    prepare(weight, inputs, outputs, backward != 0, out);
}

inline int patch_convolve(const asap_patch* p, const float* image, const float* filters, const float* bias, float slope,
                          int pad, float* out, int threads) {
    Outcome outcome;
    const auto run = thin(p->inputs) ? thin_to_wide : thin(p->outputs) ? wide_to_thin : winograd_convolve;
    run(image, filters, {p->batch, p->height, p->width, pad}, p->inputs, p->outputs, {bias, slope}, out, threads, outcome);
    return outcome.finish(nullptr);
}

inline int64_t patch_gradient_floats(int inputs, int outputs) {
    if (thin(inputs)) return 9 * inputs * whole(outputs);
    return thin(outputs) ? 9 * outputs * whole(inputs) : gradient_floats(inputs, outputs);
}

inline int patch_gradient(const asap_patch* p, const float* image, const float* gradient, float* sums, int threads) {
    Outcome outcome;
    const Tiling valid{p->batch, p->height, p->width, 0};
    if (thin(p->inputs)) {
        thin_gradient(image, gradient, valid, p->inputs, p->outputs, sums, outcome);
    } else if (thin(p->outputs)) {
        const Tiling full{p->batch, valid.out_height(), valid.out_width(), 2};
        thin_gradient(gradient, image, full, p->outputs, p->inputs, sums, outcome);
    } else {
        winograd_gradient(image, gradient, valid, p->inputs, p->outputs, sums, threads, outcome);
    }
    return outcome.finish(nullptr);
}

inline void patch_gradient_finish(const float* sums, int inputs, int outputs, float* out) {
    if (!thin(inputs) && !thin(outputs)) return gradient_of_filters(sums, inputs, outputs, out);
    for (int64_t o = 0; o < outputs; ++o) {
        for (int64_t i = 0; i < inputs; ++i) {
            for (int k = 0; k < 9; ++k) {
                out[(o * inputs + i) * 9 + k] = thin(inputs) ? sums[(k * inputs + i) * whole(outputs) + o]
                                                             : sums[((8 - k) * outputs + o) * whole(inputs) + i];
            }
        }
    }
}

inline NormShape shape_of(const asap_norm* norm) { return {norm->batch, norm->pixels, norm->channels, norm->slope}; }

inline Normed normed_of(const asap_norm* norm) { return {norm->z, norm->mean, norm->inv, norm->gamma, norm->beta, norm->gain}; }

inline int patch_norm_forward(const asap_norm* norm, float eps, const float* bias, float* running_mean,
                              float* running_var, double momentum, float* x, int threads) {
    return norm_forward(shape_of(norm), norm->z, norm->gamma, norm->beta, eps, bias, running_mean, running_var, momentum,
                        norm->mean, norm->inv, x, threads);
}

inline int patch_norm_reverse(const asap_norm* norm, const float* g, float* dz, float* means, int threads) {
    return norm_reverse(shape_of(norm), normed_of(norm), g, dz, means, threads);
}

inline int patch_norm_tangent(const asap_norm* norm, const float* g, const float* tz, float* tx, float* means,
                              int threads) {
    return norm_tangent(shape_of(norm), normed_of(norm), g, tz, tx, means, threads);
}

inline int patch_norm_second(const asap_norm* norm, const float* upstream, const float* g, const float* tz,
                             const float* reverse, const float* tangent, float* dz, float* means, int threads) {
    return norm_second(shape_of(norm), normed_of(norm), upstream, g, tz, reverse, tangent, dz, means, threads);
}

}  // namespace ASAP_ISA
}  // namespace asap
