// AVX-512 with byte and word instructions.

#if defined(__x86_64__)

#include "fetch_ahead.h"
#include "instruction_sets.h"
#include "vector_types.h"

#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c,bmi"))),      \
                             apply_to = function)

#define BATCH_QUERIES 4
#define BATCH_BLOCKS 4

static inline uint32_t mask_of(i32x16 lanes) { return _mm512_movepi32_mask((__m512i)lanes); }

/// Writes the selected lanes one behind the other, and rubbish up to 16 places from `scores` and `numbers` on: they are
/// compressed in registers, because compressing straight to memory is slow on some cores.
static inline size_t store_selected(f32x16 values, u32x16 ids, uint32_t selected, float *scores, uint32_t *numbers) {
    __mmask16 mask = (__mmask16)selected;
    _mm512_storeu_ps(scores, _mm512_maskz_compress_ps(mask, (__m512)values));
    _mm512_storeu_si512(numbers, _mm512_maskz_compress_epi32(mask, (__m512i)ids));
    return (size_t)__builtin_popcount(selected);
}

/// The first `count` elements of 16, and zeros; the rest is not read.
static inline f32x16 load_first_floats(const unaligned_float *p, size_t count) {
    return (f32x16)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}
static inline u8x16 load_first_bytes(const uint8_t *p, size_t count) {
    return (u8x16)_mm_maskz_loadu_epi8((__mmask16)((1u << count) - 1), p);
}

#include "vector_kernels.inc"

enum { SCANNED_TOGETHER = 4 };

/// Sums of a block's 32 slots in order, as two vectors of 16.
struct block_sums {
    __m512i first;
    __m512i second;
};

/// From sums of even and odd slots (bytes 2i and 2i + 1 of each pair's 32 bytes) to slots in order.
static inline struct block_sums interleave(__m256i even, __m256i odd) {
    __m256i low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);
    return (struct block_sums){_mm512_cvtepu16_epi32(_mm256_permute2x128_si256(low, high, 0x20)),
                               _mm512_cvtepu16_epi32(_mm256_permute2x128_si256(low, high, 0x31))};
}

static inline __m256i fold(__m512i v) {
    return _mm256_add_epi16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
}

/// The sums of both nibbles' lookups: two pairs of subspaces, 32 slots each.
static inline __m512i look_up(__m512i codes, __m512i low_tables, __m512i high_tables) {
    const __m512i nibble = _mm512_set1_epi8(15);
    return _mm512_add_epi8(_mm512_shuffle_epi8(low_tables, _mm512_and_si512(codes, nibble)),
                           _mm512_shuffle_epi8(high_tables, _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble)));
}

/// Tables of subspaces 2p and 2p + 2 (low nibbles), 2p + 1 and 2p + 3 (high), each twice, from their 64 bytes.
static inline __m512i low_tables(const uint8_t *table) {
    __m512i all = _mm512_loadu_si512(table);
    return _mm512_shuffle_i64x2(all, all, 0xA0);
}
static inline __m512i high_tables(const uint8_t *table) {
    __m512i all = _mm512_loadu_si512(table);
    return _mm512_shuffle_i64x2(all, all, 0xF5);
}

/// Appends the slots of one block whose estimates reach the threshold.
static inline __attribute__((always_inline)) void append_block(struct vk_scan *scan, const uint8_t *block, struct block_sums sums) {
    const uint8_t *scales = block + 32 * scan->pairs;
    const __m512 step = _mm512_set1_ps(scan->step), offset = _mm512_set1_ps(scan->offset);
    __m512 constant0 = _mm512_set1_ps(scan->constant), constant1 = constant0;
    if (scan->has_biases) {
        const __m512 factor = _mm512_set1_ps(scan->bias_factor);
        constant0 = _mm512_fnmadd_ps(factor, _mm512_loadu_ps(scales + 64), constant0);
        constant1 = _mm512_fnmadd_ps(factor, _mm512_loadu_ps(scales + 128), constant1);
    }
    __m512 scale0 = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)scales));
    __m512 scale1 = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)(scales + 32)));
    __m512 estimate0 =
        _mm512_fmadd_ps(scale0, _mm512_fmadd_ps(step, _mm512_cvtepi32_ps(sums.first), offset), constant0);
    __m512 estimate1 =
        _mm512_fmadd_ps(scale1, _mm512_fmadd_ps(step, _mm512_cvtepi32_ps(sums.second), offset), constant1);
    const __m512 threshold = _mm512_set1_ps(scan->threshold);
    uint32_t selected = _mm512_cmp_ps_mask(estimate0, threshold, _CMP_GE_OQ) |
                        (uint32_t)_mm512_cmp_ps_mask(estimate1, threshold, _CMP_GE_OQ) << 16;
    const size_t first = scan->next_block * 32;
    if (scan->slot_count - first < 32) selected &= (1u << (scan->slot_count - first)) - 1;
    if (scan->live) selected &= scan->live[scan->next_block];
    if (__builtin_expect(selected == 0, 1)) return;
    const u32x16 iota = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    u32x16 numbers = iota + (u32x16)(scan->first_number + (uint32_t)first);
    float *scores = scan->scores + scan->count;
    uint32_t *places = scan->numbers + scan->count;
    size_t added = store_selected((f32x16)estimate0, numbers, selected & 0xFFFF, scores, places);
    added += store_selected((f32x16)estimate1, numbers + (u32x16)16, selected >> 16, scores + added, places + added);
    scan->count += added;
}

