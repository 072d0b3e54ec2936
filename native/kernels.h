// The functions of one instruction set.
#pragma once

#include "asap_native.h"

namespace asap {

struct Kernels {
    const char* name;
    decltype(&asap_tile_major) tile_major;
    decltype(&asap_pixelwise_forward) pixelwise_forward;
    decltype(&asap_pixelwise_backward) pixelwise_backward;
    decltype(&asap_class_pool) class_pool;
    decltype(&asap_bilateral_forward) bilateral_forward;
    decltype(&asap_bilateral_backward) bilateral_backward;
    decltype(&asap_lowres_create) lowres_create;
    decltype(&asap_lowres_bytes) lowres_bytes;
    decltype(&asap_lowres_run) lowres_run;
    decltype(&asap_lowres_seconds) lowres_seconds;
    decltype(&asap_lowres_free) lowres_free;
    decltype(&asap_convolution_create) convolution_create;
    decltype(&asap_convolution_bytes) convolution_bytes;
    decltype(&asap_convolution_run) convolution_run;
    decltype(&asap_convolution_free) convolution_free;
    decltype(&asap_patch_filter_floats) patch_filter_floats;
    decltype(&asap_patch_filters) patch_filters;
    decltype(&asap_patch_convolve) patch_convolve;
    decltype(&asap_patch_gradient_floats) patch_gradient_floats;
    decltype(&asap_patch_gradient) patch_gradient;
    decltype(&asap_patch_gradient_finish) patch_gradient_finish;
    decltype(&asap_patch_norm_forward) patch_norm_forward;
    decltype(&asap_patch_norm_reverse) patch_norm_reverse;
    decltype(&asap_patch_norm_tangent) patch_norm_tangent;
    decltype(&asap_patch_norm_second) patch_norm_second;
    decltype(&asap_multiply_adds) multiply_adds;
};

}  // namespace asap
