#include "instruction_sets.h"

const struct vk_kernels *vk_kernels_for(enum vk_instruction_set set) {
    switch (set) {
    case VK_SCALAR:
        return &vk_scalar_kernels;
#if defined(__x86_64__)
    case VK_AVX2:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
                       __builtin_cpu_supports("bmi")
                   ? &vk_avx2_kernels
                   : NULL;
    case VK_AVX512:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                       __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi")
                   ? &vk_avx512_kernels
                   : NULL;
#elif defined(__aarch64__)
    case VK_NEON:
        return &vk_neon_kernels;
#endif
    default:
        return NULL;
    }
}
