// The steps of the low-res stream: convolution, instance norm + ReLU + padding, Winograd transforms.
//
// Activations lie pixel by pixel with their channels together (B, H, W, C). Axes: O outputs padded to whole
// panels, T Winograd tiles of an image.
#pragma once

#include <math.h>

#include "elements.h"
#include "panels.h"
#include "winograd.h"

namespace asap {
namespace ASAP_ISA {

struct Conv {
    int inputs, outputs, stride;
    int winograd;  // m of F(m x m, 3 x 3), or 0 for the direct product
    float eps;
    int64_t panels;
    float* weight;          // direct: (panel, 9 inputs, panel_width); Winograd: (alpha^2, panel, inputs, panel_width)
    float *gamma, *beta;    // (O)
    int64_t padded() const { return panels * panel_width; }
    int frequencies() const { return winograd ? (winograd + 2) * (winograd + 2) : 1; }
    int64_t weight_floats() const {
        return padded() * inputs * (winograd ? frequencies() : 9);
    }
};

// An activation (B, H + 2 border, W + 2 border, pitch).
struct Activation {
    float* data;
    int64_t batch, height, width, pitch;
    int border;
    int64_t row() const { return (width + 2 * border) * pitch; }
    float* at(int64_t b, int64_t y, int64_t x) const {
        return data + (b * (height + 2 * border) + y + border) * row() + (x + border) * pitch;
    }
    int64_t floats() const { return batch * (height + 2 * border) * row(); }
};

// Fills the border that belongs to row y once that row is complete. Reflection needs height, width >= 2.
inline void fill_border(const Activation& a, int64_t b, int64_t y, bool zeros) {
    if (!a.border) return;
    const size_t pixel = a.pitch * sizeof(float), row = a.row() * sizeof(float);
    if (zeros) {
        memset(a.at(b, y, -1), 0, pixel);
        memset(a.at(b, y, a.width), 0, pixel);
        if (y == 0) memset(a.at(b, -1, -1), 0, row);
        if (y == a.height - 1) memset(a.at(b, a.height, -1), 0, row);
        return;
    }
    memcpy(a.at(b, y, -1), a.at(b, y, 1), pixel);
    memcpy(a.at(b, y, a.width), a.at(b, y, a.width - 2), pixel);
    if (y == 1) memcpy(a.at(b, -1, -1), a.at(b, 1, -1), row);
    if (y == a.height - 2) memcpy(a.at(b, a.height, -1), a.at(b, a.height - 2, -1), row);
}

inline void read_input(const asap_tensor& input, const Activation& to, bool zeros, int threads) {
    parallel(to.batch * to.height, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / to.height, y = item % to.height;
            for (int64_t c = 0; c < to.pitch; ++c) {
                const float* from = static_cast<const float*>(input.data) + b * input.strides[0] +
                                    c * input.strides[1] + y * input.strides[2];
                float* out = to.at(b, y, 0) + c;
                for (int64_t x = 0; x < to.width; ++x) out[x * to.pitch] = from[x * input.strides[3]];
            }
            fill_border(to, b, y, zeros);
        }
    });
}

// Mean and summed squared deviation of each chunk of rows, for a stable variance.
struct Statistics {
    float* data;  // (B, chunks, 2, O)
    int64_t rows;  // of a chunk
    int64_t chunks(int64_t height) const { return (height + rows - 1) / rows; }
};

inline int64_t chunk_rows(int64_t width) { return width < 128 ? 128 / width : 1; }

inline void panel_statistics(const float* raw, int64_t pixels, int64_t pitch, float* mean, float* deviation) {
    for (int v = 0; v < panel_width; v += lanes) {
        Vec sum{}, squares{};
        for (int64_t i = 0; i < pixels; ++i) sum += load(raw + i * pitch + v);
        const Vec average = sum * (1.0f / static_cast<float>(pixels));
        for (int64_t i = 0; i < pixels; ++i) {
            const Vec apart = load(raw + i * pitch + v) - average;
            squares += apart * apart;
        }
        store(mean + v, average);
        store(deviation + v, squares);
    }
}

