// What would differ from run to run.

#include "preloaded.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

bool repeatable;
static atomic_ullong randomness, ticks;

__attribute__((constructor)) static void begin(void) {
    repeatable = *setting("CRASH_SEED") != 0;
    randomness = strtoull(setting("CRASH_SEED"), NULL, 10);
}

static const time_t this_time = 1767225600;

ssize_t getrandom(void *bytes, size_t length, unsigned flags) {
    if (!repeatable) return raw()(SYS_getrandom, bytes, length, flags);
    for (size_t place = 0; place < length; place++) {
        // SplitMix64, one byte of each number.
        uint64_t mixed = atomic_fetch_add(&randomness, 0x9E3779B97F4A7C15) + 0x9E3779B97F4A7C15;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
        ((unsigned char *)bytes)[place] = (unsigned char)(mixed ^ mixed >> 31);
    }
    return (ssize_t)length;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = NEXT(clock_gettime);
    if (!repeatable || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID) return real(clock, time);
    bool is_date = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
    // A millisecond each time it is read, so that what waits or measures for a while comes to an end.
    uint64_t milliseconds = is_date ? 0 : atomic_fetch_add(&ticks, 1);
    time->tv_sec = (is_date ? this_time : 1) + (time_t)(milliseconds / 1000);
    time->tv_nsec = (long)(milliseconds % 1000) * 1000000;
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    static int (*real)(struct timeval *restrict, void *restrict);
    if (!real) real = NEXT(gettimeofday);
    if (!repeatable) return real(time, zone);
    *time = (struct timeval){.tv_sec = this_time};
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

pid_t getpid(void) { return repeatable ? 4242 : (pid_t)raw()(SYS_getpid); }
