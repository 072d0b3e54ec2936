// The C interface: picks the instruction set once and passes every call on.
#include "asap_native.h"

#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace asap {

void set_thread_pool(void* gomp_parallel);

namespace generic {
extern const Kernels kernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}
#endif

namespace {

const Kernels& choose() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const char* wish = std::getenv("ASAP_NATIVE_ISA");
    const bool any = !wish || !*wish;
    if ((any || !std::strcmp(wish, "avx512")) && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("f16c")) {
        return avx512::kernels;
    }
    if ((any || std::strcmp(wish, "generic")) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c")) {
        return avx2::kernels;
    }
#endif
    return generic::kernels;
}

const Kernels& kernels() {
    static const Kernels& chosen = choose();
    return chosen;
}

}  // namespace
}  // namespace asap

extern "C" {

int asap_abi_version(void) { return ASAP_ABI_VERSION; }

const char* asap_isa(void) {
#if defined(__aarch64__)
    return "neon";
#else
    return asap::kernels().name;
#endif
}

void asap_set_thread_pool(void* gomp_parallel) { asap::set_thread_pool(gomp_parallel); }

int asap_tile_major(const asap_tensor* phi, int64_t batch, int64_t parameters, int64_t rows, int64_t columns,
                    float* out, int threads) {
    return asap::kernels().tile_major(phi, batch, parameters, rows, columns, out, threads);
}

int asap_pixelwise_forward(const asap_mlp* mlp, const float* phi, const asap_tensor* label, const asap_tensor* image,
                           void* out, int32_t out_dtype, asap_range* bad_label, int threads) {
    return asap::kernels().pixelwise_forward(mlp, phi, label, image, out, out_dtype, bad_label, threads);
}

int asap_pixelwise_backward(const asap_mlp* mlp, const float* phi, const asap_tensor* label,
                            const asap_tensor* image, const asap_tensor* grad, float* grad_phi, float* grad_image,
                            asap_range* bad_label, int threads) {
    return asap::kernels().pixelwise_backward(mlp, phi, label, image, grad, grad_phi, grad_image, bad_label, threads);
}

int asap_class_pool(const asap_tensor* label, int64_t batch, int64_t height, int64_t width, int32_t num_classes,
                    int32_t s1, float* out, const int64_t* out_strides, asap_range* bad_label, int threads) {
    return asap::kernels().class_pool(label, batch, height, width, num_classes, s1, out, out_strides, bad_label,
                                      threads);
}

int asap_bilateral_forward(const asap_bilateral* bilateral, const float* grid, const asap_tensor* guide,
                           const asap_tensor* image, void* out, int32_t out_dtype, int threads) {
    return asap::kernels().bilateral_forward(bilateral, grid, guide, image, out, out_dtype, threads);
}

int asap_bilateral_backward(const asap_bilateral* bilateral, const float* grid, const asap_tensor* guide,
                            const asap_tensor* image, const asap_tensor* grad, float* grad_grid, float* grad_guide,
                            float* grad_image, int threads) {
    return asap::kernels().bilateral_backward(bilateral, grid, guide, image, grad, grad_grid, grad_guide, grad_image,
                                              threads);
}

void* asap_lowres_create(const asap_conv* layers, int count, int zero_padding, int64_t parameters, const float* weight,
                         const float* bias, int threads) {
    return asap::kernels().lowres_create(layers, count, zero_padding, parameters, weight, bias, threads);
}

int64_t asap_lowres_bytes(const void* stream) { return asap::kernels().lowres_bytes(stream); }

int asap_lowres_run(void* stream, const asap_tensor* input, int64_t batch, int64_t height, int64_t width, float* phi,
                    int threads) {
    return asap::kernels().lowres_run(stream, input, batch, height, width, phi, threads);
}

void asap_lowres_seconds(const void* stream, double* seconds) { asap::kernels().lowres_seconds(stream, seconds); }

int64_t asap_multiply_adds(int64_t rounds, int threads) { return asap::kernels().multiply_adds(rounds, threads); }

void* asap_convolution_create(const float* weight, const float* bias, int outputs, int inputs, int m, int threads) {
    return asap::kernels().convolution_create(weight, bias, outputs, inputs, m, threads);
}

int64_t asap_convolution_bytes(const void* convolution) { return asap::kernels().convolution_bytes(convolution); }

int asap_convolution_run(const void* convolution, const float* image, const float* gate, int relu, int64_t batch,
                         int64_t height, int64_t width, float* out, int threads) {
    return asap::kernels().convolution_run(convolution, image, gate, relu, batch, height, width, out, threads);
}

void asap_convolution_free(void* convolution) { asap::kernels().convolution_free(convolution); }

int64_t asap_patch_filter_floats(int inputs, int outputs) {
    return asap::kernels().patch_filter_floats(inputs, outputs);
}

void asap_patch_filters(const float* weight, int inputs, int outputs, int backward, float* out) {
    asap::kernels().patch_filters(weight, inputs, outputs, backward, out);
}

int asap_patch_convolve(const asap_patch* patch, const float* image, const float* filters, const float* bias,
                        float slope, int pad, float* out, int threads) {
    return asap::kernels().patch_convolve(patch, image, filters, bias, slope, pad, out, threads);
}

int64_t asap_patch_gradient_floats(int inputs, int outputs) {
    return asap::kernels().patch_gradient_floats(inputs, outputs);
}

int asap_patch_gradient(const asap_patch* patch, const float* image, const float* gradient, float* sums, int threads) {
    return asap::kernels().patch_gradient(patch, image, gradient, sums, threads);
}

void asap_patch_gradient_finish(const float* sums, int inputs, int outputs, float* out) {
    asap::kernels().patch_gradient_finish(sums, inputs, outputs, out);
}

int asap_patch_norm_forward(const asap_norm* norm, float eps, const float* bias, float* running_mean,
                            float* running_var, double momentum, float* x, int threads) {
    return asap::kernels().patch_norm_forward(norm, eps, bias, running_mean, running_var, momentum, x, threads);
}

int asap_patch_norm_reverse(const asap_norm* norm, const float* g, float* dz, float* means, int threads) {
    return asap::kernels().patch_norm_reverse(norm, g, dz, means, threads);
}

int asap_patch_norm_tangent(const asap_norm* norm, const float* g, const float* tz, float* tx, float* means,
                            int threads) {
    return asap::kernels().patch_norm_tangent(norm, g, tz, tx, means, threads);
}

int asap_patch_norm_second(const asap_norm* norm, const float* upstream, const float* g, const float* tz,
                           const float* reverse, const float* tangent, float* dz, float* means, int threads) {
    return asap::kernels().patch_norm_second(norm, upstream, g, tz, reverse, tangent, dz, means, threads);
}

void asap_lowres_free(void* stream) { asap::kernels().lowres_free(stream); }
}
