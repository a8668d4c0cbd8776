// Which kernels exist in this build; the dispatcher asks the CPU which of them may run.

#ifndef INSTRUCTION_SETS_H
#define INSTRUCTION_SETS_H

#include "CVectorKernels.h"

extern const struct vk_kernels vk_scalar_kernels;
#if defined(__x86_64__)
extern const struct vk_kernels vk_avx2_kernels;
extern const struct vk_kernels vk_avx512_kernels;
#elif defined(__aarch64__)
extern const struct vk_kernels vk_neon_kernels;
#endif

/// The score as an integer of the same order (numerics, section 4).
static inline int32_t order_key(float score) {
    int32_t bits;
    __builtin_memcpy(&bits, &score, 4);
    return bits ^ (int32_t)((uint32_t)(bits >> 31) >> 1);
}

static inline float score_of_key(int32_t key) {
    int32_t bits = key ^ (int32_t)((uint32_t)(key >> 31) >> 1);
    float score;
    __builtin_memcpy(&score, &bits, 4);
    return score;
}

/// Moves the best of some candidates, the earliest of equal ones, to the front; the others keep their order.
static inline void bring_best_forward(float *scores, uint32_t *numbers, size_t count) {
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (order_key(scores[i]) > order_key(scores[best])) best = i;
    if (best == 0) return;
    const float score = scores[best];
    const uint32_t number = numbers[best];
    __builtin_memmove(scores + 1, scores, best * sizeof *scores);
    __builtin_memmove(numbers + 1, numbers, best * sizeof *numbers);
    scores[0] = score;
    numbers[0] = number;
}

#endif
