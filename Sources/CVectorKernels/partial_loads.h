// Loads of fewer bytes than a vector has, for instruction sets whose loads cannot be masked by the byte. Included with
// their target in force.

#ifndef PARTIAL_LOADS_H
#define PARTIAL_LOADS_H

#include "vector_types.h"

#include <stddef.h>

/// `count` bytes, 1 to 8, as the low ones of a word: two loads that overlap, so that nothing behind them is read and no
/// byte takes a detour through memory.
static inline uint64_t load_word(const uint8_t *p, size_t count) {
    if (count >= 4) {
        uint32_t first, last;
        __builtin_memcpy(&first, p, 4);
        __builtin_memcpy(&last, p + count - 4, 4);
        return first | (uint64_t)last << (8 * (count - 4));
    }
    uint64_t word = p[0];
    if (count > 1) word |= (uint64_t)p[count / 2] << (8 * (count / 2)) | (uint64_t)p[count - 1] << (8 * (count - 1));
    return word;
}

/// The first `count` bytes, 1 to 16, and zeros.
static inline u8x16 load_first_bytes(const uint8_t *p, size_t count) {
    uint64_t words[2] = {load_word(p, count < 8 ? count : 8), count > 8 ? load_word(p + 8, count - 8) : 0};
    u8x16 v;
    __builtin_memcpy(&v, words, sizeof v);
    return v;
}

#endif
