/*
 * Faults below the storage engine: a library that a test loads into the server (LD_PRELOAD).
 *
 * It stands between the process and the kernel for every call that reads or changes a file below
 * one directory, and for nothing else. It can refuse a call, cut a write short, bound the bytes that may
 * be written, and end the process instead of a call. It writes down what was done, in the order in
 * which it was done, so that the test can work out what a disk may hold after a power cut (disk.rs).
 *
 *   HVELV_FAULTS_ROOT     the directory
 *   HVELV_FAULTS_CONTROL  `struct control`, changed by the test while the process runs
 *   HVELV_FAULTS_JOURNAL  the records
 *
 * INVARIANT: a call and its record happen under one lock, so the journal is the order of the calls;
 * the process ends under the same lock, so nothing is done that is not in the journal. A sync runs
 * beside other calls and says how much of the journal there was when it began.
 *
 * What it does not see: calls that the C library makes itself, among them stdio, except
 * `fread_unlocked`, by which the engine reads its logs; and directories that are listed. The engine's
 * own log (`LOG`) is written by stdio and is not state. disk.rs holds the journal against the real files
 * after each cut, so a call that is missing here fails a test.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* What a call does; the test chooses which are counted. */
enum kind { WRITES = 1, SYNCS = 2, OPENS = 4, NAMES = 8, SIZES = 16, READS = 32 };

/* FORMAT: numbers of 64 bits, native order, in this order (shim.rs, `Slot`). */
struct control {
    _Atomic uint64_t kinds;      /* which calls are counted */
    _Atomic uint64_t count;      /* how many there were */
    _Atomic uint64_t fail_from;  /* calls from this number on fail, the first is 1 */
    _Atomic uint64_t fail_until; /* and those from this number on do not */
    _Atomic uint64_t error;      /* with this errno; 0: a write writes half, the rest go through */
    _Atomic uint64_t cut_at;     /* the process ends instead of this call */
    _Atomic uint64_t is_bounded; /* whether `room` is a bound */
    _Atomic uint64_t room;       /* bytes that may still be written */
    _Atomic uint64_t refused;    /* calls that failed, or were cut short, on purpose */
};

/* FORMAT: a record of the journal, native order, followed by its two names and its data. */
struct record {
    uint32_t what; /* a letter */
    int32_t file;  /* descriptor */
    uint64_t at;   /* offset, new size, flags, or number of records */
    uint64_t data_bytes;
    uint32_t name_bytes;
    uint32_t other_bytes;
};

enum opened { CREATED = 1, EMPTIED = 2, DIRECTORY = 4 };
enum { FILES = 1 << 16, SYNC_MICROS = 200 };

static struct control *control;
static const char *root;
static size_t root_bytes;
static int journal = -1;
static uint64_t records;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Descriptors of files below the root: 0 for others, else 1, and 2 more if it appends. */
static _Atomic unsigned char watched[FILES];

/* A test that cannot trust its shim must not go on. */
static void give_up(const char *why) {
    syscall(SYS_write, 2, why, strlen(why));
    abort();
}

__attribute__((constructor)) static void start(void) {
    root = getenv("HVELV_FAULTS_ROOT");
    const char *shared = getenv("HVELV_FAULTS_CONTROL");
    const char *written = getenv("HVELV_FAULTS_JOURNAL");
    if (!root || !shared || !written) {
        root = NULL;
        return;
    }
    root_bytes = strlen(root);
    long file = syscall(SYS_openat, AT_FDCWD, shared, O_RDWR | O_CLOEXEC, 0);
    void *mapped = MAP_FAILED;
    if (file >= 0)
        mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, (int)file, 0);
    journal = (int)syscall(SYS_openat, AT_FDCWD, written, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    if (mapped == MAP_FAILED || journal < 0)
        give_up("faults: no control or no journal\n");
    control = mapped;
}