// The 3x3 convolution as three matrix products a row, with the statistics of what it gives.
inline void direct_convolution(const Conv& conv, const Activation& in, float* raw, int64_t height, int64_t width,
                               const Statistics& statistics, int threads) {
    const int64_t chunks = statistics.chunks(height), pitch = conv.padded();
    const int pieces = run_count(3 * conv.inputs);
    parallel(conv.panels * in.batch * chunks, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t panel = item / (in.batch * chunks), b = item / chunks % in.batch, chunk = item % chunks;
            const int64_t first = chunk * statistics.rows;
            const int64_t last = first + statistics.rows < height ? first + statistics.rows : height;
            float* out = raw + (b * height + first) * width * pitch + panel * panel_width;
            for (int64_t y = first; y < last; ++y) {
                const Left left{in.at(b, y * conv.stride - 1, -1), conv.stride * in.pitch, 1};
                panel_product<Start::zero>(static_cast<int>(width), 3 * conv.inputs / pieces, left,
                                           conv.weight + panel * panel_width * 9 * conv.inputs, nullptr,
                                           out + (y - first) * width * pitch, pitch, nullptr, 3 * pieces, in.row(),
                                           pieces);
            }
            float* mean = statistics.data + (b * chunks + chunk) * 2 * pitch + panel * panel_width;
            panel_statistics(out, (last - first) * width, pitch, mean, mean + pitch);
        }
    });
}

// Instance norm as value * scale + shift: (B, 2, O).
inline void combine_statistics(const Conv& conv, const Statistics& statistics, int64_t batch, int64_t height,
                               int64_t width, float* scale_shift) {
    const int64_t chunks = statistics.chunks(height), pitch = conv.padded();
    const double count = static_cast<double>(height) * width;
    for (int64_t b = 0; b < batch; ++b) {
        for (int64_t c = 0; c < pitch; ++c) {
            const float* at = statistics.data + b * chunks * 2 * pitch + c;
            double sum = 0, squares = 0;
            auto pixels = [&](int64_t k) {
                return static_cast<double>((height - k * statistics.rows < statistics.rows ? height - k * statistics.rows
                                                                                         : statistics.rows) * width);
            };
            for (int64_t k = 0; k < chunks; ++k) sum += at[2 * k * pitch] * pixels(k);
            const double mean = sum / count;
            for (int64_t k = 0; k < chunks; ++k) {
                const double apart = at[2 * k * pitch] - mean;
                squares += at[(2 * k + 1) * pitch] + apart * apart * pixels(k);
            }
            const double scale = conv.gamma[c] / sqrt(squares / count + conv.eps);
            scale_shift[(2 * b) * pitch + c] = static_cast<float>(scale);
            scale_shift[(2 * b + 1) * pitch + c] = static_cast<float>(conv.beta[c] - mean * scale);
        }
    }
}

// Instance norm and ReLU of what a direct convolution gave, written with its border.
inline void normalize(const Conv& conv, const float* raw, const float* scale_shift, const Activation& out, bool zeros,
                      int threads) {
    const int64_t pitch = conv.padded();
    parallel(out.batch * out.height, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t b = item / out.height, y = item % out.height;
            const float *scale = scale_shift + 2 * b * pitch, *shift = scale + pitch;
            const float* from = raw + item * out.width * pitch;
            for (int64_t x = 0; x < out.width; ++x, from += pitch) {
                float* to = out.at(b, y, x);
                int c = 0;
                for (; c + lanes <= conv.outputs; c += lanes) {
                    const Vec value = load(from + c) * load(scale + c) + load(shift + c);
                    store(to + c, value < 0.0f ? Vec{} : value);
                }
                for (; c < conv.outputs; ++c) {
                    const float value = from[c] * scale[c] + shift[c];
                    to[c] = value < 0.0f ? 0.0f : value;
                }
            }
            fill_border(out, b, y, zeros);
        }
    });
}

