// The leaf functions of vecdb: no state, no allocation, no failure. Each exists for several instruction sets and once
// in plain C; Formats/numerics.md defines what they compute, to the bit. Lengths are the caller's duty.

#ifndef C_VECTOR_KERNELS_H
#define C_VECTOR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vk_instruction_set { VK_SCALAR = 0, VK_NEON = 1, VK_AVX2 = 2, VK_AVX512 = 3 };

enum vk_similarity { VK_DOT = 1, VK_NEGATED_SQUARED_DISTANCE = 3 };

/// How a stored row is encoded; the numbers are the segment file's element types.
enum vk_element { VK_F32 = 1, VK_BF16 = 2, VK_I8 = 4, VK_U8 = 5, VK_INT8_SCALED = 8 };

/// A place in a list of leaves whose blocks are being fetched, some way ahead of the scan.
struct vk_ahead {
    const uint8_t *codes;
    const struct vk_leaf *first;
    /// The leaves after the one that is being fetched.
    const struct vk_leaf *next;
    const struct vk_leaf *end;
    /// Blocks that this one has left, and the first of them; NULL when the leaf before had the same.
    size_t block_count;
    const uint8_t *block;
};

/// One scan over the code blocks of a leaf. The caller fills everything but `next_block` and `count`, which carry the
/// state from one call to the next.
struct vk_scan {
    const uint8_t *blocks;
    size_t block_byte_count;
    size_t pairs;
    bool has_biases;
    uint32_t slot_count;
    /// The number of slot 0; what is appended is this plus the slot.
    uint32_t first_number;
    /// `[2 * pairs][16]`, values up to 127.
    const uint8_t *table;
    float step;
    float offset;
    float constant;
    /// What biases are multiplied by.
    float bias_factor;
    float threshold;
    /// What will be scanned next, fetched block by block meanwhile. May be NULL.
    struct vk_ahead *ahead;
    /// A bit for each slot, 32 to a word, or NULL when all may be returned.
    const uint32_t *live;
    float *scores;
    uint32_t *numbers;
    /// Places in `scores` and `numbers`.
    size_t capacity;
    /// Places filled.
    size_t count;
    size_t next_block;
};

/// A leaf to be scanned.
struct vk_leaf {
    /// The constant part of its slots' scores, and what their biases are multiplied by.
    float constant;
    float bias_factor;
    uint32_t slot_count;
    /// The number of slot 0.
    uint32_t first_number;
    /// Which of the scans it belongs to.
    uint32_t query;
    /// Where its words begin in the live mask, or `VK_ALL_LIVE`.
    uint32_t live_start;
    /// Its first block, counted from the start of all codes.
    uint32_t first_block;
    /// The caller's: the scan does not look at it.
    uint32_t tag;
};

#define VK_ALL_LIVE UINT32_MAX

/// How many rows `exact_scores_batch` prepares at a time.
enum { VK_BATCH_ROWS = 64 };

/// How many floats `exact_scores_batch` needs for itself: rows as floats, or rows and queries as bytes, padded.
static inline size_t vk_batch_scratch(size_t dimensions, size_t query_count) {
    const size_t floats = dimensions * VK_BATCH_ROWS;
    const size_t words = ((dimensions + 63) / 64 + 1) * 16 * (VK_BATCH_ROWS + query_count);
    return floats > words ? floats : words;
}

/// What the levels of a quantized vector stand for: low + step·level.
struct vk_level_range {
    float low;
    float step;
};

struct vk_kernels {
    /// out[i] = start[i] + Σ v[j]·M[i][j], one fma chain a lane (numerics, section 3). `blocks` is
    /// [block_count][n][16]; `start` may be NULL for zeros; `out` and `start` hold block_count·16 floats.
    void (*block_products)(const float *v, size_t n, const float *blocks, size_t block_count, const float *start,
                           float *out);

    /// The vector as levels 0…127 above its smallest value (numerics, section 3). `levels` holds n rounded up to 4; what
    /// completes them is 0.
    void (*quantize_levels)(const float *v, size_t n, uint8_t *levels, float *low, float *step);

    /// The products of a quantized vector with a byte matrix (numerics, section 3): blocks of 64·groups + 192 bytes, of
    /// 16 rows each; `levels` holds 4·groups.
    void (*byte_products)(const uint8_t *levels, float low, float step, size_t groups, const uint8_t *blocks,
                          size_t block_count, float *out);

    /// For each quantized row, 4·groups levels, the index of its largest product with a byte matrix, ties to the smaller one.
    void (*assign_rows)(const uint8_t *levels, const struct vk_level_range *ranges, size_t row_count, size_t groups,
                        const uint8_t *blocks, size_t block_count, uint32_t *best);

