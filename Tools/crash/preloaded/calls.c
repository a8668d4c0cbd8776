// The calls that change files. Where offsets have 64 bits anyway, a name that says so is another one of the same function.

#include "preloaded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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
int open64(const char *name, int flags, ...) __attribute__((alias("open")));
int openat(int directory, const char *name, int flags, ...) {
    MODE(flags)
    return opened(directory, name, flags, mode);
}
int openat64(int directory, const char *name, int flags, ...) __attribute__((alias("openat")));
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
ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off_t offset) __attribute__((alias("pwrite")));

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
int ftruncate64(int descriptor, off_t length) __attribute__((alias("ftruncate")));

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
int posix_fallocate64(int descriptor, off_t offset, off_t length) __attribute__((alias("posix_fallocate")));

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
int fcntl64(int descriptor, int command, ...) __attribute__((alias("fcntl")));

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
