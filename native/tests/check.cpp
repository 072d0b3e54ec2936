// Compares every kernel with its definition on whatever processor this runs: built for another one and run under an
// emulator, it shows that the kernels there compute the same. `make neon` does so.
#include <string.h>

#include "naive.h"

namespace {

using namespace naive;

int failed = 0, threads = 2;

void expect(const char* what, double found, double bound) {
    const bool good = found <= bound;
    printf("%-44s %8.1e  (at most %.0e) %s\n", what, found, bound, good ? "" : "WRONG");
    failed += !good;
}

void expect_status(const char* what, int found, int expected) {
    if (found == expected) return;
    printf("%-44s status %d, %d was expected WRONG\n", what, found, expected);
    ++failed;
}

asap_tensor planes(const void* data, int dtype, int64_t channels, int64_t height, int64_t width) {
    return {data, dtype, {channels * height * width, height * width, width, 1}};
}

void check_pixelwise(const char* name, asap_mlp m) {
    Draws draws(m.num_classes + 7);
    const int64_t height = m.rows * m.tile, width = m.columns * m.tile, tiles = m.batch * m.rows * m.columns;
    int octaves = 0;
    if (m.positional_encoding) while ((2 << octaves) <= m.tile) ++octaves;
    const int inputs = m.num_classes + m.image_channels + 4 * octaves;
    const int64_t parameters = (inputs + 1) * m.width + (m.depth - 2) * (m.width + 1) * m.width + (m.width + 1) * m.out_channels;
    const Floats phi = draws.floats(tiles * parameters, 0.4f), grad = draws.floats(m.batch * m.out_channels * height * width);
    Floats image = draws.floats(m.batch * m.image_channels * height * width);
    std::vector<uint8_t> ids(m.batch * height * width);
    for (uint8_t& id : ids) id = static_cast<uint8_t>(draws.below(m.num_classes ? m.num_classes : 1));
    const asap_tensor label = planes(ids.data(), ASAP_UINT8, 1, height, width);
    const asap_tensor picture = planes(image.data(), ASAP_FLOAT32, m.image_channels, height, width);
    const asap_tensor upstream = planes(grad.data(), ASAP_FLOAT32, m.out_channels, height, width);
    const asap_tensor *l = m.num_classes ? &label : nullptr, *p = m.image_channels ? &picture : nullptr;
    Doubles wide(phi.begin(), phi.end()), wide_image(image.begin(), image.end());
    const Doubles expected = pixelwise(m, wide, ids, wide_image);
    Floats out(expected.size());
    char text[96];
    expect_status(name, asap_pixelwise_forward(&m, phi.data(), l, p, out.data(), ASAP_FLOAT32, nullptr, threads), ASAP_OK);
    snprintf(text, sizeof text, "pixelwise, %s", name);
    expect(text, error(out.data(), expected), 1e-5);

    Floats grad_phi(phi.size()), grad_image(image.size() + 1);
    expect_status(name, asap_pixelwise_backward(&m, phi.data(), l, p, &upstream, grad_phi.data(),
                                                p ? grad_image.data() : nullptr, nullptr, threads), ASAP_OK);
    auto slope = [&](double& place) {  // of the loss sum(grad out), by central differences
        const double kept = place, step = 1e-6;
        double difference = 0;
        for (int sign : {1, -1}) {
            place = kept + sign * step;
            const Doubles moved = pixelwise(m, wide, ids, wide_image);
            for (size_t i = 0; i < moved.size(); ++i) difference += sign * moved[i] * static_cast<double>(grad[i]);
        }
        place = kept;
        return difference / (2 * step);
    };
    Doubles slopes;
    Floats found;
    for (int k = 0; k < 40; ++k) {
        const int64_t at = draws.below(static_cast<int>(phi.size()));
        slopes.push_back(slope(wide[at]));
        found.push_back(grad_phi[at]);
    }
    for (int k = 0; p && k < 10; ++k) {
        const int64_t at = draws.below(static_cast<int>(image.size()));
        slopes.push_back(slope(wide_image[at]));
        found.push_back(grad_image[at]);
    }
    snprintf(text, sizeof text, "gradient of pixelwise, %s", name);
    expect(text, error(found.data(), slopes), 1e-4);

    Floats moved(phi.size());  // (B, P, rows, columns) -> tile by tile
    const asap_tensor strided{phi.data(), ASAP_FLOAT32, {m.rows * m.columns * parameters, 1, m.columns * parameters, parameters}};
    asap_tile_major(&strided, m.batch, parameters, m.rows, m.columns, moved.data(), threads);
    expect("phi tile by tile", memcmp(moved.data(), phi.data(), phi.size() * sizeof(float)) ? 1 : 0, 0);
    for (int dtype : {ASAP_FLOAT16, ASAP_BFLOAT16}) {
        std::vector<uint16_t> half(expected.size());
        asap_pixelwise_forward(&m, phi.data(), l, p, half.data(), dtype, nullptr, threads);
        const asap_tensor stored{half.data(), dtype, {static_cast<int64_t>(half.size()), 1, 1, 1}};
        Floats back(half.size());  // read again by the function that moves any dtype
        asap_tile_major(&stored, 1, static_cast<int64_t>(half.size()), 1, 1, back.data(), 1);
        expect(dtype == ASAP_FLOAT16 ? "written as float16" : "written as bfloat16", error(back.data(), expected),
               dtype == ASAP_FLOAT16 ? 2e-3 : 2e-2);
    }
    if (!m.num_classes) return;
    ids[3] = 200;
    asap_range bad{0, 0};
    expect_status("an id outside the classes",
                  asap_pixelwise_forward(&m, phi.data(), l, p, out.data(), ASAP_FLOAT32, &bad, threads), ASAP_BAD_LABEL);
    expect("  which is told", bad.low == 200 && bad.high == 200 ? 0 : 1, 0);
}

void check_class_pool() {
    Draws draws(3);
    const int64_t batch = 2, height = 24, width = 40;
    const int classes = 13;
    std::vector<uint8_t> ids(batch * height * width);
    for (uint8_t& id : ids) id = static_cast<uint8_t>(draws.below(classes));
    const asap_tensor label = planes(ids.data(), ASAP_UINT8, 1, height, width);
    for (int s1 : {1, 2, 4, 8}) {
        const int64_t rows = height / s1, columns = width / s1, strides[4] = {classes * rows * columns, rows * columns, columns, 1};
        Floats out(batch * classes * rows * columns);
        asap_class_pool(&label, batch, height, width, classes, s1, out.data(), strides, nullptr, threads);
        char text[64];
        snprintf(text, sizeof text, "class maps, S1 = %d", s1);
        expect(text, error(out.data(), class_pool(ids, batch, height, width, classes, s1)), 1e-5);
    }
}

void check_lowres(int winograd, int zeros) {
    Draws draws(11);
    const int64_t batch = 2, height = 16, width = 24, parameters = 37;
    const int channels[] = {5, 32, 48, 48};
    const int strides[] = {1, 2, 1};
    std::vector<Floats> weights, gammas, betas;
    for (int k = 0; k < 3; ++k) {
        weights.push_back(draws.floats(9 * channels[k] * channels[k + 1], 0.3f));
        gammas.push_back(draws.floats(channels[k + 1], 0.3f, 1.0f));
        betas.push_back(draws.floats(channels[k + 1], 0.3f));
    }
    asap_conv layers[3];
    for (int k = 0; k < 3; ++k) {
        layers[k] = {channels[k], channels[k + 1], strides[k], k == 2 ? winograd : 0, weights[k].data(), gammas[k].data(),
                     betas[k].data(), 1e-5f};
    }
    const Floats last = draws.floats(parameters * 48, 0.2f), bias = draws.floats(parameters);
    const Floats image = draws.floats(batch * 5 * height * width);
    Doubles x(image.size());
    for (int64_t b = 0; b < batch; ++b) for (int c = 0; c < 5; ++c) for (int64_t p = 0; p < height * width; ++p)
        x[(b * height * width + p) * 5 + c] = image[(b * 5 + c) * height * width + p];
    int64_t rows = height, columns = width;
    for (int k = 0; k < 3; ++k) {
        x = convolve(x, batch, rows, columns, channels[k], channels[k + 1], weights[k], 1, strides[k], !zeros);
        rows /= strides[k];
        columns /= strides[k];
        norm(x, batch, rows * columns, channels[k + 1], gammas[k].data(), betas[k].data(), 1e-5, 0);
    }
    Doubles expected;
    for (int64_t p = 0; p < batch * rows * columns; ++p) for (int64_t o = 0; o < parameters; ++o) {
        double sum = bias[o];
        for (int i = 0; i < 48; ++i) sum += x[p * 48 + i] * last[o * 48 + i];
        expected.push_back(sum);
    }
    void* stream = asap_lowres_create(layers, 3, zeros, parameters, last.data(), bias.data(), threads);
    Floats phi(expected.size());
    const asap_tensor input = planes(image.data(), ASAP_FLOAT32, 5, height, width);
    char text[96];
    snprintf(text, sizeof text, "low-res stream, F(%d), %s borders", winograd, zeros ? "zero" : "reflected");
    expect_status(text, asap_lowres_run(stream, &input, batch, height, width, phi.data(), threads), ASAP_OK);
    expect(text, error(phi.data(), expected), winograd == 4 ? 1e-4 : 2e-5);
    asap_lowres_free(stream);
}

void check_convolution(int m) {
    Draws draws(5);
    const int64_t batch = 2, height = 13, width = 22;
    const int inputs = 32, outputs = 48;
    const Floats weight = draws.floats(9 * inputs * outputs, 0.2f), bias = draws.floats(outputs);
    const Floats image = draws.floats(batch * height * width * inputs), gate = draws.floats(image.size());
    Doubles gated(image.begin(), image.end());
    for (size_t i = 0; i < gated.size(); ++i) if (!(gate[i] > 0)) gated[i] = 0;
    Doubles expected = convolve(gated, batch, height, width, inputs, outputs, weight, 1, 1, false, &bias);
    for (double& value : expected) value = value > 0 ? value : 0;
    void* convolution = asap_convolution_create(weight.data(), bias.data(), outputs, inputs, m, threads);
    Floats out(expected.size());
    char text[64];
    snprintf(text, sizeof text, "convolution, F(%d)", m);
    expect_status(text, asap_convolution_run(convolution, image.data(), gate.data(), 1, batch, height, width, out.data(), threads),
                  ASAP_OK);
    expect(text, error(out.data(), expected), m == 4 ? 1e-4 : 2e-5);
    asap_convolution_free(convolution);
}

void check_patch(int inputs, int outputs) {
    Draws draws(inputs + 5 * outputs);
    const int64_t batch = 2, height = 11, width = 17;
    const asap_patch patch{batch, height, width, inputs, outputs};
    const Floats weight = draws.floats(9 * inputs * outputs, 0.3f), image = draws.floats(batch * height * width * inputs);
    Floats bias = draws.floats(outputs);
    bias.resize((outputs + 15) / 16 * 16);
    const Doubles wide(image.begin(), image.end());
    Floats filters(asap_patch_filter_floats(inputs, outputs));
    asap_patch_filters(weight.data(), inputs, outputs, 0, filters.data());
    char text[64];
    for (int pad : {0, 2}) {
        Doubles expected = convolve(wide, batch, height, width, inputs, outputs, weight, pad, 1, false, &bias);
        if (outputs > 3) for (double& value : expected) value = value > 0 ? value : 0.2 * value;
        Floats out(expected.size());
        snprintf(text, sizeof text, "patch convolution %d -> %d, padding %d", inputs, outputs, pad);
        expect_status(text, asap_patch_convolve(&patch, image.data(), filters.data(), bias.data(), 0.2f, pad, out.data(), threads),
                      ASAP_OK);
        expect(text, error(out.data(), expected), 1e-4);  // F(4)
    }
    const int64_t rows = height - 2, columns = width - 2;
    const Floats gradient = draws.floats(batch * rows * columns * outputs);
    Doubles expected(9 * inputs * outputs);
    for (int64_t b = 0; b < batch; ++b) for (int64_t y = 0; y < rows; ++y) for (int64_t x = 0; x < columns; ++x)
        for (int o = 0; o < outputs; ++o) for (int i = 0; i < inputs; ++i) for (int k = 0; k < 9; ++k)
            expected[(o * inputs + i) * 9 + k] +=
                static_cast<double>(gradient[((b * rows + y) * columns + x) * outputs + o]) *
                image[((b * height + y + k / 3) * width + x + k % 3) * inputs + i];
    Floats sums(asap_patch_gradient_floats(inputs, outputs)), found(expected.size());
    asap_patch_gradient(&patch, image.data(), gradient.data(), sums.data(), threads);
    asap_patch_gradient_finish(sums.data(), inputs, outputs, found.data());
    snprintf(text, sizeof text, "gradient of its weights");
    expect(text, error(found.data(), expected), 1e-4);
}

void check_patch_norm() {
    Draws draws(9);
    const int64_t batch = 2, pixels = 150;
    const int channels = 32;
    const Floats z = draws.floats(batch * pixels * channels, 1.0f, 0.3f), g = draws.floats(z.size());
    const Floats gamma = draws.floats(channels, 0.3f, 1.0f), beta = draws.floats(channels), bias(channels);
    Floats mean(batch * channels), inv(batch * channels), running(channels), variance(channels, 1.0f);
    const asap_norm described{batch, pixels, channels, 0.2f, z.data(), mean.data(), inv.data(), gamma.data(), beta.data(), gamma.data()};
    Doubles expected(z.begin(), z.end());
    norm(expected, batch, pixels, channels, gamma.data(), beta.data(), 1e-5, 0.2f);
    Floats x(z.size()), dz(z.size()), means(batch * 3 * channels);
    expect_status("patch norm", asap_patch_norm_forward(&described, 1e-5f, bias.data(), running.data(), variance.data(), 0.1,
                                                        x.data(), threads), ASAP_OK);
    expect("patch norm", error(x.data(), expected), 2e-5);
    expect_status("its gradient", asap_patch_norm_reverse(&described, g.data(), dz.data(), means.data(), threads), ASAP_OK);
    Doubles slopes;
    Floats found;
    for (int k = 0; k < 30; ++k) {
        const int64_t at = draws.below(static_cast<int>(z.size()));
        double difference = 0;
        for (int sign : {1, -1}) {
            Doubles moved(z.begin(), z.end());
            moved[at] += sign * 1e-6;
            norm(moved, batch, pixels, channels, gamma.data(), beta.data(), 1e-5, 0.2f);
            for (size_t i = 0; i < moved.size(); ++i) difference += sign * moved[i] * static_cast<double>(g[i]);
        }
        slopes.push_back(difference / 2e-6);
        found.push_back(dz[at]);
    }
    expect("its gradient", error(found.data(), slopes), 1e-3);
}

}  // namespace

int main(int count, char** arguments) {
    if (count > 1) threads = arguments[1][0] - '0';
    printf("instruction set: %s, %d threads\n", asap_isa(), threads);
    check_pixelwise("labels", {2, 2, 3, 8, 24, 4, 7, 0, 3, 1, 0.01f});
    check_pixelwise("image", {1, 3, 2, 4, 16, 3, 0, 3, 3, 1, 0.2f});
    check_pixelwise("labels and image", {1, 2, 2, 4, 20, 2, 5, 2, 4, 0, 0.01f});
    check_class_pool();
    for (int winograd : {0, 2, 4}) for (int zeros : {0, 1}) check_lowres(winograd, zeros);
    for (int m : {2, 4}) check_convolution(m);
    check_patch(3, 32);
    check_patch(32, 32);
    check_patch(64, 32);
    check_patch(32, 3);
    check_patch(32, 1);
    check_patch_norm();
    printf(failed ? "%d WRONG\n" : "all agree\n", failed);
    return failed ? 1 : 0;
}
