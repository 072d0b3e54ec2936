// Compiled once an instruction set, with ASAP_ISA its name and the compiler's flags to match.
#include "kernels.h"

#include "bilateral_backward.h"
#include "class_pool.h"
#include "convolve.h"
#include "lowres.h"
#include "patch.h"
#include "peak.h"
#include "pixelwise_backward.h"
#include "pixelwise_forward.h"

#define ASAP_TEXT_OF(name) #name
#define ASAP_TEXT(name) ASAP_TEXT_OF(name)

namespace asap {
namespace ASAP_ISA {

extern const Kernels kernels;
const Kernels kernels{
    ASAP_TEXT(ASAP_ISA),
    tile_major,
    pixelwise_forward,
    pixelwise_backward,
    class_pool,
    bilateral_forward,
    bilateral_backward,
    lowres_create,
    lowres_bytes,
    lowres_run,
    lowres_seconds,
    lowres_free,
    convolution_create,
    convolution_bytes,
    convolution_run,
    convolution_free,
    patch_filter_floats,
    patch_filters,
    patch_convolve,
    patch_gradient_floats,
    patch_gradient,
    patch_gradient_finish,
    patch_norm_forward,
    patch_norm_reverse,
    patch_norm_tangent,
    patch_norm_second,
    multiply_adds,
};

}  // namespace ASAP_ISA
}  // namespace asap
