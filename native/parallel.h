// Work shared between threads: torch's own OpenMP pool where there is one, else threads of our own.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

namespace asap {

// Runs body(data) on `threads` threads at once, this one among them.
void run_threads(int threads, void (*body)(void*), void* data);
void set_thread_pool(void* gomp_parallel);
// Lets another thread run.
void wait_a_little();
// Seconds from some moment on: on the wall, and of the processor by all threads of this process.
struct Seconds {
    double wall, processor;
};
Seconds seconds();

// What follows is compiled once an instruction set, and so lies in its namespace: were it shared, the linker
// could hand code with AVX-512 in it to a machine without.
namespace ASAP_ISA {

// A lock for what is short or rarely contended.
inline void lock(int* flag) {
    while (__atomic_exchange_n(flag, 1, __ATOMIC_ACQUIRE)) wait_a_little();
}

inline void unlock(int* flag) { __atomic_store_n(flag, 0, __ATOMIC_RELEASE); }

// A shared counter that threads take items from.
class Items {
public:
    explicit Items(int64_t count) : count_(count) {}
    // The next item, or -1 when none is left.
    int64_t next() {
        const int64_t item = __atomic_fetch_add(&next_, 1, __ATOMIC_RELAXED);
        return item < count_ ? item : -1;
    }

private:
    int64_t next_ = 0;
    int64_t count_;
};

// body(items) runs once a thread and loops over items.next().
template <class Body>
void parallel(int64_t count, int threads, Body body) {
    struct Data {
        Items items;
        Body* body;
    } data{Items(count), &body};
    if (count < threads) threads = static_cast<int>(count);
    if (threads <= 1) {
        body(data.items);
        return;
    }
    run_threads(
        threads,
        [](void* raw) {
            Data* shared = static_cast<Data*>(raw);
            (*shared->body)(shared->items);
        },
        &data);
}

// Scratch memory of one thread, cut into cache-aligned pieces; `get` returns null once memory ran out.
class Scratch {
public:
    explicit Scratch(size_t floats) {
        if (posix_memalign(reinterpret_cast<void**>(&base_), 64, (floats + 16 * pieces) * sizeof(float))) {
            base_ = nullptr;
        }
    }
    ~Scratch() { free(base_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    bool ok() const { return base_ != nullptr; }
    float* take(size_t floats) {
        float* piece = base_ + used_;
        used_ += (floats + 15) / 16 * 16;
        return piece;
    }
    static constexpr size_t pieces = 64;  // at most this many calls of take

private:
    float* base_ = nullptr;
    size_t used_ = 0;
};

}  // namespace ASAP_ISA
}  // namespace asap