/// Scans with the tables held in registers, and the state as well: a copy that no pointer reaches.
static inline __attribute__((always_inline)) void scan_hoisted(struct vk_scan *state, const size_t pairs) {
    struct vk_scan scan = *state;
    const size_t block_count = ((size_t)scan.slot_count + 31) / 32;
    __m512i low[4], high[4];
    for (size_t p = 0; p < pairs / 2; p++) {
        low[p] = low_tables(scan.table + 64 * p);
        high[p] = high_tables(scan.table + 64 * p);
    }
    for (; scan.next_block < block_count && scan.capacity - scan.count >= 32; scan.next_block++) {
        const uint8_t *block = scan.blocks + scan.next_block * scan.block_byte_count;
        fetch_ahead(scan.ahead, scan.block_byte_count, 1);
        __m512i all = _mm512_setzero_si512(), odd = all;
        for (size_t p = 0; p < pairs / 2; p++) {
            __m512i sums = look_up(_mm512_loadu_si512(block + 64 * p), low[p], high[p]);
            all = _mm512_add_epi16(all, sums);
            odd = _mm512_add_epi16(odd, _mm512_srli_epi16(sums, 8));
        }
        __m512i even = _mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8));
        append_block(&scan, block, interleave(fold(even), fold(odd)));
    }
    state->count = scan.count;
    state->next_block = scan.next_block;
}

/// The sums of `count` neighbouring blocks, which share each pair's tables.
static inline __attribute__((always_inline)) void sum_blocks(const struct vk_scan *scan, const uint8_t *block,
                                                             const size_t count, struct block_sums *sums) {
    const size_t stride = scan->block_byte_count;
    for (size_t b = 0; b < count; b++) sums[b] = (struct block_sums){_mm512_setzero_si512(), _mm512_setzero_si512()};
    // 258 pairs × 254 = 65,532: one more could overflow the 16-bit sums.
    for (size_t start = 0; start < scan->pairs; start += 258) {
        const size_t end = scan->pairs - start < 258 ? scan->pairs : start + 258;
        __m512i all[SCANNED_TOGETHER], odd[SCANNED_TOGETHER];
#pragma clang loop unroll(full)
        for (size_t b = 0; b < count; b++) all[b] = odd[b] = _mm512_setzero_si512();
        size_t p = start;
        for (; p + 2 <= end; p += 2) {
            const __m512i low = low_tables(scan->table + 32 * p), high = high_tables(scan->table + 32 * p);
#pragma clang loop unroll(full)
            for (size_t b = 0; b < count; b++) {
                __m512i looked_up = look_up(_mm512_loadu_si512(block + b * stride + 32 * p), low, high);
                all[b] = _mm512_add_epi16(all[b], looked_up);
                odd[b] = _mm512_add_epi16(odd[b], _mm512_srli_epi16(looked_up, 8));
            }
        }
#pragma clang loop unroll(full)
        for (size_t b = 0; b < count; b++) {
            __m256i even256 = fold(_mm512_sub_epi16(all[b], _mm512_slli_epi16(odd[b], 8))), odd256 = fold(odd[b]);
            if (p < end) {
                const __m256i nibble = _mm256_set1_epi8(15);
                const __m128i *tables = (const __m128i *)(const void *)(scan->table + 32 * p);
                __m256i codes = _mm256_loadu_si256((const __m256i *)(const void *)(block + b * stride + 32 * p));
                __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128(tables));
                __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128(tables + 1));
                __m256i looked_up = _mm256_add_epi8(
                    _mm256_shuffle_epi8(low, _mm256_and_si256(codes, nibble)),
                    _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble)));
                even256 = _mm256_add_epi16(even256, _mm256_and_si256(looked_up, _mm256_set1_epi16(0xFF)));
                odd256 = _mm256_add_epi16(odd256, _mm256_srli_epi16(looked_up, 8));
            }
            struct block_sums part = interleave(even256, odd256);
            sums[b].first = _mm512_add_epi32(sums[b].first, part.first);
            sums[b].second = _mm512_add_epi32(sums[b].second, part.second);
        }
    }
}

static void scan_any(struct vk_scan *scan) {
    const size_t block_count = ((size_t)scan->slot_count + 31) / 32;
    struct block_sums sums[SCANNED_TOGETHER];
    while (scan->next_block < block_count) {
        const uint8_t *block = scan->blocks + scan->next_block * scan->block_byte_count;
        const bool several = block_count - scan->next_block >= SCANNED_TOGETHER;
        fetch_ahead(scan->ahead, scan->block_byte_count, several ? SCANNED_TOGETHER : 1);
        if (several)
            sum_blocks(scan, block, SCANNED_TOGETHER, sums);
        else
            sum_blocks(scan, block, 1, sums);
        for (size_t b = 0; b < (several ? SCANNED_TOGETHER : 1); b++) {
            if (scan->capacity - scan->count < 32) return;
            append_block(scan, block + b * scan->block_byte_count, sums[b]);
            scan->next_block++;
        }
    }
}

static void scan_blocks(struct vk_scan *scan) {
    switch (scan->pairs) {
    case 4:
        return scan_hoisted(scan, 4);
    case 8:
        return scan_hoisted(scan, 8);
    default:
        return scan_any(scan);
    }
}

#include "leaves.inc"

#pragma clang attribute pop

#include "byte_products.inc"
#include "exact_batch_bytes.inc"

const struct vk_kernels vk_avx512_kernels = {
    block_products, quantize_levels, byte_products, assign_rows, lookup_table, scan_blocks, scan_leaves, select_top,
    kth_largest, select_best, exact_scores, exact_scores_batch_or_bytes, collect, encode_rows, sum_rows,
};

#endif
