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
};

}  // namespace asap
