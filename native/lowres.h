// The low-res stream at inference: prepared weights, and the run from class maps to phi.
#pragma once

#include "winograd_layers.h"

namespace asap {
namespace ASAP_ISA {

constexpr int max_layers = 64;

struct LowRes {
    int layers = 0;
    Conv conv[max_layers] = {};
    bool zeros = false;
    int64_t parameters = 0;
    int last_inputs = 0;
    float *last_weight = nullptr, *last_bias = nullptr;  // (panel, inputs, panel_width), (O)
    float* workspace = nullptr;                          // of the latest shape
    int64_t workspace_floats = 0;
    int busy = 0;
    Seconds seconds[max_layers + 1] = {};  // that each layer, and then the last 1x1, took in the latest run

    ~LowRes() {
        for (int i = 0; i < layers; ++i) {
            free(conv[i].weight);
            free(conv[i].gamma);
            free(conv[i].beta);
        }
        free(last_weight);
        free(last_bias);
        free(workspace);
    }
};

// Packs one output panel of a 3x3 layer: weight (outputs, inputs, 3, 3).
template <int m>
void pack_winograd(const Conv& conv, const float* weight, int64_t panel) {
    constexpr int frequencies = Winograd<m>::alpha * Winograd<m>::alpha;
    const int64_t step = conv.panels * conv.inputs * panel_width;
    float transformed[frequencies];
    for (int k = 0; k < conv.inputs; ++k) {
        for (int i = 0; i < panel_width; ++i) {
            const int64_t output = panel * panel_width + i;
            if (output < conv.outputs) transform_filter<m>(weight + (output * conv.inputs + k) * 9, transformed);
            float* to = conv.weight + (panel * conv.inputs + k) * panel_width + i;
            for (int f = 0; f < frequencies; ++f) to[f * step] = output < conv.outputs ? transformed[f] : 0.0f;
        }
    }
}

inline void pack_direct(const Conv& conv, const float* weight, int64_t panel) {
    float* to = conv.weight + panel * 9 * conv.inputs * panel_width;
    for (int tap = 0; tap < 9; ++tap) {
        for (int k = 0; k < conv.inputs; ++k, to += panel_width) {
            for (int i = 0; i < panel_width; ++i) {
                const int64_t output = panel * panel_width + i;
                to[i] = output < conv.outputs ? weight[(output * conv.inputs + k) * 9 + tap] : 0.0f;
            }
        }
    }
}

inline bool prepare_layer(LowRes& stream, const asap_conv& from, int threads) {
    Conv& conv = stream.conv[stream.layers];
    conv = {from.inputs, from.outputs, from.stride, from.winograd, from.eps, panel_count(from.outputs), nullptr,
            nullptr, nullptr};
    ++stream.layers;
    conv.weight = allocate(conv.weight_floats());
    conv.gamma = allocate(conv.padded());
    conv.beta = allocate(conv.padded());
    if (!conv.weight || !conv.gamma || !conv.beta) return false;
    for (int64_t i = 0; i < conv.padded(); ++i) {
        conv.gamma[i] = i < conv.outputs ? from.gamma[i] : 0.0f;
        conv.beta[i] = i < conv.outputs ? from.beta[i] : 0.0f;
    }
    parallel(conv.panels, threads, [&](Items& items) {
        for (int64_t panel; (panel = items.next()) >= 0;) {
            if (conv.winograd == 2) {
                pack_winograd<2>(conv, from.weight, panel);
            } else if (conv.winograd == 4) {
                pack_winograd<4>(conv, from.weight, panel);
            } else {
                pack_direct(conv, from.weight, panel);
            }
        }
    });
    return true;
}

inline bool prepare_last(LowRes& stream, int inputs, int64_t parameters, const float* weight, const float* bias,
                         int threads) {
    const int64_t panels = panel_count(parameters), pitch = inputs;
    stream.parameters = parameters;
    stream.last_inputs = inputs;
    stream.last_weight = allocate(panels * panel_width * pitch);
    stream.last_bias = allocate(panels * panel_width);
    if (!stream.last_weight || !stream.last_bias) return false;
    parallel(panels, threads, [&](Items& items) {
        for (int64_t panel; (panel = items.next()) >= 0;) {
            float* to = stream.last_weight + panel * panel_width * pitch;
            for (int i = 0; i < panel_width; ++i) {
                const int64_t output = panel * panel_width + i;
                stream.last_bias[output] = output < parameters ? bias[output] : 0.0f;
                for (int k = 0; k < inputs; ++k) {
                    to[k * panel_width + i] = output < parameters ? weight[output * inputs + k] : 0.0f;
                }
            }
        }
    });
    return true;
}

inline void lowres_free(void* stream) { delete static_cast<LowRes*>(stream); }

inline void* lowres_create(const asap_conv* convs, int layers, int zeros, int64_t parameters, const float* weight,
                           const float* bias, int threads) {
    if (layers < 1 || layers > max_layers) return nullptr;
    LowRes* stream = new LowRes;
    stream->zeros = zeros != 0;
    bool ok = true;
    for (int i = 0; i < layers && ok; ++i) ok = prepare_layer(*stream, convs[i], threads);
    ok = ok && prepare_last(*stream, convs[layers - 1].outputs, parameters, weight, bias, threads);
    if (ok) return stream;
    lowres_free(stream);
    return nullptr;
}

inline int64_t lowres_bytes(const void* handle) {
    const LowRes& stream = *static_cast<const LowRes*>(handle);
    int64_t floats = stream.workspace_floats + panel_count(stream.parameters) * panel_width * (stream.last_inputs + 1);
    for (int i = 0; i < stream.layers; ++i) floats += stream.conv[i].weight_floats() + 2 * stream.conv[i].padded();
    return floats * static_cast<int64_t>(sizeof(float));
}

inline void lowres_seconds(const void* handle, double* out) {
    const LowRes& stream = *static_cast<const LowRes*>(handle);
    for (int i = 0; i <= stream.layers; ++i) {
        out[2 * i] = stream.seconds[i].wall;
        out[2 * i + 1] = stream.seconds[i].processor;
    }
}

// Where a run's buffers lie in the workspace; all layers share them, each as large as the largest needs.
struct Buffers {
    int64_t activation[2] = {0, 0}, raw = 0, domain[2] = {0, 0}, statistics = 0, scale = 0;
    int64_t total() const {
        return activation[0] + activation[1] + raw + domain[0] + domain[1] + statistics + scale + 7 * 16;
    }
};

inline int64_t largest(int64_t a, int64_t b) { return ((a > b ? a : b) + 15) & ~int64_t{15}; }

inline Buffers plan(const LowRes& stream, int64_t batch, int64_t height, int64_t width) {
    Buffers need;
    for (int i = 0; i < stream.layers; ++i) {
        const Conv& conv = stream.conv[i];
        need.activation[i & 1] =
            largest(need.activation[i & 1], batch * (height + 2) * (width + 2) * conv.inputs);
        height = (height - 1) / conv.stride + 1;
        width = (width - 1) / conv.stride + 1;
        const Domain in{nullptr, batch, height, width, largest(conv.inputs, strip) + 16, conv.winograd};
        const Domain out{nullptr, batch, height, width, conv.padded() + 16, conv.winograd};
        if (conv.winograd) {
            need.domain[0] = largest(need.domain[0], in.floats());
            need.domain[1] = largest(need.domain[1], out.floats());
        } else {
            need.raw = largest(need.raw, batch * height * width * conv.padded());
            need.statistics = largest(need.statistics, batch * height * 2 * conv.padded());
            need.scale = largest(need.scale, batch * 2 * conv.padded());
        }
        need.activation[~i & 1] =
            largest(need.activation[~i & 1], batch * (height + 2) * (width + 2) * conv.outputs);
    }
    return need;
}

template <int m>
void image_to_domain(const Activation& in, const Domain& out, int threads, Outcome& outcome) {
    const int64_t strips = (in.pitch + strip - 1) / strip;
    parallel(in.batch * strips, threads, [&](Items& items) {
        Scratch scratch(Plane::floats(out));
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        const Plane plane(scratch.take(Plane::floats(out)), out);
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / strips, channel = item % strips * strip;
            const int64_t count = in.pitch - channel < strip ? in.pitch - channel : strip;
            for (int64_t y = -1; y <= in.height; ++y) {
                for (int64_t x = -1; x <= in.width; ++x) {
                    memcpy(plane.at(y, x), in.at(b, y, x) + channel, count * sizeof(float));
                }
            }
            to_domain<m>(plane, out, b, channel);
        }
    });
}

// From the products of one Winograd layer to the input of the next layer: V of a Winograd layer (`next`), or an
// activation (`out`). The strip of channels stays in the cache all the while.
template <int m, int next_m>
void domain_to_next(const Conv& conv, const Domain& products, const Domain* next, const Activation* out, bool zeros,
                    int threads, Outcome& outcome) {
    const int64_t strips = (conv.outputs + strip - 1) / strip;
    const int64_t floats = next && Plane::floats(*next) > Plane::floats(products) ? Plane::floats(*next)
                                                                                 : Plane::floats(products);
    parallel(products.batch * strips, threads, [&](Items& items) {
        Scratch scratch(floats);
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        const Plane plane(scratch.take(floats), next ? *next : products);
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / strips, channel = item % strips * strip;
            from_domain<m>(products, b, channel, plane);
            normalize_plane(plane, conv.gamma + channel, conv.beta + channel, conv.eps);
            if (!zeros) plane.reflect();
            if (next) {
                to_domain<next_m>(plane, *next, b, channel);
                continue;
            }
            const int64_t count = conv.outputs - channel < strip ? conv.outputs - channel : strip;
            for (int64_t y = -out->border; y < out->height + out->border; ++y) {
                for (int64_t x = -out->border; x < out->width + out->border; ++x) {
                    memcpy(out->at(b, y, x) + channel, plane.at(y, x), count * sizeof(float));
                }
            }
        }
    });
}

