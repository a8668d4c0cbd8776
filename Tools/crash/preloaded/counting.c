// Which calls count, and what becomes of each.

#include "preloaded.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool ready;
int failure;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *action, *kinds, *unlocked;
static size_t root_length;
static long at, count;
static int log_descriptor = -1;
static bool forever;

long (*raw(void))(long, ...) {
    static long (*real)(long, ...);
    if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real;
}

const char *setting(const char *name) {
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
    if (*setting("CRASH_LOG")) {
        int opened = (int)raw()(SYS_openat, AT_FDCWD, setting("CRASH_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0644);
        // Far away from the numbers that the program gets without it.
        log_descriptor = (int)raw()(SYS_fcntl, opened, F_DUPFD_CLOEXEC, 900);
        raw()(SYS_close, opened);
    }
    ready = root_length > 0;
}

// Not through `getpid`, which may say the same in each run.
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

void path_at(int directory, const char *name, char *path) {
    // SQLite is given paths through the descriptor of the directory.
    static const char through[] = "/proc/self/fd/";
    if (strncmp(name, through, sizeof through - 1) == 0) {
        char *rest;
        long descriptor = strtol(name + sizeof through - 1, &rest, 10);
        char base[PATH_BYTES];
        path_of((int)descriptor, base);
        snprintf(path, PATH_BYTES, "%.2000s%.2000s", base, rest);
        return;
    }
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

unsigned long inode_at(const char *path) {
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

void record(const struct call *call, long result, int code) {
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

enum decision started(struct call *call) {
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

long ended(const struct call *call, long result) {
    int code = errno;
    if (call->counts) record(call, result, code);
    if (call->counts && count == at && strcmp(action, "tear") == 0) end_now();
    pthread_mutex_unlock(&order);
    if (call->stops) raise(SIGSTOP);
    errno = code;
    return result;
}

long failed(const struct call *call) {
    errno = failure;
    return ended(call, -1);
}

void on_descriptor(struct call *call, const char *kind, int descriptor) {
    struct stat status;
    memset(call, 0, sizeof *call);
    call->kind = kind;
    path_of(descriptor, call->path);
    if (below_root(call->path) && fstat(descriptor, &status) == 0) call->inode = status.st_ino;
}

void on_path(struct call *call, const char *kind, int directory, const char *name) {
    memset(call, 0, sizeof *call);
    call->kind = kind;
    path_at(directory, name, call->path);
}
