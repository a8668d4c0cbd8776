// System calls, and a flag of one, that Swift's view of the C library leaves out.

#ifndef VECDB_SYSTEM_CALLS_H
#define VECDB_SYSTEM_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>

/// For `open`: a descriptor that only leads to a directory, for which no permission to read it is needed.
#if defined(__O_PATH)
static const int vecdb_path_only = __O_PATH;
#else
static const int vecdb_path_only = O_RDONLY;
#endif

#if defined(__linux__)
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/// renameat2 with RENAME_NOREPLACE: fails with EEXIST where the target exists.
static inline int vecdb_rename_without_replacing(int from_directory, const char *from, int to_directory, const char *to) {
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 1u);
}

#ifndef O_TMPFILE
#define O_TMPFILE __O_TMPFILE
#endif

/// A file without a name, in the directory that `path` leads to from the one behind `directory`; -1 where there can be none.
static inline int vecdb_open_unnamed(int directory, const char *path) {
    return openat(directory, path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/// The magic number of the file system behind `descriptor`; 0 when it cannot be told.
static inline int64_t vecdb_file_system_type(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 ? (int64_t)(uint32_t)status.f_type : 0;
}
#else
static inline int vecdb_rename_without_replacing(int from_directory, const char *from, int to_directory, const char *to) {
    return renameatx_np(from_directory, from, to_directory, to, 4u /* RENAME_EXCL */);
}
static inline int vecdb_open_unnamed(int directory, const char *path) {
    (void)directory, (void)path;
    errno = EOPNOTSUPP;
    return -1;
}
static inline int64_t vecdb_file_system_type(int descriptor) {
    (void)descriptor;
    return 0;
}
#endif

#endif
