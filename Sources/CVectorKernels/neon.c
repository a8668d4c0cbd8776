// NEON, which every 64-bit Arm core has.

#if defined(__aarch64__)

#include "fetch_ahead.h"
#include "instruction_sets.h"
#include "vector_types.h"

#include <arm_neon.h>

#pragma STDC FP_CONTRACT OFF

#define BATCH_QUERIES 4
#define BATCH_BLOCKS 1

static inline uint32_t mask_of(i32x16 lanes) {
    const u32x16 bits = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    return __builtin_reduce_or((u32x16)lanes & bits);
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

#include "partial_loads.h"

/// The first `count` floats of 16, and zeros; the rest is not read.
static inline f32x16 load_first_floats(const unaligned_float *p, size_t count) {
    u8x16 quarters[4] = {(u8x16)0, (u8x16)0, (u8x16)0, (u8x16)0};
    for (size_t i = 0; 4 * i < count; i++)
        quarters[i] = load_first_bytes((const uint8_t *)(p + 4 * i), count - 4 * i < 4 ? 4 * (count - 4 * i) : 16);
    f32x16 v;
    __builtin_memcpy(&v, quarters, sizeof v);
    return v;
}

#include "vector_kernels.inc"

/// Adds the lookups of 16 slots to their sums.
static inline void add_lookups(uint8x16_t codes, uint8x16_t low, uint8x16_t high, uint16x8_t sums[2]) {
    uint8x16_t looked_up =
        vaddq_u8(vqtbl1q_u8(low, vandq_u8(codes, vdupq_n_u8(15))), vqtbl1q_u8(high, vshrq_n_u8(codes, 4)));
    sums[0] = vaddw_u8(sums[0], vget_low_u8(looked_up));
    sums[1] = vaddw_high_u8(sums[1], looked_up);
}

static void scan_blocks(struct vk_scan *scan) {
    const size_t block_count = ((size_t)scan->slot_count + 31) / 32;
    for (; scan->next_block < block_count && scan->capacity - scan->count >= 32; scan->next_block++) {
        const uint8_t *block = scan->blocks + scan->next_block * scan->block_byte_count;
        fetch_ahead(scan->ahead, scan->block_byte_count, 1);
        uint32x4_t wide[8];
        for (int i = 0; i < 8; i++) wide[i] = vdupq_n_u32(0);
        // 258 pairs × 254 = 65,532: one more could overflow the 16-bit sums.
        for (size_t start = 0; start < scan->pairs; start += 258) {
            const size_t end = scan->pairs - start < 258 ? scan->pairs : start + 258;
            uint16x8_t sums[4] = {vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0)};
            for (size_t p = start; p < end; p++) {
                uint8x16_t low = vld1q_u8(scan->table + 32 * p), high = vld1q_u8(scan->table + 32 * p + 16);
                add_lookups(vld1q_u8(block + 32 * p), low, high, sums);
                add_lookups(vld1q_u8(block + 32 * p + 16), low, high, sums + 2);
            }
            for (int i = 0; i < 4; i++) {
                wide[2 * i] = vaddw_u16(wide[2 * i], vget_low_u16(sums[i]));
                wide[2 * i + 1] = vaddw_high_u16(wide[2 * i + 1], sums[i]);
            }
        }
        const uint8_t *scales = block + 32 * scan->pairs;
        const size_t first = scan->next_block * 32;
        float estimates[32];
        for (int i = 0; i < 8; i++) {
            float32x4_t constant = vdupq_n_f32(scan->constant);
            if (scan->has_biases)
                constant = vfmsq_n_f32(constant, vreinterpretq_f32_u8(vld1q_u8(scales + 64 + 16 * i)),
                                       scan->bias_factor);
            float32x4_t scale = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(scales + 8 * i)));
            float32x4_t sum = vfmaq_n_f32(vdupq_n_f32(scan->offset), vcvtq_f32_u32(wide[i]), scan->step);
            vst1q_f32(estimates + 4 * i, vfmaq_f32(constant, scale, sum));
        }
        for (uint32_t slot = 0; slot < 32 && first + slot < scan->slot_count; slot++) {
            bool live = !scan->live || (scan->live[scan->next_block] >> slot & 1);
            if (estimates[slot] >= scan->threshold && live) {
                scan->scores[scan->count] = estimates[slot];
                scan->numbers[scan->count++] = scan->first_number + (uint32_t)first + slot;
            }
        }
    }
}

static void byte_products(const uint8_t *levels, float low, float step, size_t groups, const uint8_t *blocks,
                          size_t block_count, float *out) {
    for (size_t b = 0; b < block_count; b++) {
        const uint8_t *block = blocks + b * (64 * groups + 192);
        int32x4_t sums[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
        for (size_t g = 0; g < groups; g++) {
            int32_t four;
            __builtin_memcpy(&four, levels + 4 * g, 4);
            const int8x16_t values = vreinterpretq_s8_s32(vdupq_n_s32(four));
            for (int i = 0; i < 4; i++) {
                const int8x16_t weights = vreinterpretq_s8_u8(vld1q_u8(block + 64 * g + 16 * i));
                int16x8_t low_products = vmull_s8(vget_low_s8(values), vget_low_s8(weights));
                int16x8_t high_products = vmull_high_s8(values, weights);
                // Neighbours are two of one row's four; 2 × 127 × 127 fits 16 bits.
                int16x8_t pairs = vpaddq_s16(low_products, high_products);
                sums[i] = vpadalq_s16(sums[i], pairs);
            }
        }
        i32x16 all;
        __builtin_memcpy(&all, sums, sizeof all);
        store16(out + 16 * b, products_meant(all, low, step, block + 64 * groups));
    }
}

#include "assign.inc"
#include "leaves.inc"

const struct vk_kernels vk_neon_kernels = {
    block_products, quantize_levels, byte_products, assign_rows, lookup_table, scan_blocks, scan_leaves, select_top,
    kth_largest, select_best, exact_scores, exact_scores_batch, collect, encode_rows, sum_rows,
};

#endif
