#include "CSeededFaults.h"

unsigned char seeded_byte(const unsigned char *bytes, long index) { return bytes[index]; }

int seeded_sum(int left, int right) { return left + right; }
