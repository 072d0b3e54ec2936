// The layers of the low-res stream: direct convolution, instance norm + ReLU + padding, and the last 1x1.
//
// Activations lie pixel by pixel with their channels together (B, H, W, C). Axes: O outputs padded to whole panels.
#pragma once

#include <math.h>

#include "elements.h"
#include "panels.h"

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

// The 3x3 convolution as three matrix products a row, with the statistics of what it gives. A thread takes several
// panels at a time, of a thin layer all, so that an image larger than the cache is read once.
inline void direct_convolution(const Conv& conv, const Activation& in, float* raw, int64_t height, int64_t width,
                               const Statistics& statistics, int threads) {
    const int64_t chunks = statistics.chunks(height), pitch = conv.padded(), places = in.batch * chunks;
    const int64_t groups = (conv.panels + most_panels - 1) / most_panels;
    const int runs = run_count(3 * conv.inputs);
    const Terms terms{3, runs, 3 * conv.inputs / runs, in.row()};  // a part for each row of the filter
    parallel(groups * places, threads, [&](Items& items) {
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t panel = item / places * most_panels, b = item / chunks % in.batch, chunk = item % chunks;
            const int64_t left_over = conv.panels - panel, count = left_over < most_panels ? left_over : most_panels;
            const int64_t first = chunk * statistics.rows;
            const int64_t last = first + statistics.rows < height ? first + statistics.rows : height;
            const Panels panels{conv.weight + panel * terms.panel(), count, nullptr};
            float* out = raw + (b * height + first) * width * pitch + panel * panel_width;
            for (int64_t y = first; y < last; ++y) {
                const Left left{in.at(b, y * conv.stride - 1, -1), conv.stride * in.pitch, 1};
                panels_product<Start::zero>(width, terms, left, panels,
                                            {out + (y - first) * width * pitch, pitch, panel_width}, panels.weight);
            }
            float* mean = statistics.data + (b * chunks + chunk) * 2 * pitch + panel * panel_width;
            for (int64_t c = 0; c < count * panel_width; c += panel_width) {
                panel_statistics(out + c, (last - first) * width, pitch, mean + c, mean + pitch + c);
            }
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

// The last 1x1 convolution: phi (pixels, P), tile by tile as the pixelwise stream reads it.
inline void pointwise(const Activation& in, int64_t parameters, const float* weight, const float* bias, float* phi,
                      int threads, Outcome& outcome) {
    const Terms terms = contiguous_terms(static_cast<int>(in.pitch));
    const int64_t pixels = in.batch * in.height * in.width, panels = panel_count(parameters);
    const int64_t each = panels_at_once(panels, threads, 2 * most_panels), groups = (panels + each - 1) / each;
    parallel(groups, threads, [&](Items& items) {
        Scratch scratch(each * most_rows * panel_width);  // sums are not gathered in phi, whose rows lie far apart
        if (!scratch.ok()) return outcome.report(ASAP_NO_MEMORY, {});
        float* sums = scratch.take(each * most_rows * panel_width);
        for (int64_t item; (item = items.next()) >= 0;) {
            const int64_t first = item * each, count = first + each < panels ? each : panels - first;
            const float* own = weight + first * terms.panel();
            const float* next = item + threads < groups ? own + threads * each * terms.panel() : nullptr;
            in_chunks(pixels, [&](int64_t row, int64_t rows) {
                panels_product<Start::bias>(rows, terms, {in.data + row * in.pitch, in.pitch, 1},
                                            {own, count, bias + first * panel_width},
                                            {sums, panel_width, rows * panel_width}, row + rows < pixels ? own : next);
                for (int64_t p = 0; p < count; ++p) {
                    const int64_t at = (first + p) * panel_width, left = parameters - at;
                    const float* from = sums + p * rows * panel_width;
                    float* to = phi + row * parameters + at;
                    const size_t bytes = (left < panel_width ? left : panel_width) * sizeof(float);
                    for (int64_t i = 0; i < rows; ++i) memcpy(to + i * parameters, from + i * panel_width, bytes);
                }
            });
        }
    });
}

}  // namespace ASAP_ISA
}  // namespace asap
