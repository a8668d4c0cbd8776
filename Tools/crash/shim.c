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
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

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

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *action, *kinds, *unlocked;
static size_t root_length;
static long at, count;
static int failure, log_descriptor = -1;
static bool forever, ready, repeatable;
static atomic_ullong randomness, ticks;

// The C library's `syscall`, which the one below hides.
static long (*raw(void))(long, ...) {
    static long (*real)(long, ...);
    if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real;
}

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

__attribute__((constructor)) static void begin(void) {
    root = setting("CRASH_ROOT");
    root_length = strlen(root);
    action = setting("CRASH_ACTION");
    kinds = setting("CRASH_KINDS");
    unlocked = setting("CRASH_UNLOCKED");
    at = atol(setting("CRASH_AT"));
    failure = atoi(setting("CRASH_ERRNO"));
    forever = *setting("CRASH_FOREVER") == '1';
    repeatable = *setting("CRASH_SEED") != 0;
    randomness = strtoull(setting("CRASH_SEED"), NULL, 10);
    if (*setting("CRASH_LOG")) {
        int opened = (int)raw()(SYS_openat, AT_FDCWD, setting("CRASH_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0644);
        // Far away from the numbers that the program gets without it.
        log_descriptor = (int)raw()(SYS_fcntl, opened, F_DUPFD_CLOEXEC, 900);
        raw()(SYS_close, opened);
    }
    ready = root_length > 0;
}

// What `getpid` would say, where it says the same in each run.
static void end_now(void) { raw()(SYS_kill, raw()(SYS_getpid), SIGKILL); }

static bool listed(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *place = list; (place = strstr(place, word)); place += length)
        if ((place == list || place[-1] == ',') && (place[length] == ',' || place[length] == 0)) return true;
    return false;
}

static void path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, PATH_BYTES - 1);
    path[length < 0 ? 0 : length] = 0;
}

static void path_at(int directory, const char *name, char *path) {
    if (name[0] == '/') {
        snprintf(path, PATH_BYTES, "%s", name);
        return;
    }
    char base[PATH_BYTES];
    if (directory == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) base[0] = 0;
    } else {
        path_of(directory, base);
    }
    snprintf(path, PATH_BYTES, "%.2000s/%.2000s", base, name);
}

