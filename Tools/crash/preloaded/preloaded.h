#pragma once

// Preloaded into vecdb by Tools/crash-test: counts every call of the C library that changes a file below one
// directory, in one order over all threads, and at a chosen count kills or stops the process or lets the call fail.
// It can also write down every call with its data.
//
// CRASH_ROOT     only files below this directory count
// CRASH_LOG      append a record of each call here
// CRASH_AT       the count, from 1, at which CRASH_ACTION happens
// CRASH_ACTION   kill (before the call), tear (half a write, then kill), stop (after the call, until SIGCONT),
//                fail (with the errno CRASH_ERRNO), short (half a write), interrupt (EINTR)
// CRASH_FOREVER  1: from the count on, every call of a kind in CRASH_KINDS (an interrupt: every other one)
// CRASH_KINDS    comma-separated kinds that fail for ever
// CRASH_SEED     what the program takes from elsewhere is the same in each run: random bytes made from this number, the
//                time of day, a clock that ticks when it is read, the process's number
// CRASH_UNLOCKED comma-separated lock kinds that succeed and do nothing: flock, or the name of a file behind '=':
//                flock=lock

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <sys/types.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define PATH_BYTES 4096

enum decision { GO_ON, FAIL, HALVE, SKIP };

struct call {
    const char *kind;
    char path[PATH_BYTES];
    char other[PATH_BYTES];
    unsigned long inode;
    long offset;
    long length;
    const void *data;
    bool counts;
    bool stops;
};

// The program's own functions may have these names.
#pragma GCC visibility push(hidden)

// MARK: counting.c

// Whether there is a directory to watch.
extern bool ready;
// The error number of a call that is to fail.
extern int failure;

const char *setting(const char *name);
// The C library's `syscall`, which calls.c hides.
long (*raw(void))(long, ...);
void path_at(int directory, const char *name, char *path);
unsigned long inode_at(const char *path);
// Begin the description of a call.
void on_descriptor(struct call *call, const char *kind, int descriptor);
void on_path(struct call *call, const char *kind, int directory, const char *name);
// What is to become of it. Takes the mutex, which `ended` releases.
enum decision started(struct call *call);
long ended(const struct call *call, long result);
long failed(const struct call *call);
void record(const struct call *call, long result, int code);

// MARK: repeatable.c

// Whether the program is to do the same in each run.
extern bool repeatable;

#pragma GCC visibility pop

// The call itself, unless it is to fail or to be left out.
#define PERFORM(expression)                                                                                           \
    do {                                                                                                              \
        switch (started(&call)) {                                                                                     \
            case FAIL: return failed(&call);                                                                          \
            case SKIP: return ended(&call, 0);                                                                        \
            default: return ended(&call, (expression));                                                               \
        }                                                                                                             \
    } while (0)
