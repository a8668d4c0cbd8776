// The plain twins: what every other instruction set is tested against. Written to be read beside Formats/numerics.md.

#include "fetch_ahead.h"
#include "instruction_sets.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

static float block_product(const float *v, size_t n, const float *block, float start, size_t lane) {
    float sum = start;
    for (size_t j = 0; j < n; j++) sum = fmaf(v[j], block[j * 16 + lane], sum);
    return sum;
}

static void block_products(const float *v, size_t n, const float *blocks, size_t block_count, const float *start,
                           float *out) {
    for (size_t i = 0; i < block_count * 16; i++)
        out[i] = block_product(v, n, blocks + i / 16 * n * 16, start ? start[i] : 0, i % 16);
}

static void lookup_table(const float *z, size_t subspaces, size_t dimensions_per_block, const float *codewords,
                         float *scratch, uint8_t *table, float *step, float *offset) {
    float range = 0, low_sum = 0;
    for (size_t s = 0; s < subspaces; s++) {
        float low = INFINITY, high = -INFINITY;
        for (size_t w = 0; w < 16; w++) {
            float entry = 0;
            for (size_t t = 0; t < dimensions_per_block; t++) {
                size_t j = s * dimensions_per_block + t;
                entry = fmaf(z[j], codewords[j * 16 + w], entry);
            }
            scratch[s * 16 + w] = entry;
            low = fminf(low, entry);
            high = fmaxf(high, entry);
        }
        for (size_t w = 0; w < 16; w++) scratch[s * 16 + w] -= low;
        range = fmaxf(range, high - low);
        low_sum += low;
    }
    float inverse = 127 / range;
    bool usable = range > 0 && inverse < INFINITY;
    if (!usable) inverse = 0;
    for (size_t i = 0; i < subspaces * 16; i++)
        table[i] = (uint8_t)fmaxf(fminf(rintf(scratch[i] * inverse), 127), 0);
    *step = usable ? range / 127 : 0;
    *offset = low_sum;
}

static void quantize_levels(const float *v, size_t n, uint8_t *levels, float *low, float *step) {
    float least = INFINITY, most = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        if (v[j] < least) least = v[j];
        if (v[j] > most) most = v[j];
    }
    const float range = most - least;
    float inverse = 127 / range;
    const bool usable = range > 0 && inverse < INFINITY;
    if (!usable) inverse = 0;
    for (size_t j = 0; j < n; j++)
        levels[j] = usable ? (uint8_t)fmaxf(fminf(rintf((v[j] - least) * inverse), 127), 0) : 0;
    for (size_t j = n; j % 4; j++) levels[j] = 0;
    *low = least;
    *step = usable ? range / 127 : 0;
}

static void byte_products(const uint8_t *levels, float low, float step, size_t groups, const uint8_t *blocks,
                          size_t block_count, float *out) {
    for (size_t b = 0; b < block_count; b++) {
        const uint8_t *block = blocks + b * (64 * groups + 192), *factors = block + 64 * groups;
        for (size_t i = 0; i < 16; i++) {
            int32_t sum = 0;
            for (size_t j = 0; j < 4 * groups; j++) sum += levels[j] * (int8_t)block[64 * (j / 4) + 4 * i + j % 4];
            float scale, scaled_sum, bias;
            memcpy(&scale, factors + 4 * i, 4);
            memcpy(&scaled_sum, factors + 64 + 4 * i, 4);
            memcpy(&bias, factors + 128 + 4 * i, 4);
            out[16 * b + i] = fmaf(scale * step, (float)sum, fmaf(low, scaled_sum, bias));
        }
    }
}

static void assign_rows(const uint8_t *levels, const struct vk_level_range *ranges, size_t row_count, size_t groups,
                        const uint8_t *blocks, size_t block_count, uint32_t *best) {
    for (size_t row = 0; row < row_count; row++) {
        float best_value = -INFINITY;
        best[row] = 0;
        for (size_t b = 0; b < block_count; b++) {
            float products[16];
            byte_products(levels + row * 4 * groups, ranges[row].low, ranges[row].step, groups,
                          blocks + b * (64 * groups + 192), 1, products);
            for (size_t i = 0; i < 16; i++)
                if (products[i] > best_value) {
                    best_value = products[i];
                    best[row] = (uint32_t)(16 * b + i);
                }
        }
    }
}

