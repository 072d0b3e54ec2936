// Large weight matrices, packed once into panels that stream from memory; and the products with them.
#pragma once

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "gemm.h"
#include "parallel.h"

namespace asap {
namespace ASAP_ISA {

constexpr int panel_width = block_vectors * lanes;  // columns of a panel: a register block's

constexpr int longest_run = 64;    // terms summed in one go
constexpr int part_floats = 4096;  // of a panel that stay in the first cache while all rows take them: half of it

// Cuts a sum of `depth` terms into equal runs of at most `longest_run`, or leaves it whole if it does not divide.
inline int run_count(int depth) {
    int runs = (depth + longest_run - 1) / longest_run;
    while (runs < depth && runs < 64 && depth % runs) ++runs;
    return depth % runs ? 1 : runs;
}

inline int64_t panel_count(int64_t columns) { return (columns + panel_width - 1) / panel_width; }

// Memory for packed weights and workspaces, in huge pages where the system has them; `floats` and the little that a
// vector may reach beyond them.
inline float* allocate(int64_t floats) {
    const size_t huge = size_t{1} << 21, bytes = (static_cast<size_t>(floats) + 64) * sizeof(float);
    void* memory = nullptr;
    if (posix_memalign(&memory, bytes < huge ? 64 : huge, bytes)) return nullptr;
#if defined(MADV_HUGEPAGE)
    if (bytes >= huge) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return static_cast<float*>(memory);
}

// How the terms of a sum are cut: `parts` of `runs` of `length` terms. Part p of the left matrix begins p * `step`
// floats after the first, its runs lie side by side; a panel goes on without a gap. Runs are summed apart and then
// added, which halves the rounding of a long sum. All rows take one part before any takes the next, so that the part's
// weights stay in the first cache.
struct Terms {
    int parts, runs, length;
    ptrdiff_t step;
    int64_t part() const { return static_cast<int64_t>(runs) * length * panel_width; }  // floats of a panel
    int64_t panel() const { return parts * part(); }
};

// Of a left matrix whose `depth` terms lie side by side.
inline Terms contiguous_terms(int depth) {
    const int all = run_count(depth), length = depth / all;
    int runs = all;
    while (runs > 1 && (all % runs || runs * length * panel_width > part_floats)) --runs;
    return {all / runs, runs, length, runs * length};
}

struct Panels {  // (count, terms, panel_width)
    const float* weight;
    int64_t count;
    const float* bias;  // or null
};

struct Output {  // of row i and panel p: data + i * row + p * panel
    float* data;
    ptrdiff_t row, panel;
};

// Fetches a stretch of memory into the cache, evenly over a number of calls.
class Fetch {
public:
    Fetch(const float* from, int64_t floats, int64_t calls)
        : at_(from), end_(from ? from + floats : nullptr), lines_((floats / 16 + calls - 1) / calls) {}
    void some() {
        for (int64_t i = 0; i < lines_ && at_ < end_; ++i, at_ += 16) __builtin_prefetch(at_);
    }

private:
    const float *at_, *end_;
    int64_t lines_;
};

// One part of the terms, of some rows and one panel.
template <int count, Start start>
ASAP_INLINE void part_of_rows(const Terms& terms, bool first, Left left, const float* right, const float* bias,
                              float* out, ptrdiff_t out_row, Fetch& fetch) {
    const int length = terms.length;
    for (int run = 0; run < terms.runs; ++run, left.data += length, right += length * panel_width) {
        fetch.some();
        if (first && !run) {
            block<count, block_vectors, start, Finish::store>(length, left, right, panel_width, bias, out, out_row, 0);
        } else {
            block<count, block_vectors, Start::zero, Finish::add>(length, left, right, panel_width, nullptr, out, out_row,
                                                                  0);
        }
    }
}

// The same of all rows.
template <Start start>
void part_product(int rows, const Terms& terms, bool first, Left left, const float* right, const float* bias,
                  float* out, ptrdiff_t out_row, Fetch fetch) {
    while (rows > 0) {
        const int count = next_rows(rows);
        switch (count) {
            case 6: part_of_rows<6, start>(terms, first, left, right, bias, out, out_row, fetch); break;
            case 5: part_of_rows<5, start>(terms, first, left, right, bias, out, out_row, fetch); break;
            case 4: part_of_rows<4, start>(terms, first, left, right, bias, out, out_row, fetch); break;
            case 3: part_of_rows<3, start>(terms, first, left, right, bias, out, out_row, fetch); break;
            case 2: part_of_rows<2, start>(terms, first, left, right, bias, out, out_row, fetch); break;
            default: part_of_rows<1, start>(terms, first, left, right, bias, out, out_row, fetch); break;
        }
        rows -= count;
        left.data += count * left.row;
        out += count * out_row;
    }
}

// out = bias + left panels. Meanwhile the weights at `next`, which the thread will need afterwards, are fetched; or null.
template <Start start>
void panels_product(int64_t rows, const Terms& terms, Left left, const Panels& panels, const Output& out,
                    const float* next) {
    const int64_t part = terms.part(), calls = (rows + block_rows - 1) / block_rows * terms.runs;
    for (int g = 0; g < terms.parts; ++g, left.data += terms.step) {
        for (int64_t p = 0; p < panels.count; ++p) {
            const float* right = panels.weight + p * terms.panel() + g * part;
            const float* then = next;
            if (g + 1 < terms.parts) then = panels.weight + (g + 1) * part;
            if (p + 1 < panels.count) then = right + terms.panel();
            const float* bias = panels.bias ? panels.bias + p * panel_width : nullptr;
            part_product<start>(static_cast<int>(rows), terms, g == 0, left, right, bias, out.data + p * out.panel,
                                out.row, Fetch(then, part, calls));
        }
    }
}

constexpr int64_t most_panels = 4;  // that a thread takes at a time: they share the left matrix in the cache
constexpr int64_t most_rows = 44 * block_rows;  // whose part of the terms stays in the second cache

// Panels to take at a time: `most`, or fewer so that every thread has several shares.
inline int64_t panels_at_once(int64_t panels, int threads, int64_t most) {
    const int64_t share = panels / (8 * threads);
    return share < 1 ? 1 : share < most ? share : most;
}

// Calls body(first, count) for even chunks of at most `most_rows` of all rows.
template <class Body>
void in_chunks(int64_t rows, Body body) {
    const int64_t chunks = (rows + most_rows - 1) / most_rows;
    for (int64_t i = 0; i < chunks; ++i) body(rows * i / chunks, rows * (i + 1) / chunks - rows * i / chunks);
}

}  // namespace ASAP_ISA
}  // namespace asap