/* The part of a path below the root, "" for the root itself; NULL if it is elsewhere. */
static const char *below(const char *path) {
    if (!control || !path || strncmp(path, root, root_bytes) != 0)
        return NULL;
    const char *rest = path + root_bytes;
    if (*rest != '\0' && *rest != '/')
        return NULL;
    while (*rest == '/')
        rest++;
    return rest;
}

static int is_watched(int file) {
    return control && file >= 0 && file < FILES && watched[file];
}

static void note(uint32_t what, int file, uint64_t at, const char *name, const char *other,
                 const void *data, size_t bytes) {
    struct record record = {what, file, at, bytes, 0, 0};
    record.name_bytes = name ? (uint32_t)strlen(name) : 0;
    record.other_bytes = other ? (uint32_t)strlen(other) : 0;
    struct iovec parts[] = {{&record, sizeof record},
                            {(void *)name, record.name_bytes},
                            {(void *)other, record.other_bytes},
                            {(void *)data, bytes}};
    size_t total = sizeof record + record.name_bytes + record.other_bytes + bytes;
    if (syscall(SYS_writev, journal, parts, 4) != (ssize_t)total)
        give_up("faults: the journal could not be written\n");
    records++;
}

enum verdict { PASS, FAIL, HALF };

/* Counts a call and says what becomes of it. Under the lock. */
static enum verdict judge(enum kind kind) {
    if (!(control->kinds & kind))
        return PASS;
    uint64_t number = ++control->count;
    if (number == control->cut_at) {
        syscall(SYS_kill, getpid(), SIGKILL);
        for (;;)
            pause();
    }
    if (number < control->fail_from || number >= control->fail_until)
        return PASS;
    if (control->error == 0 && kind != WRITES)
        return PASS;
    control->refused++;
    if (control->error == 0)
        return HALF;
    errno = (int)control->error;
    return FAIL;
}

/* How many of so many bytes there is room for; none is an error. Under the lock. */
static size_t fit(size_t bytes) {
    if (!control->is_bounded || bytes == 0)
        return bytes;
    uint64_t room = control->room;
    if (bytes > room) {
        control->refused++;
        bytes = (size_t)room;
    }
    if (bytes == 0)
        errno = ENOSPC;
    return bytes;
}

/* Whether a read fails. What is read changes nothing, so it is not written down. */
static int fails_to_read(int file) {
    if (!is_watched(file))
        return 0;
    pthread_mutex_lock(&lock);
    enum verdict verdict = judge(READS);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return verdict == FAIL;
}

ssize_t read(int file, void *data, size_t bytes) {
    return fails_to_read(file) ? -1 : syscall(SYS_read, file, data, bytes);
}

ssize_t pread(int file, void *data, size_t bytes, off_t offset) {
    return fails_to_read(file) ? -1 : syscall(SYS_pread64, file, data, bytes, offset);
}

ssize_t pread64(int file, void *data, size_t bytes, off64_t offset) {
    return pread(file, data, bytes, offset);
}

#undef fread_unlocked
/* The end of the file is not reached, so a reader knows it for an error. */
size_t fread_unlocked(void *data, size_t bytes, size_t count, FILE *file) {
    static size_t (*_Atomic next)(void *, size_t, size_t, FILE *);
    if (fails_to_read(fileno_unlocked(file)))
        return 0;
    if (!next)
        next = (size_t(*)(void *, size_t, size_t, FILE *))dlsym(RTLD_NEXT, "fread_unlocked");
    return next(data, bytes, count, file);
}