// The Winograd domain of one layer: V (alpha^2, B T, pitch).
struct Domain {
    float* data;
    int64_t batch, height, width;  // of the image
    int64_t pitch;
    int m;
    int64_t tiles_down() const { return (height + m - 1) / m; }
    int64_t tiles_across() const { return (width + m - 1) / m; }
    int64_t tiles() const { return tiles_down() * tiles_across(); }
    int64_t rows() const { return batch * tiles(); }
    int64_t floats() const { return (m + 2) * (m + 2) * rows() * pitch; }
    float* at(int frequency, int64_t b, int64_t tile) const {
        return data + ((frequency * batch + b) * tiles() + tile) * pitch;
    }
};

constexpr int strip = 16;  // channels of a plane: one cache line

// Some channels of one image in cache: (H', W', strip) with a border of one pixel, H' and W' whole tiles.
struct Plane {
    float* data;
    int64_t height, width, row;
    static int64_t floats(const Domain& d) {
        return (d.tiles_down() * d.m + 2) * (d.tiles_across() * d.m + 2) * strip;
    }
    Plane(float* memory, const Domain& d)
        : data(memory), height(d.height), width(d.width), row((d.tiles_across() * d.m + 2) * strip) {
        memset(memory, 0, floats(d) * sizeof(float));
    }
    float* at(int64_t y, int64_t x) const { return data + (y + 1) * row + (x + 1) * strip; }
    void reflect() const {
        const size_t pixel = strip * sizeof(float);
        for (int64_t y = 0; y < height; ++y) {
            memcpy(at(y, -1), at(y, 1), pixel);
            memcpy(at(y, width), at(y, width - 2), pixel);
        }
        const size_t line = (width + 2) * pixel;
        memcpy(at(-1, -1), at(1, -1), line);
        memcpy(at(height, -1), at(height - 2, -1), line);
    }
};

// B^T d B of every tile of the plane: channels [channel, channel + strip) of V.
template <int m>
void to_domain(const Plane& plane, const Domain& out, int64_t b, int64_t channel) {
    constexpr int alpha = m + 2;
    for (int64_t t = 0; t < out.tiles(); ++t) {
        const float* patch = plane.at(t / out.tiles_across() * m - 1, t % out.tiles_across() * m - 1);
        for (int v = 0; v < strip; v += lanes) {
            Vec in[alpha][alpha], frequencies[alpha][alpha];
            ASAP_UNROLL
            for (int i = 0; i < alpha; ++i) {
                ASAP_UNROLL
                for (int j = 0; j < alpha; ++j) in[i][j] = load(patch + i * plane.row + j * strip + v);
            }
            transform(Winograd<m>::bt, in, frequencies);
            ASAP_UNROLL
            for (int i = 0; i < alpha; ++i) {
                ASAP_UNROLL
                for (int j = 0; j < alpha; ++j) {
                    store(out.at(alpha * i + j, b, t) + channel + v, frequencies[i][j]);
                }
            }
        }
    }
}

// A^T [..] A of every tile: the strip's outputs before normalisation.
template <int m>
void from_domain(const Domain& products, int64_t b, int64_t channel, const Plane& plane) {
    constexpr int alpha = m + 2;
    for (int64_t t = 0; t < products.tiles(); ++t) {
        const int64_t y = t / products.tiles_across() * m, x = t % products.tiles_across() * m;
        for (int v = 0; v < strip; v += lanes) {
            Vec in[alpha][alpha], out[m][m];
            ASAP_UNROLL
            for (int i = 0; i < alpha; ++i) {
                ASAP_UNROLL
                for (int j = 0; j < alpha; ++j) in[i][j] = load(products.at(alpha * i + j, b, t) + channel + v);
            }
            transform(Winograd<m>::at, in, out);
            for (int i = 0; i < m && y + i < plane.height; ++i) {
                for (int j = 0; j < m && x + j < plane.width; ++j) store(plane.at(y + i, x + j) + v, out[i][j]);
            }
        }
    }
}

