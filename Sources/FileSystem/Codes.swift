#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `errno` values that other files tell apart, so that they need not import the C library.
package let EINVALCode = EINVAL
package let EAGAINCode = EAGAIN