/* Writes at an offset, or with -1 where the file stands. */
static ssize_t put(int file, const void *data, size_t bytes, off_t offset) {
    pthread_mutex_lock(&lock);
    ssize_t done = -1;
    off_t at = offset < 0 ? lseek(file, 0, watched[file] & 2 ? SEEK_END : SEEK_CUR) : offset;
    if (at < 0) {
        /* The C library closed the file by itself, and the number is a socket's or a pipe's now. */
        watched[file] = 0;
        pthread_mutex_unlock(&lock);
        return syscall(SYS_write, file, data, bytes);
    }
    enum verdict verdict = judge(WRITES);
    if (verdict == HALF)
        bytes = (bytes + 1) / 2;
    size_t fitting = verdict == FAIL ? 0 : fit(bytes);
    if (fitting > 0 || (bytes == 0 && verdict != FAIL)) {
        done = offset < 0 ? syscall(SYS_write, file, data, fitting)
                          : syscall(SYS_pwrite64, file, data, fitting, offset);
        if (done > 0) {
            note('w', file, (uint64_t)at, NULL, NULL, data, (size_t)done);
            if (control->is_bounded)
                control->room -= (uint64_t)done;
        }
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

static ssize_t put_parts(int file, const struct iovec *parts, int count, off_t offset) {
    size_t bytes = 0, filled = 0;
    for (int part = 0; part < count; part++)
        bytes += parts[part].iov_len;
    char *data = malloc(bytes + 1);
    if (!data) {
        errno = ENOMEM;
        return -1;
    }
    for (int part = 0; part < count; part++) {
        memcpy(data + filled, parts[part].iov_base, parts[part].iov_len);
        filled += parts[part].iov_len;
    }
    ssize_t done = put(file, data, bytes, offset);
    int error = errno;
    free(data);
    errno = error;
    return done;
}

ssize_t write(int file, const void *data, size_t bytes) {
    return is_watched(file) ? put(file, data, bytes, -1) : syscall(SYS_write, file, data, bytes);
}

ssize_t pwrite(int file, const void *data, size_t bytes, off_t offset) {
    return is_watched(file) ? put(file, data, bytes, offset)
                            : syscall(SYS_pwrite64, file, data, bytes, offset);
}

ssize_t pwrite64(int file, const void *data, size_t bytes, off64_t offset) {
    return pwrite(file, data, bytes, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    return is_watched(file) ? put_parts(file, parts, count, -1)
                            : syscall(SYS_writev, file, parts, count);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    return is_watched(file) ? put_parts(file, parts, count, offset)
                            : syscall(SYS_pwritev, file, parts, count, offset, 0);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(file, parts, count, offset);
}

/*
 * A sync makes durable what was in the journal when it began. The disk is not asked: the process ends
 * and the system does not, so only the journal counts, and the tests do not wait for a slow disk.
 */
static int sync_by(long number, int file) {
    if (!is_watched(file))
        return (int)syscall(number, file);
    pthread_mutex_lock(&lock);
    enum verdict verdict = judge(SYNCS);
    uint64_t before = records;
    int error = errno;
    pthread_mutex_unlock(&lock);
    if (verdict == FAIL) {
        errno = error;
        return -1;
    }
    /* As long as a fast disk takes, so that other threads go on meanwhile. */
    usleep(SYNC_MICROS);
    pthread_mutex_lock(&lock);
    note('s', file, before, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int file) { return sync_by(SYS_fsync, file); }

int fdatasync(int file) { return sync_by(SYS_fdatasync, file); }

/* Promises nothing about a power cut, so it is counted and makes nothing durable. */
int sync_file_range(int file, off64_t offset, off64_t bytes, unsigned flags) {
    if (is_watched(file)) {
        pthread_mutex_lock(&lock);
        enum verdict verdict = judge(SYNCS);
        int error = errno;
        pthread_mutex_unlock(&lock);
        errno = error;
        if (verdict == FAIL)
            return -1;
    }
    return (int)syscall(SYS_sync_file_range, file, offset, bytes, flags);
}

static int open_at(int directory, const char *path, int flags, mode_t mode) {
    const char *name = below(path);
    if (!name)
        return (int)syscall(SYS_openat, directory, path, flags, mode);
    pthread_mutex_lock(&lock);
    int file = -1;
    if (judge(OPENS) != FAIL) {
        int is_there = faccessat(directory, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        file = (int)syscall(SYS_openat, directory, path, flags, mode);
        struct stat status;
        if (file >= 0 && file < FILES && fstat(file, &status) == 0) {
            uint64_t how = S_ISDIR(status.st_mode) ? DIRECTORY : 0;
            if (!is_there)
                how |= CREATED;
            else if (flags & O_TRUNC)
                how |= EMPTIED;
            note('o', file, how, name, NULL, NULL, 0);
            watched[file] = flags & O_APPEND ? 3 : 1;
        }
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return file;
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                       \
    int name(const char *path, int flags, ...) {         \
        va_list arguments;                               \
        va_start(arguments, flags);                      \
        mode_t mode = mode_of(flags, arguments);         \
        va_end(arguments);                               \
        return open_at(AT_FDCWD, path, flags, mode);     \
    }
#define OPENAT(name)                                                \
    int name(int directory, const char *path, int flags, ...) {     \
        va_list arguments;                                          \
        va_start(arguments, flags);                                 \
        mode_t mode = mode_of(flags, arguments);                    \
        va_end(arguments);                                          \
        return open_at(directory, path, flags, mode);               \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int file) {
    if (is_watched(file)) {
        pthread_mutex_lock(&lock);
        note('c', file, 0, NULL, NULL, NULL, 0);
        watched[file] = 0;
        pthread_mutex_unlock(&lock);
    }
    return (int)syscall(SYS_close, file);
}

/* A call about names, done and written down. */
static int change_names(uint32_t what, const char *name, const char *other, long number, long a,
                        long b, long c, long d, long e) {
    if (!name)
        return (int)syscall(number, a, b, c, d, e);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (judge(NAMES) != FAIL) {
        done = (int)syscall(number, a, b, c, d, e);
        if (done == 0)
            note(what, -1, 0, name, other, NULL, 0);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return change_names('r', below(from), below(to), SYS_renameat2, from_directory, (long)from,
                        to_directory, (long)to, 0);
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    return change_names('l', below(from), below(to), SYS_linkat, from_directory, (long)from,
                        to_directory, (long)to, flags);
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int directory, const char *path, int flags) {
    return change_names('u', below(path), NULL, SYS_unlinkat, directory, (long)path, flags, 0, 0);
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t mode) {
    return change_names('m', below(path), NULL, SYS_mkdirat, AT_FDCWD, (long)path, mode, 0, 0);
}

int ftruncate(int file, off_t size) {
    if (!is_watched(file))
        return (int)syscall(SYS_ftruncate, file, size);
    pthread_mutex_lock(&lock);
    int done = -1;
    if (judge(SIZES) != FAIL) {
        done = (int)syscall(SYS_ftruncate, file, size);
        if (done == 0)
            note('t', file, (uint64_t)size, NULL, NULL, NULL, 0);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }

/* Space ahead of the end: the size stays, so there is nothing to write down. */
int fallocate(int file, int mode, off_t offset, off_t bytes) {
    if (!is_watched(file))
        return (int)syscall(SYS_fallocate, file, mode, offset, bytes);
    pthread_mutex_lock(&lock);
    int done = -1;
    enum verdict verdict = judge(SIZES);
    int takes = !(mode & FALLOC_FL_PUNCH_HOLE);
    if (verdict != FAIL && takes && control->is_bounded && (uint64_t)bytes > control->room) {
        errno = ENOSPC;
        verdict = FAIL;
    }
    if (verdict != FAIL) {
        done = (int)syscall(SYS_fallocate, file, mode, offset, bytes);
        if (done == 0 && !(mode & FALLOC_FL_KEEP_SIZE))
            give_up("faults: a size was changed by fallocate, which disk.rs does not know\n");
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int fallocate64(int file, int mode, off64_t offset, off64_t bytes) {
    return fallocate(file, mode, offset, bytes);
}