static bool below_root(const char *path) {
    return ready && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static unsigned long inode_at(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 ? status.st_ino : 0;
}

static bool ends_with(const char *path, const char *name) {
    size_t length = strlen(path), wanted = strlen(name);
    return length > wanted && path[length - wanted - 1] == '/' && strcmp(path + length - wanted, name) == 0;
}

static bool is_unlocked(const struct call *call) {
    bool is_flock = strcmp(call->kind, "flock") == 0, is_record = strcmp(call->kind, "record-lock") == 0;
    if (!is_flock && !is_record) return false;
    if (listed(unlocked, call->kind)) return true;
    return is_flock && ((listed(unlocked, "flock=lock") && ends_with(call->path, "lock"))
                        || (listed(unlocked, "flock=segment") && strstr(call->path, ".vseg")));
}

static void write_out(const void *bytes, size_t length) {
    const char *next = bytes;
    while (length > 0) {
        long done = raw()(SYS_write, log_descriptor, next, length);
        if (done <= 0) _exit(99);
        next += done;
        length -= (size_t)done;
    }
}

static void record(const struct call *call, long result, int code) {
    if (log_descriptor < 0) return;
    char line[2 * PATH_BYTES + 200];
    bool has_data = call->data && result > 0;
    long logged = has_data ? result : 0;
    int length = snprintf(line, sizeof line, "%ld\t%s\t%lu\t%ld\t%ld\t%ld\t%d\t%ld\t%s\t%s\n", call->counts ? count : 0,
                          call->kind, call->inode, call->offset, call->length, result, result < 0 ? code : 0, logged,
                          call->path, call->other);
    write_out(line, (size_t)length);
    if (logged) write_out(call->data, (size_t)logged);
}

// Takes the mutex, which `ended` releases.
static enum decision started(struct call *call) {
    pthread_mutex_lock(&order);
    call->counts = below_root(call->path) || below_root(call->other);
    if (!call->counts) return GO_ON;
    count++;
    bool is_write = strcmp(call->kind, "write") == 0;
    bool is_now = at > 0 && (count == at || (forever && count > at && listed(kinds, call->kind)));
    call->stops = is_now && strcmp(action, "stop") == 0;
    if (is_unlocked(call)) return SKIP;
    if (!is_now) return GO_ON;
    if (strcmp(action, "kill") == 0) end_now();
    if (strcmp(action, "tear") == 0 || (strcmp(action, "short") == 0 && is_write && call->length > 1)) return HALVE;
    if (strcmp(action, "interrupt") == 0) {
        failure = EINTR;
        if ((count - at) % 2 == 0) return FAIL;
    }
    return strcmp(action, "fail") == 0 ? FAIL : GO_ON;
}

static long ended(const struct call *call, long result) {
    int code = errno;
    if (call->counts) record(call, result, code);
    if (call->counts && count == at && strcmp(action, "tear") == 0) end_now();
    pthread_mutex_unlock(&order);
    if (call->stops) raise(SIGSTOP);
    errno = code;
    return result;
}

static long failed(const struct call *call) {
    errno = failure;
    return ended(call, -1);
}

static void on_descriptor(struct call *call, const char *kind, int descriptor) {
    struct stat status;
    memset(call, 0, sizeof *call);
    call->kind = kind;
    path_of(descriptor, call->path);
    if (below_root(call->path) && fstat(descriptor, &status) == 0) call->inode = status.st_ino;
}

static void on_path(struct call *call, const char *kind, int directory, const char *name) {
    memset(call, 0, sizeof *call);
    call->kind = kind;
    path_at(directory, name, call->path);
}

// The call itself, unless it is to fail or to be left out.
#define PERFORM(expression)                                                                                           \
    do {                                                                                                              \
        switch (started(&call)) {                                                                                     \
            case FAIL: return failed(&call);                                                                          \
            case SKIP: return ended(&call, 0);                                                                        \
            default: return ended(&call, (expression));                                                               \
        }                                                                                                             \
    } while (0)

// MARK: opening

static int opened(int directory, const char *name, int flags, mode_t mode) {
    static int (*real)(int, const char *, int, ...);
    if (!real) real = NEXT(openat);
    if (repeatable && strcmp(name, "/dev/urandom") == 0) name = "/dev/zero";
    if (!(flags & (O_CREAT | O_TRUNC))) return real(directory, name, flags, mode);
    struct call call;
    on_path(&call, "open", directory, name);
    enum decision decision = started(&call);
    if (decision == FAIL) return (int)failed(&call);
    if (!call.counts) return (int)ended(&call, real(directory, name, flags, mode));
    bool existed = inode_at(call.path) != 0;
    int descriptor = real(directory, name, flags, mode);
    if (descriptor >= 0) {
        call.kind = existed ? flags & O_TRUNC ? "truncate" : "open" : "create";
        call.inode = inode_at(call.path);
    }
    return (int)ended(&call, descriptor);
}

#define MODE(last) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list list; \
        va_start(list, last); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

int open(const char *name, int flags, ...) {
    MODE(flags)
    return opened(AT_FDCWD, name, flags, mode);
}
int open64(const char *name, int flags, ...) {
    MODE(flags)
    return opened(AT_FDCWD, name, flags, mode);
}
int openat(int directory, const char *name, int flags, ...) {
    MODE(flags)
    return opened(directory, name, flags, mode);
}
int openat64(int directory, const char *name, int flags, ...) {
    MODE(flags)
    return opened(directory, name, flags, mode);
}
int creat(const char *name, mode_t mode) { return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }

// MARK: writing

static ssize_t written(int descriptor, const void *bytes, size_t length, off_t offset, bool at_offset) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    static ssize_t (*plain)(int, const void *, size_t);
    if (!real) real = NEXT(pwrite);
    if (!plain) plain = NEXT(write);
    struct call call;
    on_descriptor(&call, "write", descriptor);
    call.offset = at_offset ? offset : lseek(descriptor, 0, SEEK_CUR);
    call.length = (long)length;
    call.data = bytes;
    enum decision decision = started(&call);
    if (decision == FAIL) return failed(&call);
    if (decision == HALVE) length = (length + 1) / 2;
    ssize_t result = at_offset ? real(descriptor, bytes, length, offset) : plain(descriptor, bytes, length);
    if (descriptor == STDOUT_FILENO && !call.counts && ready) {
        // What the program tells its caller: from here on the change is acknowledged.
        call.kind = "acknowledge";
        record(&call, 0, 0);
    }
    return ended(&call, result);
}

ssize_t write(int descriptor, const void *bytes, size_t length) { return written(descriptor, bytes, length, 0, false); }
ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    return written(descriptor, bytes, length, offset, true);
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off_t offset) {
    return written(descriptor, bytes, length, offset, true);
}

// MARK: sizes