static void scan_blocks(struct vk_scan *scan) {
    const size_t scales = 32 * scan->pairs, biases = scales + 64;
    const size_t block_count = ((size_t)scan->slot_count + 31) / 32;
    for (; scan->next_block < block_count; scan->next_block++) {
        if (scan->capacity - scan->count < 32) return;
        const uint8_t *block = scan->blocks + scan->next_block * scan->block_byte_count;
        for (size_t i = 0; i < 32 && scan->next_block * 32 + i < scan->slot_count; i++) {
            uint32_t sum = 0;
            for (size_t p = 0; p < scan->pairs; p++) {
                uint8_t codes = block[32 * p + i];
                sum += scan->table[32 * p + (codes & 15)] + (uint32_t)scan->table[32 * p + 16 + (codes >> 4)];
            }
            uint16_t scale;
            float constant = scan->constant, bias;
            memcpy(&scale, block + scales + 2 * i, 2);
            if (scan->has_biases) {
                memcpy(&bias, block + biases + 4 * i, 4);
                constant = fmaf(-scan->bias_factor, bias, constant);
            }
            float estimate = fmaf(vk_f32_from_f16(scale), fmaf(scan->step, (float)sum, scan->offset), constant);
            bool live = !scan->live || (scan->live[scan->next_block] >> i & 1);
            if (estimate >= scan->threshold && live) {
                scan->scores[scan->count] = estimate;
                scan->numbers[scan->count] = scan->first_number + (uint32_t)(scan->next_block * 32 + i);
                scan->count++;
            }
        }
    }
}

static bool is_before(float score, uint32_t number, float other_score, uint32_t other_number) {
    int32_t key = order_key(score), other = order_key(other_score);
    return key != other ? key > other : number < other_number;
}

static float select_top(float *scores, uint32_t *numbers, size_t count, size_t keep) {
    // Repeatedly move the worst of what is left to the end: obviously right, and only tests run it on many.
    float worst_score = 0;
    for (size_t left = count; left >= keep; left--) {
        size_t worst = 0;
        for (size_t i = 1; i < left; i++)
            if (is_before(scores[worst], numbers[worst], scores[i], numbers[i])) worst = i;
        worst_score = scores[worst];
        if (left == keep) break;
        memmove(scores + worst, scores + worst + 1, (left - worst - 1) * sizeof *scores);
        memmove(numbers + worst, numbers + worst + 1, (left - worst - 1) * sizeof *numbers);
    }
    return worst_score;
}

static float element_value(enum vk_element element, const uint8_t *row, size_t j) {
    float value = 0;
    uint32_t bits;
    uint16_t half;
    switch (element) {
    case VK_F32:
        memcpy(&value, row + 4 * j, 4);
        return value;
    case VK_BF16:
        memcpy(&half, row + 2 * j, 2);
        bits = (uint32_t)half << 16;
        memcpy(&value, &bits, 4);
        return value;
    case VK_I8:
        return (float)(int8_t)row[j];
    case VK_U8:
        return (float)row[j];
    case VK_INT8_SCALED:
        return (float)(int8_t)row[4 + j];
    }
    return value;
}

static void exact_scores(enum vk_similarity similarity, enum vk_element element, const float *query, size_t dimensions,
                         const uint8_t *rows, size_t stride, const uint32_t *indices, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = rows + (indices ? indices[i] : i) * stride;
        float lanes[16] = {0}, scale = 1;
        if (element == VK_INT8_SCALED) memcpy(&scale, row, 4);
        for (size_t j = 0; j < dimensions; j++) {
            float x = element_value(element, row, j);
            if (similarity == VK_DOT) {
                lanes[j % 16] = fmaf(query[j], x, lanes[j % 16]);
            } else {
                float difference = element == VK_INT8_SCALED ? fmaf(-scale, x, query[j]) : query[j] - x;
                lanes[j % 16] = fmaf(difference, difference, lanes[j % 16]);
            }
        }
        for (size_t width = 8; width > 0; width /= 2)
            for (size_t lane = 0; lane < width; lane++) lanes[lane] = lanes[lane] + lanes[lane + width];
        if (similarity == VK_DOT)
            out[i] = element == VK_INT8_SCALED ? lanes[0] * scale : lanes[0];
        else
            out[i] = -lanes[0];
    }
}

