// The library's whole interface: plain C, so that it outlives upgrades of Python and torch.
//
// Tensors come as a pointer, a dtype code and strides in elements. Every function that computes takes the
// number of threads; it returns when all of them are done. Nothing is allocated that outlives a call, except
// by asap_lowres_create and asap_convolution_create.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define ASAP_API __declspec(dllexport)
#else
#define ASAP_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { ASAP_ABI_VERSION = 6 };

// Element types.
enum {
    ASAP_FLOAT32 = 0,
    ASAP_FLOAT16 = 1,
    ASAP_BFLOAT16 = 2,
    ASAP_UINT8 = 3,
    ASAP_INT8 = 4,
    ASAP_UINT16 = 5,
    ASAP_INT16 = 6,
    ASAP_UINT32 = 7,
    ASAP_INT32 = 8,
    ASAP_INT64 = 9,
};

// Results: everything was computed; or a label id outside the classes was met (never read with), in which
// case the lowest and highest id found are reported; or memory ran out.
enum { ASAP_OK = 0, ASAP_BAD_LABEL = 1, ASAP_NO_MEMORY = 2 };

typedef struct {
    const void* data;
    int32_t dtype;
    int64_t strides[4];  // batch, channel, row, column; a label map leaves the channel at 0
} asap_tensor;

typedef struct {
    int64_t batch, rows, columns;  // the grid of tiles
    int32_t tile, width, depth, num_classes, image_channels, out_channels, positional_encoding;
    float negative_slope;
} asap_mlp;

typedef struct {
    int64_t low, high;
} asap_range;

// A grid of affine transforms and the image that they are sliced for. A transform has `inputs` (the image's channels and the
// offset) times `outputs` coefficients.
typedef struct {
    int64_t batch, height, width;
    int32_t rows, columns, depth, inputs, outputs;
} asap_bilateral;

// A 3x3 convolution without bias (padding 1), instance norm with affine and ReLU. All pointers float32, contiguous.
typedef struct {
    int32_t inputs, outputs, stride;
    int32_t winograd;  // 0: direct; 2 or 4: F(2x2) or F(4x4), stride 1 only
    const float* weight;  // (outputs, inputs, 3, 3)
    const float *gamma, *beta;
    float eps;
} asap_conv;

ASAP_API int asap_abi_version(void);
// "avx512", "avx2", "neon" or "generic": what runs here. ASAP_NATIVE_ISA in the environment lowers it.
ASAP_API const char* asap_isa(void);
// An OpenMP runtime's GOMP_parallel, so that its threads are shared; null goes back to own threads.
ASAP_API void asap_set_thread_pool(void* gomp_parallel);

// phi (B, P, rows, columns), any strides -> (B, rows, columns, P) float32.
ASAP_API int asap_tile_major(const asap_tensor* phi, int64_t batch, int64_t parameters, int64_t rows,
                             int64_t columns, float* out, int threads);
// phi tile-major; label and image may be null as the layout says; out (B, O, H, W) contiguous.
ASAP_API int asap_pixelwise_forward(const asap_mlp* mlp, const float* phi, const asap_tensor* label,
                                    const asap_tensor* image, void* out, int32_t out_dtype,
                                    asap_range* bad_label, int threads);
// grad_phi tile-major float32; grad_image (B, C, H, W) float32 contiguous or null.
ASAP_API int asap_pixelwise_backward(const asap_mlp* mlp, const float* phi, const asap_tensor* label,
                                     const asap_tensor* image, const asap_tensor* grad, float* grad_phi,
                                     float* grad_image, asap_range* bad_label, int threads);
// label (B, H, W) -> out (B, N, H/S1, W/S1) float32 with the given strides.
ASAP_API int asap_class_pool(const asap_tensor* label, int64_t batch, int64_t height, int64_t width,
                             int32_t num_classes, int32_t s1, float* out, const int64_t* out_strides,
                             asap_range* bad_label, int threads);

// grid (B, rows, columns, depth, pitch) float32, packed as bilateral.h says; guide (B, H, W); image (B, inputs - 1, H, W) or
// null; out contiguous: the transformed image (B, outputs, H, W), without an image the coefficients
// (B, inputs * outputs, H, W).
ASAP_API int asap_bilateral_forward(const asap_bilateral* bilateral, const float* grid, const asap_tensor* guide,
                                    const asap_tensor* image, void* out, int32_t out_dtype, int threads);
// grad as out; grad_grid as grid, grad_guide (B, H, W), grad_image as image or null: float32 contiguous.
ASAP_API int asap_bilateral_backward(const asap_bilateral* bilateral, const float* grid, const asap_tensor* guide,
                                     const asap_tensor* image, const asap_tensor* grad, float* grad_grid,
                                     float* grad_guide, float* grad_image, int threads);

