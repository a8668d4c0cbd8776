// AVX2 with FMA and half-precision conversion.

#if defined(__x86_64__)

#include "fetch_ahead.h"
#include "instruction_sets.h"
#include "vector_types.h"

#include <immintrin.h>

// Vectors of 16 lanes never leave this file, so how they would be passed between files does not matter.
#pragma clang diagnostic ignored "-Wpsabi"
#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi"))), apply_to = function)

#define BATCH_QUERIES 4
#define BATCH_BLOCKS 1

static inline uint32_t mask_of(i32x16 lanes) {
    __m256i halves[2];
    __builtin_memcpy(halves, &lanes, sizeof lanes);
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(halves[0])) |
           (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(halves[1])) << 8;
}

/// Writes the selected lanes one behind the other.
static inline size_t store_selected(f32x16 values, u32x16 ids, uint32_t selected, float *scores, uint32_t *numbers) {
    float value[16];
    uint32_t id[16];
    __builtin_memcpy(value, &values, sizeof value);
    __builtin_memcpy(id, &ids, sizeof id);
    size_t count = 0;
    for (uint32_t bits = selected; bits; bits &= bits - 1, count++) {
        uint32_t lane = (uint32_t)__builtin_ctz(bits);
        scores[count] = value[lane];
        numbers[count] = id[lane];
    }
    return count;
}

/// The first `count` floats of 16, and zeros; the rest is not read.
static inline f32x16 load_first_floats(const unaligned_float *p, size_t count) {
    const __m256i limit = _mm256_set1_epi32((int)count);
    const __m256i first = _mm256_cmpgt_epi32(limit, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    const __m256i second = _mm256_cmpgt_epi32(limit, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15));
    // The instruction takes any address, whatever the type of its parameter says.
    __m256 halves[2] = {_mm256_maskload_ps((const void *)p, first), _mm256_setzero_ps()};
    if (count > 8) halves[1] = _mm256_maskload_ps((const void *)(p + 8), second);
    f32x16 v;
    __builtin_memcpy(&v, halves, sizeof v);
    return v;
}

#include "partial_loads.h"
#include "vector_kernels.inc"

/// Sums of 16 slots, 16 bits each, in the order that unpacking gives: see `widen`.
struct block_sums {
    __m256i quarters[4];
};

static inline __m256i load256(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline __m256i load_table(const uint8_t *table) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/// Adds sums of even and odd slots (bytes 2i and 2i + 1 of each pair's 32 bytes) to 32-bit sums of slots in order.
static inline void widen(struct block_sums *sums, __m256i even, __m256i odd) {
    __m256i low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);
    sums->quarters[0] = _mm256_add_epi32(sums->quarters[0], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(low)));
    sums->quarters[1] = _mm256_add_epi32(sums->quarters[1], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(high)));
    sums->quarters[2] = _mm256_add_epi32(sums->quarters[2], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(low, 1)));
    sums->quarters[3] = _mm256_add_epi32(sums->quarters[3], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(high, 1)));
}

/// Appends the slots of one block whose estimates reach the threshold.
static inline void append_block(struct vk_scan *scan, const uint8_t *block, const struct block_sums *sums) {
    const uint8_t *scales = block + 32 * scan->pairs;
    const __m256 step = _mm256_set1_ps(scan->step), offset = _mm256_set1_ps(scan->offset);
    const __m256 threshold = _mm256_set1_ps(scan->threshold);
    float estimates[32];
    uint32_t selected = 0;
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        __m256 constant = _mm256_set1_ps(scan->constant);
        if (scan->has_biases)
            constant = _mm256_fnmadd_ps(_mm256_set1_ps(scan->bias_factor),
                                        _mm256_loadu_ps((const float *)(const void *)(scales + 64 + 32 * i)), constant);
        __m256 scale = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(scales + 16 * i)));
        __m256 sum = _mm256_cvtepi32_ps(sums->quarters[i]);
        __m256 estimate = _mm256_fmadd_ps(scale, _mm256_fmadd_ps(step, sum, offset), constant);
        selected |= (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(estimate, threshold, _CMP_GE_OQ)) << (8 * i);
        _mm256_storeu_ps(estimates + 8 * i, estimate);
    }
    const size_t first = scan->next_block * 32;
    if (scan->slot_count - first < 32) selected &= (1u << (scan->slot_count - first)) - 1;
    if (scan->live) selected &= scan->live[scan->next_block];
    for (; selected; selected &= selected - 1) {
        uint32_t slot = (uint32_t)__builtin_ctz(selected);
        scan->scores[scan->count] = estimates[slot];
        scan->numbers[scan->count++] = scan->first_number + (uint32_t)first + slot;
    }
}

