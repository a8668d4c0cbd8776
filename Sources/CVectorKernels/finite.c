// Floats that are infinite or NaN: those whose exponent has every bit set.

#include "CVectorKernels.h"

#include <string.h>

enum { STEP = 64 };

size_t vk_first_non_finite32(const void *bytes, size_t count) {
    const uint8_t *p = bytes;
    size_t i = 0;
    for (; i + STEP <= count; i += STEP) {
        // Without a way out of the loop, so that the compiler takes several words at a time.
        uint32_t found = 0;
        for (size_t j = i; j < i + STEP; j++) {
            uint32_t word;
            memcpy(&word, p + 4 * j, 4);
            found |= (word & 0x7F800000u) == 0x7F800000u;
        }
        if (found) break;
    }
    for (; i < count; i++) {
        uint32_t word;
        memcpy(&word, p + 4 * i, 4);
        if ((word & 0x7F800000u) == 0x7F800000u) break;
    }
    return i;
}

size_t vk_first_non_finite16(const void *bytes, size_t count, uint16_t exponent) {
    const uint8_t *p = bytes;
    size_t i = 0;
    for (; i + STEP <= count; i += STEP) {
        uint16_t found = 0;
        for (size_t j = i; j < i + STEP; j++) {
            uint16_t word;
            memcpy(&word, p + 2 * j, 2);
            found |= (uint16_t)((word & exponent) == exponent);
        }
        if (found) break;
    }
    for (; i < count; i++) {
        uint16_t word;
        memcpy(&word, p + 2 * i, 2);
        if ((word & exponent) == exponent) break;
    }
    return i;
}