// The low-res stream with its weights prepared: `layers` convolutions and a last 1x1 to P parameters with weight
// (P, inputs) and bias. Null if memory ran out. The weights may be freed afterwards.
ASAP_API void* asap_lowres_create(const asap_conv* layers, int count, int zero_padding, int64_t parameters,
                                  const float* weight, const float* bias, int threads);
// Bytes held: prepared weights, and the workspace of the largest image so far.
ASAP_API int64_t asap_lowres_bytes(const void* stream);
// input (B, C, H, W) float32, any strides -> phi (B, rows, columns, P). A stream runs one call at a time.
ASAP_API int asap_lowres_run(void* stream, const asap_tensor* input, int64_t batch, int64_t height, int64_t width,
                             float* phi, int threads);
// Seconds that each of the `count` layers and then the last 1x1 took in the latest run: count + 1 pairs of wall time and
// processor time (of the whole process).
ASAP_API void asap_lowres_seconds(const void* stream, double* seconds);
ASAP_API void asap_lowres_free(void* stream);

// A 3x3 convolution (stride 1, zero padding 1) by Winograd F(m x m, 3 x 3) with weight (outputs, inputs, 3, 3) and bias
// (outputs) or null, packed once; inputs and outputs are multiples of 16, m is 2 or 4. Null if memory ran out.
ASAP_API void* asap_convolution_create(const float* weight, const float* bias, int outputs, int inputs, int m,
                                       int threads);
ASAP_API int64_t asap_convolution_bytes(const void* convolution);
// image (B, H, W, inputs), contiguous -> out (B, H, W, outputs). Where gate (as image, or null) is not positive the
// image counts as zero: the gradient of a ReLU. Several calls may run at once.
ASAP_API int asap_convolution_run(const void* convolution, const float* image, const float* gate, int relu,
                                  int64_t batch, int64_t height, int64_t width, float* out, int threads);
ASAP_API void asap_convolution_free(void* convolution);

// A 3x3 convolution of stride 1 on (B, H, W, inputs). Images of at most 3 channels lie without gaps; others with their
// channels a multiple of 16 floats apart, what lies between being neither read nor relied on. Not both counts are at most 3.
typedef struct {
    int64_t batch, height, width;
    int32_t inputs, outputs;
} asap_patch;

// Weights (outputs, inputs, 3, 3) prepared for `asap_patch_convolve`; with `backward` those of (inputs, outputs, 3, 3)
// turned by half a circle: with a padding of 2 the gradient of the image.
ASAP_API int64_t asap_patch_filter_floats(int inputs, int outputs);
ASAP_API void asap_patch_filters(const float* weight, int inputs, int outputs, int backward, float* out);
// Zero padding `pad`, 0 or 2; then bias (padded to 16 floats; or null: slope is 1) and leaky ReLU of `slope`, which to a thin
// result is not applied. out (B, H + 2 pad - 2, W + 2 pad - 2, outputs).
ASAP_API int asap_patch_convolve(const asap_patch* patch, const float* image, const float* filters, const float* bias,
                                 float slope, int pad, float* out, int threads);
// Adds the gradient of the weights of an unpadded convolution to `sums`, which begin as zeros; `finish` makes
// (outputs, inputs, 3, 3) of them. The same to the last bit with any number of threads.
ASAP_API int64_t asap_patch_gradient_floats(int inputs, int outputs);
ASAP_API int asap_patch_gradient(const asap_patch* patch, const float* image, const float* gradient, float* sums,
                                 int threads);
ASAP_API void asap_patch_gradient_finish(const float* sums, int inputs, int outputs, float* out);

// Each image's normalisation over its pixels, affine and leaky ReLU: z (B, pixels, pitch); a value a channel (pitch) and
// image (B, pitch), zeros behind the last channel. patch_norm.h says what each function computes.
typedef struct {
    int64_t batch, pixels, channels;
    float slope;
    const float* z;
    float *mean, *inv;  // written by `forward`
    const float *gamma, *beta;
    const float* gain;  // by which `reverse` multiplies: gamma, or what it has become since
} asap_norm;

ASAP_API int asap_patch_norm_forward(const asap_norm* norm, float eps, const float* bias, float* running_mean,
                                     float* running_var, double momentum, float* x, int threads);
ASAP_API int asap_patch_norm_reverse(const asap_norm* norm, const float* g, float* dz, float* means, int threads);
ASAP_API int asap_patch_norm_tangent(const asap_norm* norm, const float* g, const float* tz, float* tx, float* means,
                                     int threads);
ASAP_API int asap_patch_norm_second(const asap_norm* norm, const float* upstream, const float* g, const float* tz,
                                    const float* reverse, const float* tangent, float* dz, float* means, int threads);

// Multiply-adds in registers on every thread, to time what the processor can do at most; returns their number.
ASAP_API int64_t asap_multiply_adds(int64_t rounds, int threads);

#ifdef __cplusplus
}
#endif