static int resized(int descriptor, off_t length) {
    static int (*real)(int, off_t);
    if (!real) real = NEXT(ftruncate);
    struct call call;
    on_descriptor(&call, "truncate", descriptor);
    call.length = length;
    PERFORM(real(descriptor, length));
}
int ftruncate(int descriptor, off_t length) { return resized(descriptor, length); }
int ftruncate64(int descriptor, off_t length) { return resized(descriptor, length); }

// Returns its error instead of setting errno.
static int reserved(int descriptor, off_t offset, off_t length) {
    static int (*real)(int, off_t, off_t);
    if (!real) real = NEXT(posix_fallocate);
    struct call call;
    on_descriptor(&call, "allocate", descriptor);
    call.offset = offset;
    call.length = length;
    if (started(&call) == FAIL) {
        failed(&call);
        return failure;
    }
    int code = real(descriptor, offset, length);
    errno = code;
    ended(&call, code ? -1 : 0);
    return code;
}
int posix_fallocate(int descriptor, off_t offset, off_t length) { return reserved(descriptor, offset, length); }
int posix_fallocate64(int descriptor, off_t offset, off_t length) { return reserved(descriptor, offset, length); }

// MARK: names

static int renamed(int from, const char *name, int to, const char *new_name, unsigned flags) {
    struct call call;
    on_path(&call, "rename", from, name);
    path_at(to, new_name, call.other);
    PERFORM((int)raw()(SYS_renameat2, from, name, to, new_name, flags));
}
int rename(const char *name, const char *new_name) { return renamed(AT_FDCWD, name, AT_FDCWD, new_name, 0); }
int renameat(int from, const char *name, int to, const char *new_name) { return renamed(from, name, to, new_name, 0); }
int renameat2(int from, const char *name, int to, const char *new_name, unsigned flags) {
    return renamed(from, name, to, new_name, flags);
}

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a[6];
    for (int index = 0; index < 6; index++) a[index] = va_arg(list, long);
    va_end(list);
    if (number == SYS_getrandom) return getrandom((void *)a[0], (size_t)a[1], (unsigned)a[2]);
    if (number != SYS_renameat2) return raw()(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return renamed((int)a[0], (const char *)a[1], (int)a[2], (const char *)a[3], (unsigned)a[4]);
}

int unlinkat(int directory, const char *name, int flags) {
    static int (*real)(int, const char *, int);
    if (!real) real = NEXT(unlinkat);
    struct call call;
    on_path(&call, flags & AT_REMOVEDIR ? "rmdir" : "unlink", directory, name);
    PERFORM(real(directory, name, flags));
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int directory, const char *name, mode_t mode) {
    static int (*real)(int, const char *, mode_t);
    if (!real) real = NEXT(mkdirat);
    struct call call;
    on_path(&call, "mkdir", directory, name);
    PERFORM(real(directory, name, mode));
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

// MARK: durability

int fsync(int descriptor) {
    static int (*real)(int);
    if (!real) real = NEXT(fsync);
    struct call call;
    on_descriptor(&call, "sync", descriptor);
    PERFORM(real(descriptor));
}
int fdatasync(int descriptor) {
    static int (*real)(int);
    if (!real) real = NEXT(fdatasync);
    struct call call;
    on_descriptor(&call, "sync", descriptor);
    PERFORM(real(descriptor));
}

// MARK: locks and owners

int flock(int descriptor, int operation) {
    static int (*real)(int, int);
    if (!real) real = NEXT(flock);
    struct call call;
    on_descriptor(&call, "flock", descriptor);
    call.length = operation;
    PERFORM(real(descriptor, operation));
}

static int controlled(int descriptor, int command, void *argument) {
    static int (*real)(int, int, ...);
    if (!real) real = NEXT(fcntl64);
    if (command != F_SETLK) return real(descriptor, command, argument);
    struct call call;
    on_descriptor(&call, "record-lock", descriptor);
    call.length = ((const struct flock *)argument)->l_type;
    PERFORM(real(descriptor, command, argument));
}
int fcntl(int descriptor, int command, ...) {
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    return controlled(descriptor, command, argument);
}
int fcntl64(int descriptor, int command, ...) {
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    return controlled(descriptor, command, argument);
}

int fchown(int descriptor, uid_t owner, gid_t group) {
    static int (*real)(int, uid_t, gid_t);
    if (!real) real = NEXT(fchown);
    struct call call;
    on_descriptor(&call, "owner", descriptor);
    PERFORM(real(descriptor, owner, group));
}
int fchmod(int descriptor, mode_t mode) {
    static int (*real)(int, mode_t);
    if (!real) real = NEXT(fchmod);
    struct call call;
    on_descriptor(&call, "mode", descriptor);
    PERFORM(real(descriptor, mode));
}

// MARK: what differs from run to run

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
