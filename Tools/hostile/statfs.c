// Tells vecdb that its files lie on NFS: preloaded by Tools/hostile/environment.py.
#define _GNU_SOURCE
#include <sys/vfs.h>
#include <sys/syscall.h>
#include <unistd.h>

int fstatfs(int descriptor, struct statfs *status) {
    int result = (int)syscall(SYS_fstatfs, descriptor, status);
    status->f_type = 0x6969;
    return result;
}

int fstatfs64(int descriptor, struct statfs64 *status) { return fstatfs(descriptor, (struct statfs *)status); }
