// CRC-32C: reflected polynomial 0x82F63B78 (RFC 3720, appendix B.4).

#include "CVectorKernels.h"

#include <string.h>

// One nibble at a time: 16 entries, computed from the polynomial by hand once and checked by the tests.
static const uint32_t nibble_table[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

uint32_t vk_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *p = bytes;
    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= p[i];
        crc = (crc >> 4) ^ nibble_table[crc & 15];
        crc = (crc >> 4) ^ nibble_table[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

/// The product of two polynomials modulo the CRC's, all reflected: the highest bit is the coefficient of 1. Multiplying a
/// checksum by x^(8n) is what n zero bytes behind the message do to it.
static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 0x80000000; bit; bit >>= 1) {
        if (a & bit) product ^= b;
        b = (b >> 1) ^ (0x82F63B78 & -(b & 1));
    }
    return product;
}

enum { LANE_BYTES = 1024 };

/// x^(8·LANE_BYTES) modulo the polynomial, reflected.
static uint32_t lane_shift(void) {
    uint32_t power = 0x00800000;  // x^8: one zero byte
    for (size_t bytes = 1; bytes < LANE_BYTES; bytes *= 2) power = multiply(power, power);
    return power;
}

// The instruction has a latency of three cycles and a throughput of one: three independent stretches keep it busy, and
// are joined by shifting the earlier ones over the zeros that the later ones stand for.
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p, size_t count) {
    uint64_t state = ~crc & 0xFFFFFFFFu;
    if (count >= 8 * 3 * LANE_BYTES) {
        uint32_t shift = lane_shift();
        while (count >= 3 * LANE_BYTES) {
            uint64_t a = state, b = 0, c = 0;
            for (size_t i = 0; i < LANE_BYTES; i += 8) {
                uint64_t x, y, z;
                memcpy(&x, p + i, 8);
                memcpy(&y, p + LANE_BYTES + i, 8);
                memcpy(&z, p + 2 * LANE_BYTES + i, 8);
                a = _mm_crc32_u64(a, x);
                b = _mm_crc32_u64(b, y);
                c = _mm_crc32_u64(c, z);
            }
            state = multiply(shift, multiply(shift, (uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
            p += 3 * LANE_BYTES;
            count -= 3 * LANE_BYTES;
        }
    }
    for (; count >= 8; p += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        state = _mm_crc32_u64(state, word);
    }
    for (; count; p++, count--) state = _mm_crc32_u8((uint32_t)state, *p);
    return ~(uint32_t)state;
}

uint32_t vk_crc32c(uint32_t crc, const void *bytes, size_t count) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2")) return crc32c_sse42(crc, bytes, count);
    return vk_crc32c_portable(crc, bytes, count);
}

#elif defined(__aarch64__)
#include <arm_acle.h>

__attribute__((target("crc"))) static uint32_t crc32c_arm(uint32_t crc, const uint8_t *p, size_t count) {
    crc = ~crc;
    for (; count >= 8; p += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
    }
    for (; count; p++, count--) crc = __crc32cb(crc, *p);
    return ~crc;
}

uint32_t vk_crc32c(uint32_t crc, const void *bytes, size_t count) {
    // Every 64-bit Armv8.1 core has the instruction, and so do the Armv8.0 ones that run Linux or macOS.
    return crc32c_arm(crc, bytes, count);
}

#else
uint32_t vk_crc32c(uint32_t crc, const void *bytes, size_t count) { return vk_crc32c_portable(crc, bytes, count); }
#endif
