// translate MODEL.pt LABELS.pgm PICTURE.ppm
//
// Translates a label map (binary PGM, one class id a pixel) with a file of `asap export format=torchscript`.
// Needs libtorch alone, which lies in the Python package of torch too.
#include <torch/script.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

torch::Tensor read_labels(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    int64_t width = 0, height = 0, most = 0;
    file >> magic >> width >> height >> most;
    if (!file || magic != "P5" || most > 255 || width < 1 || height < 1 || width > 16384 || height > 16384)
        throw std::runtime_error(path + " is no binary PGM file of at most 255 classes");
    file.get();  // the one white space before the pixels
    std::vector<uint8_t> ids(static_cast<size_t>(width * height));
    if (!file.read(reinterpret_cast<char*>(ids.data()), static_cast<std::streamsize>(ids.size())))
        throw std::runtime_error(path + " ends too early");
    return torch::from_blob(ids.data(), {1, height, width}, torch::kUInt8).to(torch::kInt32);
}

void write_picture(const std::string& path, const torch::Tensor& image) {
    // (3, H, W) in [-1, 1] -> rows of RGB levels
    const auto levels = ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch::kUInt8).permute({1, 2, 0}).contiguous();
    std::ofstream file(path, std::ios::binary);
    file << "P6\n" << levels.size(1) << ' ' << levels.size(0) << "\n255\n";
    file.write(reinterpret_cast<const char*>(levels.data_ptr<uint8_t>()), levels.numel());
    if (!file) throw std::runtime_error(path + " cannot be written");
}

}  // namespace

int main(int count, char** words) {
    if (count != 4) {
        std::cerr << "translate MODEL.pt LABELS.pgm PICTURE.ppm\n";
        return 2;
    }
    try {
        const c10::InferenceMode no_gradients;
        torch::jit::ExtraFilesMap extra{{"asap_lightning_export", ""}};
        auto model = torch::jit::load(words[1], torch::kCPU, extra);
        if (extra["asap_lightning_export"].empty())
            throw std::runtime_error(std::string(words[1]) + " was not written by asap export");
        // Ids outside the classes raise here: the graph looks each of them up.
        write_picture(words[3], model.forward({read_labels(words[2])}).toTensor()[0]);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 2;
    }
}
