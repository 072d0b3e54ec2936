#define ASAP_ISA shared
#include "parallel.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

namespace asap {

namespace {
using GompParallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
std::atomic<GompParallel> pool{nullptr};
}  // namespace

void set_thread_pool(void* gomp_parallel) { pool = reinterpret_cast<GompParallel>(gomp_parallel); }

void wait_a_little() { std::this_thread::yield(); }

Seconds seconds() {
    return {std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(),
            static_cast<double>(std::clock()) / CLOCKS_PER_SEC};
}

void run_threads(int threads, void (*body)(void*), void* data) {
    if (const GompParallel gomp = pool.load()) {
        gomp(body, data, static_cast<unsigned>(threads), 0);
        return;
    }
    std::vector<std::thread> helpers;
    for (int i = 1; i < threads; ++i) helpers.emplace_back(body, data);
    body(data);
    for (std::thread& helper : helpers) helper.join();
}

}  // namespace asap