static void scan_blocks(struct vk_scan *scan) {
    const size_t block_count = ((size_t)scan->slot_count + 31) / 32;
    const __m256i nibble = _mm256_set1_epi8(15);
    for (; scan->next_block < block_count && scan->capacity - scan->count >= 32; scan->next_block++) {
        const uint8_t *block = scan->blocks + scan->next_block * scan->block_byte_count;
        fetch_ahead(scan->ahead, scan->block_byte_count, 1);
        struct block_sums sums = {{_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                                   _mm256_setzero_si256()}};
        // 258 pairs × 254 = 65,532: one more could overflow the 16-bit sums.
        for (size_t start = 0; start < scan->pairs; start += 258) {
            const size_t end = scan->pairs - start < 258 ? scan->pairs : start + 258;
            __m256i all = _mm256_setzero_si256(), odd = all;
            for (size_t p = start; p < end; p++) {
                const uint8_t *table = scan->table + 32 * p;
                __m256i codes = load256(block + 32 * p);
                __m256i looked_up = _mm256_add_epi8(
                    _mm256_shuffle_epi8(load_table(table), _mm256_and_si256(codes, nibble)),
                    _mm256_shuffle_epi8(load_table(table + 16), _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble)));
                all = _mm256_add_epi16(all, looked_up);
                odd = _mm256_add_epi16(odd, _mm256_srli_epi16(looked_up, 8));
            }
            widen(&sums, _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8)), odd);
        }
        append_block(scan, block, &sums);
    }
}

static void byte_products(const uint8_t *levels, float low, float step, size_t groups, const uint8_t *blocks,
                          size_t block_count, float *out) {
    enum { TOGETHER = 2 };
    const size_t stride = 64 * groups + 192;
    const __m256i ones = _mm256_set1_epi16(1);
    for (size_t b = 0; b < block_count; b += TOGETHER) {
        const uint8_t *block = blocks + b * stride;
        const size_t width = block_count - b < TOGETHER ? block_count - b : TOGETHER;
        __m256i sums[TOGETHER][2];
        for (size_t w = 0; w < width; w++) sums[w][0] = sums[w][1] = _mm256_setzero_si256();
        for (size_t g = 0; g < groups; g++) {
            int32_t four;
            __builtin_memcpy(&four, levels + 4 * g, 4);
            const __m256i values = _mm256_set1_epi32(four);
            for (size_t w = 0; w < width; w++) {
                const uint8_t *weights = block + w * stride + 64 * g;
                // 2 × 127 × 127 fits 16 bits.
                __m256i first = _mm256_maddubs_epi16(values, load256(weights));
                __m256i second = _mm256_maddubs_epi16(values, load256(weights + 32));
                sums[w][0] = _mm256_add_epi32(sums[w][0], _mm256_madd_epi16(first, ones));
                sums[w][1] = _mm256_add_epi32(sums[w][1], _mm256_madd_epi16(second, ones));
            }
        }
        for (size_t w = 0; w < width; w++) {
            i32x16 all;
            __builtin_memcpy(&all, sums[w], sizeof all);
            store16(out + (b + w) * 16, products_meant(all, low, step, block + w * stride + 64 * groups));
        }
    }
}

#include "assign.inc"
#include "leaves.inc"

#pragma clang attribute pop

const struct vk_kernels vk_avx2_kernels = {
    block_products, quantize_levels, byte_products, assign_rows, lookup_table, scan_blocks, scan_leaves, select_top,
    kth_largest, select_best, exact_scores, exact_scores_batch, collect, encode_rows, sum_rows,
};

#endif
