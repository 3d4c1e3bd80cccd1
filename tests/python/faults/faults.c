/* Fails the n-th call that touches a file below a folder, or every writing call from
   the n-th on. Preloaded, so that it sees what DuckDB and Arrow do as well as Python. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char root[PATH_MAX];
static size_t root_length;
static atomic_int calls, failing_call, error_number, for_good;
static char failed[PATH_MAX + 32];

void faults_arm(const char *folder, int call, int error, int ever_after) {
    strncpy(root, folder, sizeof root - 1);
    root_length = strlen(root);
    calls = 0;
    error_number = error;
    for_good = ever_after;
    failing_call = call;
}

int faults_calls(void) { return calls; }
const char *faults_failed(void) { return failed; }

static int below(const char *path) {
    return root_length && !strncmp(path, root, root_length) &&
           (path[root_length] == '/' || !path[root_length]);
}

static void name_of(int descriptor, char *name) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, name, PATH_MAX - 1);
    name[length < 0 ? 0 : length] = 0;
}

/* Whether this call fails; errno says why. `frees` are calls that need no room. */
static int fails(const char *what, const char *path, int frees) {
    int wanted = failing_call;
    if (!root_length || !wanted || !below(path)) return 0;
    int call = ++calls;
    if (!(call == wanted || (for_good && call > wanted && !frees))) return 0;
    if (!failed[0]) snprintf(failed, sizeof failed, "%s %s", what, path);
    errno = error_number;
    return 1;
}

static int fails_on(const char *what, int descriptor, int frees) {
    char name[PATH_MAX];
    if (!root_length || !failing_call) return 0;
    name_of(descriptor, name);
    return fails(what, name, frees);
}

static int fails_at(const char *what, int folder, const char *path, int frees) {
    char name[2 * PATH_MAX];
    if (!root_length || !failing_call || !path) return 0;
    if (path[0] == '/' || folder == AT_FDCWD) return fails(what, path, frees);
    name_of(folder, name);
    strcat(name, "/");
    strncat(name, path, PATH_MAX - 1);
    return fails(what, name, frees);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); \
    }

#define READS(flags) (((flags) & (O_WRONLY | O_RDWR | O_CREAT)) == 0)

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        MODE REAL(int, name, const char *, int, ...); \
        if (fails_at("open", AT_FDCWD, path, READS(flags))) return -1; \
        return real(path, flags, mode); \
    }
#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        MODE REAL(int, name, int, const char *, int, ...); \
        if (fails_at("open", folder, path, READS(flags))) return -1; \
        return real(folder, path, flags, mode); \
    }
#define ON(type, name, what, frees, parameters, arguments, ...) \
    type name parameters { \
        REAL(type, name, __VA_ARGS__); \
        if (fails_on(what, descriptor, frees)) return -1; \
        return real arguments; \
    }
#define AT(name, what, frees, folder, parameters, arguments, ...) \
    int name parameters { \
        REAL(int, name, __VA_ARGS__); \
        if (fails_at(what, folder, path, frees)) return -1; \
        return real arguments; \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ON(ssize_t, write, "write", 0, (int descriptor, const void *data, size_t size),
   (descriptor, data, size), int, const void *, size_t)
ON(ssize_t, writev, "write", 0, (int descriptor, const struct iovec *data, int count),
   (descriptor, data, count), int, const struct iovec *, int)
ON(ssize_t, pwrite, "write", 0,
   (int descriptor, const void *data, size_t size, off_t where),
   (descriptor, data, size, where), int, const void *, size_t, off_t)
ON(ssize_t, pwrite64, "write", 0,
   (int descriptor, const void *data, size_t size, off64_t where),
   (descriptor, data, size, where), int, const void *, size_t, off64_t)
ON(int, fsync, "fsync", 1, (int descriptor), (descriptor), int)
ON(int, fdatasync, "fsync", 1, (int descriptor), (descriptor), int)

ssize_t copy_file_range(int from, off64_t *at, int descriptor, off64_t *to, size_t size,
                        unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
    if (fails_on("copy", descriptor, 0)) return -1;
    return real(from, at, descriptor, to, size, flags);
}

AT(rename, "rename", 0, AT_FDCWD, (const char *path, const char *to), (path, to),
   const char *, const char *)
AT(renameat, "rename", 0, folder,
   (int folder, const char *path, int other, const char *to),
   (folder, path, other, to), int, const char *, int, const char *)
AT(renameat2, "rename", 0, folder,
   (int folder, const char *path, int other, const char *to, unsigned flags),
   (folder, path, other, to, flags), int, const char *, int, const char *, unsigned)
AT(link, "link", 0, AT_FDCWD, (const char *path, const char *to), (path, to),
   const char *, const char *)
AT(linkat, "link", 0, folder,
   (int folder, const char *path, int other, const char *to, int flags),
   (folder, path, other, to, flags), int, const char *, int, const char *, int)
AT(mkdir, "mkdir", 0, AT_FDCWD, (const char *path, mode_t mode), (path, mode),
   const char *, mode_t)
AT(mkdirat, "mkdir", 0, folder, (int folder, const char *path, mode_t mode),
   (folder, path, mode), int, const char *, mode_t)
AT(unlink, "unlink", 1, AT_FDCWD, (const char *path), (path), const char *)
AT(unlinkat, "unlink", 1, folder, (int folder, const char *path, int flags),
   (folder, path, flags), int, const char *, int)
AT(rmdir, "rmdir", 1, AT_FDCWD, (const char *path), (path), const char *)
