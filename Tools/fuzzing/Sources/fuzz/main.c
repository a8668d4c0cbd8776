#include "CFuzzer.h"

int fuzz_prepare(void);
int fuzz_run(const uint8_t *data, size_t size);
size_t fuzz_mutate(uint8_t *data, size_t size, size_t limit, unsigned int seed);

/// libFuzzer looks for a function of this name.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed) {
    return fuzz_mutate(data, size, limit, seed);
}

int main(int argc, char **argv) {
    int status = fuzz_prepare();
    return status ? status : LLVMFuzzerRunDriver(&argc, &argv, fuzz_run);
}