static void exact_scores_batch(enum vk_similarity similarity, enum vk_element element, const float *queries,
                               size_t query_count, size_t dimensions, const uint8_t *rows, size_t stride,
                               size_t row_count, float *scratch, float *out, size_t out_stride) {
    (void)scratch;
    for (size_t q = 0; q < query_count; q++)
        exact_scores(similarity, element, queries + q * dimensions, dimensions, rows, stride, NULL, row_count,
                     out + q * out_stride);
}

static size_t collect(const float *scores, size_t count, uint32_t first_number, float threshold, const uint32_t *live,
                      float *out_scores, uint32_t *out_numbers, size_t capacity, size_t *filled) {
    size_t i = 0;
    for (; i < count; i++) {
        if (i % 16 == 0 && capacity - *filled < 16) break;
        if (scores[i] >= threshold && (!live || (live[i / 32] >> (i % 32) & 1))) {
            out_scores[*filled] = scores[i];
            out_numbers[*filled] = first_number + (uint32_t)i;
            ++*filled;
        }
    }
    return i;
}

static float kth_largest(const float *scores, size_t count, size_t k, float *scratch) {
    for (size_t i = 0; i < count; i++) scratch[i] = isnan(scores[i]) ? -INFINITY : scores[i];
    for (size_t place = 0;; place++) {
        size_t best = place;
        for (size_t i = place + 1; i < count; i++)
            if (order_key(scratch[i]) > order_key(scratch[best])) best = i;
        const float score = scratch[best];
        if (place + 1 == k) return score;
        scratch[best] = scratch[place];
        scratch[place] = score;
    }
}

static size_t select_best(const float *scores, size_t count, size_t keep, float *best, uint32_t *numbers) {
    size_t filled = 0;
    collect(scores, count, 0, -INFINITY, NULL, best, numbers, count + 16, &filled);
    if (filled > keep) {
        select_top(best, numbers, filled, keep);
        filled = keep;
    }
    bring_best_forward(best, numbers, filled);
    return filled;
}

static void encode_rows(const float *y, size_t count, size_t subspaces, size_t dimensions_per_block,
                        const float *codewords, const float *half_norms, uint8_t *codes, float *products,
                        float *norms) {
    const size_t width = subspaces * dimensions_per_block;
    for (size_t row = 0; row < count; row++) {
        const float *v = y + row * width;
        float product = 0, norm = 0;
        for (size_t s = 0; s < subspaces; s++) {
            float best_value = -INFINITY;
            uint8_t best = 0;
            for (uint8_t w = 0; w < 16; w++) {
                float value = half_norms[s * 16 + w];
                for (size_t t = 0; t < dimensions_per_block; t++) {
                    size_t j = s * dimensions_per_block + t;
                    value = fmaf(v[j], codewords[j * 16 + w], value);
                }
                if (value > best_value) {
                    best_value = value;
                    best = w;
                }
            }
            codes[row * subspaces + s] = best;
            for (size_t t = 0; t < dimensions_per_block; t++) {
                size_t j = s * dimensions_per_block + t;
                product = fmaf(v[j], codewords[j * 16 + best], product);
                norm = fmaf(v[j], v[j], norm);
            }
        }
        if (products) products[row] = product;
        if (norms) norms[row] = norm;
    }
}

static void sum_rows(const float *rows, size_t n, const uint32_t *indices, size_t count, float *sum) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < n; j++) sum[j] = sum[j] + rows[indices[i] * n + j];
}

static void make_room(struct vk_scan *scan, size_t keep) {
    scan->threshold = select_top(scan->scores, scan->numbers, scan->count, keep);
    scan->count = keep;
}

#include "leaves.inc"

const struct vk_kernels vk_scalar_kernels = {
    block_products, quantize_levels, byte_products, assign_rows, lookup_table, scan_blocks, scan_leaves, select_top,
    kth_largest, select_best, exact_scores, exact_scores_batch, collect, encode_rows, sum_rows,
};
