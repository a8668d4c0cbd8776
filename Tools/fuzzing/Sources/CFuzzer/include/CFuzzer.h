#ifndef CFUZZER_H
#define CFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// libFuzzer's main function.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *data, size_t size));

/// libFuzzer's own mutations, for what a custom mutator leaves to it; returns the new size.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit);

/// From now on the address sanitizer reports accesses to these bytes, or allows them again.
void __asan_poison_memory_region(void const volatile *address, size_t size);
void __asan_unpoison_memory_region(void const volatile *address, size_t size);

#endif
