// Compiled once an instruction set, with ASAP_ISA its name and the compiler's flags to match.
#include "kernels.h"

#include "class_pool.h"
#include "convolve.h"
#include "lowres.h"
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
    lowres_create,
    lowres_bytes,
    lowres_run,
    lowres_seconds,
    lowres_free,
    convolution_create,
    convolution_bytes,
    convolution_run,
    convolution_free,
    multiply_adds,
};

}  // namespace ASAP_ISA
}  // namespace asap