    /// The quantized lookup table (numerics, section 4). `z` has subspaces·dimensions_per_block floats, `scratch`
    /// room for subspaces·16.
    void (*lookup_table)(const float *z, size_t subspaces, size_t dimensions_per_block, const float *codewords,
                         float *scratch, uint8_t *table, float *step, float *offset);

    /// Appends every live slot whose estimate is at least the threshold, in slot order. Returns when all blocks are done
    /// or fewer than 32 places remain.
    void (*scan_blocks)(struct vk_scan *scan);

    /// Scans leaves one after the other, each for one query, and keeps the best `keep` slots of each query: whenever its
    /// buffer is full they are selected and the threshold becomes the worst of them. Of `scans` the caller fills what is
    /// the same for all leaves; `capacity` is at least keep + 32, and at the end the first `count` places hold the best
    /// `keep` and others.
    void (*scan_leaves)(struct vk_scan *scans, const uint8_t *codes, const struct vk_leaf *leaves, size_t leaf_count,
                        const uint32_t *live, size_t keep);

    /// Moves the best `keep` of `count` (by order key, then smaller number) to the front, in their order, and
    /// returns the worst of their scores. What lies behind them is rubbish. Requires 0 < keep < count.
    float (*select_top)(float *scores, uint32_t *numbers, size_t count, size_t keep);

    /// The k-th largest of `count` scores by order key, NaN counted as −∞. `scratch` has room for all of them; 0 < k ≤ count.
    float (*kth_largest)(const float *scores, size_t count, size_t k, float *scratch);

    /// Writes the best `keep` of `count` scores (by order key, then earlier place; NaN passed over) and their places: the
    /// best one first, the others in their order. Returns how many it wrote. Both arrays have room for count + 16.
    size_t (*select_best)(const float *scores, size_t count, size_t keep, float *best, uint32_t *places);

    /// out[i] = the inside score of row indices[i] (row i when `indices` is NULL); numerics, section 2.
    void (*exact_scores)(enum vk_similarity similarity, enum vk_element element, const float *query, size_t dimensions,
                         const uint8_t *rows, size_t stride, const uint32_t *indices, size_t count, float *out);

    /// out[q·out_stride + i] = the inside score of row i for query q; numerics, section 2. `queries` is
    /// [query_count][dimensions], `scratch` has room for `vk_batch_scratch` floats.
    void (*exact_scores_batch)(enum vk_similarity similarity, enum vk_element element, const float *queries,
                               size_t query_count, size_t dimensions, const uint8_t *rows, size_t stride,
                               size_t row_count, float *scratch, float *out, size_t out_stride);

    /// Appends number first_number + i for every i with scores[i] ≥ threshold whose live bit is set. Returns how many
    /// scores it consumed; fewer than `count` only when fewer than 16 places remain.
    size_t (*collect)(const float *scores, size_t count, uint32_t first_number, float threshold, const uint32_t *live,
                      float *out_scores, uint32_t *out_numbers, size_t capacity, size_t *filled);

    /// Nearest codewords of `count` projected residuals (numerics, section 5), and ⟨y, ŷ⟩ and ⟨y, y⟩ unless NULL.
    void (*encode_rows)(const float *y, size_t count, size_t subspaces, size_t dimensions_per_block,
                        const float *codewords, const float *half_norms, uint8_t *codes, float *products, float *norms);

    /// sum[j] += rows[indices[i]][j], in the order of i.
    void (*sum_rows)(const float *rows, size_t n, const uint32_t *indices, size_t count, float *sum);
};

/// The kernels of an instruction set, or NULL when this CPU lacks it.
const struct vk_kernels *vk_kernels_for(enum vk_instruction_set set);

/// CRC-32C (RFC 3720), continuing from `crc`: 0 at the start, the previous result later.
uint32_t vk_crc32c(uint32_t crc, const void *bytes, size_t count);
/// The same from a table, for comparison.
uint32_t vk_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

/// The index of the first of `count` little-endian f32 at any address that is infinite or NaN; `count` when none is.
size_t vk_first_non_finite32(const void *bytes, size_t count);
/// The same for values of 16 bits, where `exponent` has the bits of their exponent: 0x7F80 for bf16, 0x7C00 for f16.
size_t vk_first_non_finite16(const void *bytes, size_t count, uint16_t exponent);

uint16_t vk_f16_from_f32(float value);
float vk_f32_from_f16(uint16_t bits);

/// Asks for the cache lines of some bytes.
static inline void vk_fetch(const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i += 64) __builtin_prefetch((const char *)bytes + i);
}

#endif
