// CRC-32C (Formats/numerics.md, section 6), for Tools/hostile/checksum.py: Python would spend most of a run on it.
#include <stddef.h>
#include <stdint.h>

static uint32_t table[256];

__attribute__((constructor)) static void begin(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0x82F63B78 : 0);
        table[byte] = value;
    }
}

uint32_t crc32c(const unsigned char *bytes, size_t length, uint32_t crc) {
    crc = ~crc;
    for (size_t place = 0; place < length; place++) crc = table[(crc ^ bytes[place]) & 255] ^ crc >> 8;
    return ~crc;
}
