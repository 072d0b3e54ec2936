// Reading and writing tensors of any element type as float32 or as integers.
#pragma once

#include "asap_native.h"
#include "parallel.h"
#include "simd.h"

namespace asap {
namespace ASAP_ISA {

// GCC knows _Float16 in C++ for arm64 from version 13 on; before, the same bits under another name.
#if defined(__aarch64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
typedef __fp16 Half;
#else
typedef _Float16 Half;
#endif

ASAP_INLINE float from_bfloat16(uint16_t bits) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

// Rounds to nearest even; NaN stays NaN.
ASAP_INLINE uint16_t to_bfloat16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != value) return static_cast<uint16_t>((bits >> 16) | 0x40);
    return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Copies `count` floats that lie `stride` elements apart.
inline void read_floats(const void* data, int dtype, int64_t offset, int64_t stride, int count, float* out) {
    if (dtype == ASAP_FLOAT32) {
        const float* from = static_cast<const float*>(data) + offset;
        for (int i = 0; i < count; ++i) out[i] = from[i * stride];
    } else if (dtype == ASAP_FLOAT16) {
        const Half* from = static_cast<const Half*>(data) + offset;
        for (int i = 0; i < count; ++i) out[i] = static_cast<float>(from[i * stride]);
    } else {
        const uint16_t* from = static_cast<const uint16_t*>(data) + offset;
        for (int i = 0; i < count; ++i) out[i] = from_bfloat16(from[i * stride]);
    }
}

inline void write_floats(void* data, int dtype, int64_t offset, int count, const float* from) {
    if (dtype == ASAP_FLOAT32) {
        memcpy(static_cast<float*>(data) + offset, from, count * sizeof(float));
    } else if (dtype == ASAP_FLOAT16) {
        Half* to = static_cast<Half*>(data) + offset;
        for (int i = 0; i < count; ++i) to[i] = static_cast<Half>(from[i]);
    } else {
        uint16_t* to = static_cast<uint16_t*>(data) + offset;
        for (int i = 0; i < count; ++i) to[i] = to_bfloat16(from[i]);
    }
}

// Class ids that were met outside [0, count); none are ever used as an index.
struct BadLabels {
    int64_t low = INT64_MAX, high = INT64_MIN;
    bool any() const { return high >= low; }
    void add(int64_t id) {
        if (id < low) low = id;
        if (id > high) high = id;
    }
};

template <class Integer>
inline void read_ids_of(const void* data, int64_t offset, int64_t stride, int count, int classes, int32_t* out,
                        BadLabels& bad) {
    const Integer* from = static_cast<const Integer*>(data) + offset;
    for (int i = 0; i < count; ++i) {
        const int64_t id = static_cast<int64_t>(from[i * stride]);
        const bool good = id >= 0 && id < classes;
        out[i] = good ? static_cast<int32_t>(id) : 0;
        if (__builtin_expect(!good, 0)) bad.add(id);
    }
}

// Class ids as int32; those outside [0, classes) are recorded and read as 0.
inline void read_ids(const asap_tensor& label, int64_t offset, int64_t stride, int count, int classes,
                     int32_t* out, BadLabels& bad) {
    switch (label.dtype) {
        case ASAP_UINT8: read_ids_of<uint8_t>(label.data, offset, stride, count, classes, out, bad); break;
        case ASAP_INT8: read_ids_of<int8_t>(label.data, offset, stride, count, classes, out, bad); break;
        case ASAP_UINT16: read_ids_of<uint16_t>(label.data, offset, stride, count, classes, out, bad); break;
        case ASAP_INT16: read_ids_of<int16_t>(label.data, offset, stride, count, classes, out, bad); break;
        case ASAP_UINT32: read_ids_of<uint32_t>(label.data, offset, stride, count, classes, out, bad); break;
        case ASAP_INT32: read_ids_of<int32_t>(label.data, offset, stride, count, classes, out, bad); break;
        default: read_ids_of<int64_t>(label.data, offset, stride, count, classes, out, bad); break;
    }
}

// What the threads of one call have to say to its caller.
struct Outcome {
    int guard = 0;
    int status = ASAP_OK;
    BadLabels bad;
    void report(int new_status, const BadLabels& found) {
        lock(&guard);
        if (found.any()) {
            bad.add(found.low);
            bad.add(found.high);
            if (status == ASAP_OK) status = ASAP_BAD_LABEL;
        }
        if (new_status != ASAP_OK) status = new_status;
        unlock(&guard);
    }
    int finish(asap_range* range) const {
        if (range && bad.any()) *range = {bad.low, bad.high};
        return status;
    }
};

}  // namespace ASAP_ISA
}  // namespace asap