inline int lowres_run_locked(LowRes& stream, const asap_tensor* input, int64_t batch, int64_t height, int64_t width,
                             float* phi, int threads) {
    const Buffers need = plan(stream, batch, height, width);
    if (need.total() > stream.workspace_floats) {
        free(stream.workspace);
        stream.workspace = allocate(need.total());
        stream.workspace_floats = stream.workspace ? need.total() : 0;
        if (!stream.workspace) return ASAP_NO_MEMORY;
    }
    float* at = stream.workspace;
    auto cut = [&at](int64_t floats) {
        float* piece = at;
        at += (floats + 15) / 16 * 16;
        return piece;
    };
    float* activations[2] = {cut(need.activation[0]), cut(need.activation[1])};
    float* raw = cut(need.raw);
    float* domains[2] = {cut(need.domain[0]), cut(need.domain[1])};
    float *statistics_data = cut(need.statistics), *scale_shift = cut(need.scale);
    Outcome outcome;
    Seconds since = seconds();
    auto lap = [&stream, &since](int layer) {
        const Seconds now = seconds();
        stream.seconds[layer] = {now.wall - since.wall, now.processor - since.processor};
        since = now;
    };
    Activation here{activations[0], batch, height, width, stream.conv[0].inputs, 1};
    read_input(*input, here, stream.zeros, threads);
    bool in_domain = false;  // whether this layer's V is already made
    for (int i = 0; i < stream.layers; ++i) {
        const Conv& conv = stream.conv[i];
        const Conv* next = i + 1 < stream.layers ? &stream.conv[i + 1] : nullptr;
        const int64_t out_height = (height - 1) / conv.stride + 1, out_width = (width - 1) / conv.stride + 1;
        const Activation there{activations[~i & 1], batch, out_height, out_width, conv.outputs, next ? 1 : 0};
        if (!conv.winograd) {
            const Statistics statistics{statistics_data, chunk_rows(out_width)};
            direct_convolution(conv, here, raw, out_height, out_width, statistics, threads);
            combine_statistics(conv, statistics, batch, out_height, out_width, scale_shift);
            normalize(conv, raw, scale_shift, there, stream.zeros, threads);
        } else {
            const Domain in{domains[0], batch, height, width, largest(conv.inputs, strip) + 16, conv.winograd};
            const Domain out{domains[1], batch, height, width, conv.padded() + 16, conv.winograd};
            const bool two = conv.winograd == 2;
            if (!in_domain && two) image_to_domain<2>(here, in, threads, outcome);
            if (!in_domain && !two) image_to_domain<4>(here, in, threads, outcome);
            domain_products(conv, in, out, threads);
            in_domain = next && next->winograd == conv.winograd;
            const Domain following{domains[0], batch, height, width, largest(conv.outputs, strip) + 16, conv.winograd};
            const Domain* to = in_domain ? &following : nullptr;
            if (two) {
                domain_to_next<2, 2>(conv, out, to, &there, stream.zeros, threads, outcome);
            } else {
                domain_to_next<4, 4>(conv, out, to, &there, stream.zeros, threads, outcome);
            }
        }
        here = there;
        height = out_height;
        width = out_width;
        lap(i);
    }
    pointwise(here, stream.parameters, stream.last_weight, stream.last_bias, phi, threads, outcome);
    lap(stream.layers);
    return outcome.finish(nullptr);
}

// One run at a time: the workspace belongs to the stream. A second caller waits.
inline int lowres_run(void* handle, const asap_tensor* input, int64_t batch, int64_t height, int64_t width, float* phi,
                      int threads) {
    LowRes& stream = *static_cast<LowRes*>(handle);
    lock(&stream.busy);
    const int status = lowres_run_locked(stream, input, batch, height, width, phi, threads);
    unlock(&stream.busy);
    return status;
}

}  // namespace ASAP_ISA
}  // namespace asap