// Instance norm and ReLU of a plane, in place.
inline void normalize_plane(const Plane& plane, const float* gamma, const float* beta, float eps) {
    const float count = static_cast<float>(plane.height * plane.width);
    for (int v = 0; v < strip; v += lanes) {
        Vec sum{}, squares{};
        for (int64_t y = 0; y < plane.height; ++y) {
            Vec line{};
            for (int64_t x = 0; x < plane.width; ++x) line += load(plane.at(y, x) + v);
            sum += line;
        }
        const Vec mean = sum / count;
        for (int64_t y = 0; y < plane.height; ++y) {
            Vec line{};
            for (int64_t x = 0; x < plane.width; ++x) {
                const Vec apart = load(plane.at(y, x) + v) - mean;
                line += apart * apart;
            }
            squares += line;
        }
        const Vec variance = squares / count + eps;
        Vec root;
        for (int i = 0; i < lanes; ++i) root[i] = sqrtf(variance[i]);
        const Vec scale = load(gamma + v) / root, shift = load(beta + v);
        for (int64_t y = 0; y < plane.height; ++y) {
            for (int64_t x = 0; x < plane.width; ++x) {
                float* pixel = plane.at(y, x) + v;
                const Vec value = (load(pixel) - mean) * scale + shift;
                store(pixel, value < 0.0f ? Vec{} : value);
            }
        }
    }
}

// The alpha^2 products of a Winograd layer: each panel of the weights passes through the cache once.
inline void domain_products(const Conv& conv, const Domain& in, const Domain& out, int threads) {
    const int runs = run_count(conv.inputs);
    const int64_t count = conv.frequencies() * conv.panels, panel = static_cast<int64_t>(conv.inputs) * panel_width;
    parallel(count, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            const int f = static_cast<int>(item / conv.panels);
            const float* next = item + threads < count ? conv.weight + (item + threads) * panel : nullptr;
            panel_product<Start::zero>(static_cast<int>(in.rows()), conv.inputs / runs, {in.at(f, 0, 0), in.pitch, 1},
                                       conv.weight + item * panel, nullptr,
                                       out.at(f, 0, 0) + item % conv.panels * panel_width, out.pitch, next, runs,
                                       conv.inputs / runs);
        }
    });
}

// The last 1x1 convolution: phi (pixels, P), tile by tile as the pixelwise stream reads it.
inline void pointwise(const Activation& in, int64_t parameters, const float* weight, const float* bias, float* phi,
                      int threads) {
    constexpr int64_t chunk_pixels = 252;
    const int depth = static_cast<int>(in.pitch), runs = run_count(depth);
    const int64_t pixels = in.batch * in.height * in.width, panels = panel_count(parameters);
    const int64_t chunks = (pixels + chunk_pixels - 1) / chunk_pixels;
    const int64_t rows = (pixels + chunks - 1) / chunks, panel = in.pitch * panel_width;
    parallel(panels * chunks, threads, [&](Items& items) {
        alignas(64) float edge[(chunk_pixels + 1) * panel_width];
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t p = item / chunks, first = item % chunks * rows;
            const int count = static_cast<int>(first + rows < pixels ? rows : pixels - first);
            if (count <= 0) continue;
            const int64_t width = parameters - p * panel_width;
            const bool whole = width >= panel_width;
            float* out = whole ? phi + first * parameters + p * panel_width : edge;
            const float* next = item + threads < panels * chunks ? weight + (item + threads) / chunks * panel : nullptr;
            panel_product<Start::bias>(count, depth / runs, {in.data + first * in.pitch, in.pitch, 1},
                                       weight + p * panel, bias + p * panel_width, out,
                                       whole ? parameters : panel_width, next, runs, depth / runs);
            if (whole) continue;
            for (int i = 0; i < count; ++i) {
                memcpy(phi + (first + i) * parameters + p * panel_width, edge + i * panel_width, width * sizeof(float));
            }
        }
    });
}

}  // namespace ASAP_ISA
}  // namespace asap
