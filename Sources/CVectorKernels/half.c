// IEEE 754 binary16, to nearest and ties to even, in integers: the same on every instruction set.

#include "CVectorKernels.h"

#include <string.h>

uint16_t vk_f16_from_f32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000) return sign | 0x7E00;         // NaN
    if (magnitude >= 0x477FF000) return sign | 0x7C00;        // 65,520 and above round to infinity
    if (magnitude < 0x33000001) return sign;                  // up to 2^-25 round to zero
    uint32_t exponent = magnitude >> 23;
    uint32_t mantissa = (magnitude & 0x7FFFFF) | 0x800000;
    // Normal halves drop 13 bits; subnormal ones more, until the last place stands for 2^-24.
    uint32_t dropped = exponent >= 113 ? 13 : 126 - exponent;
    uint32_t kept = mantissa >> dropped;
    uint32_t rest = mantissa & ((1u << dropped) - 1), half = 1u << (dropped - 1);
    kept += rest > half || (rest == half && (kept & 1));
    // The implicit bit of a normal number adds one to the exponent field; so does a carry out of the mantissa.
    return (uint16_t)(sign | ((exponent >= 113 ? (exponent - 113) << 10 : 0) + kept));
}

float vk_f32_from_f16(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 0x3FF;
    float value;
    if (exponent == 0) {
        value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    uint32_t bits = sign | (exponent == 31 ? 0x7F800000 : (exponent + 112) << 23) | mantissa << 13;
    memcpy(&value, &bits, 4);
    return value;
}
