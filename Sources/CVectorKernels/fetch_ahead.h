// Fetching blocks of codes while others are scanned.

#ifndef FETCH_AHEAD_H
#define FETCH_AHEAD_H

#include "CVectorKernels.h"

/// Goes on to the next leaf that has blocks; false at the end of the list. The next one may be the same leaf for another
/// query: then its blocks are being fetched already.
static inline bool next_leaf_ahead(struct vk_ahead *ahead, size_t block_byte_count) {
    while (ahead->next < ahead->end) {
        const struct vk_leaf *leaf = ahead->next++;
        ahead->block_count = ((size_t)leaf->slot_count + 31) / 32;
        if (ahead->block_count == 0) continue;
        const bool is_same = leaf > ahead->first && (leaf - 1)->first_block == leaf->first_block;
        ahead->block = is_same ? NULL : ahead->codes + (size_t)leaf->first_block * block_byte_count;
        return true;
    }
    return false;
}

/// Fetches the next `count` blocks of `block_byte_count` bytes.
static inline void fetch_ahead(struct vk_ahead *ahead, size_t block_byte_count, size_t count) {
    if (!ahead) return;
    for (; count > 0; count--) {
        if (ahead->block_count == 0 && !next_leaf_ahead(ahead, block_byte_count)) return;
        ahead->block_count--;
        if (!ahead->block) continue;
        for (size_t i = 0; i < block_byte_count; i += 64) __builtin_prefetch(ahead->block + i);
        ahead->block += block_byte_count;
    }
}

#endif
