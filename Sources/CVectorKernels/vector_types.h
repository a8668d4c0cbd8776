// Vectors of 16 lanes in the compiler's own notation; it splits them into what the instruction set has.

#ifndef VECTOR_TYPES_H
#define VECTOR_TYPES_H

#include <stdint.h>

/// A float at any address, as those of stored rows are.
typedef float unaligned_float __attribute__((aligned(1)));

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef float f32x8 __attribute__((ext_vector_type(8)));
typedef float f32x4 __attribute__((ext_vector_type(4)));
typedef int32_t i32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef int8_t i8x16 __attribute__((ext_vector_type(16)));

#endif
