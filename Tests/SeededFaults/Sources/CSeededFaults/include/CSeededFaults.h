#ifndef SEEDED_FAULTS_H
#define SEEDED_FAULTS_H

// Reads bytes[index]; a fault when the array has no such byte.
unsigned char seeded_byte(const unsigned char *bytes, long index);

// Adds; a fault when the sum does not fit.
int seeded_sum(int left, int right);

#endif
