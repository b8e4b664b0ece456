/* A scan from a file or a folder, for exposure-render. */

#include "tools/exposure-render.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/mman.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/volume_file.h"
#include "lib/volume_scale.h"

/* Macrocells, and room to spare: bytes of memory for a voxel's two. */
#define SCAN_BYTES_A_VOXEL 2.3

#define SCAN_PORTION (1 << 20)

/* Voxels are used as they lie in the file. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "little-endian");

/* A file's bytes: mapped, or read where it cannot be. */
typedef struct {
    uint8_t *data;
    size_t len;
    int mapped;
} bytes_t;

/* Where a volume's other file would be, and that file. */
typedef struct {
    const char *path;
    uint64_t max_bytes;
    bytes_t bytes;
} neighbour_t;

static int is_dicom(int fd);
static void take_stream(scan_t *s, int fd, const uint8_t *head, size_t got,
                        const char *path, uint64_t most);
static void take_file(scan_t *s, int fd, const uint8_t *head, size_t got,
                      const char *path, uint64_t most, uint64_t max_bytes);
static expo_status_t beside(void *owner, const char *name, const uint8_t **data,
                            size_t *len);
static uint32_t factor_for(const expo_volume_t *v, uint64_t most,
                           const char *path);
static void voxels_read(scan_t *s, int fd, const char *path);
static void voxels_scale(scan_t *s, int fd, const char *path);
static void voxels_huge(const scan_t *s);
static size_t read_full(int fd, void *dst, size_t bytes, const char *path);
static bytes_t bytes_open(int fd, const uint8_t *head, size_t got,
                          const char *path, uint64_t max_bytes);
static void bytes_close(bytes_t *b);
static void file_shrank(int signal);
static int import_start(const char *path, const char *self, pid_t *importer);
static void import_end(pid_t importer, const char *path);


void
scan_read(scan_t *s, const char *path, const char *self, uint64_t max_bytes)
{
    uint64_t most = (uint64_t) ((double) max_bytes / SCAN_BYTES_A_VOXEL);
    uint8_t head[EXPO_VOLUME_HEADER];
    pid_t importer = 0;
    struct stat st;
    size_t got;
    int fd;

    memset(s, 0, sizeof(*s));
    s->factor = 1;

    if (most == 0) {
        fail(EXIT_INPUT, "there is no memory for a scan");
    }

    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
    }

    if (S_ISDIR(st.st_mode) || is_dicom(fd)) {
        close(fd);
        fd = import_start(path, self, &importer);
    }

    got = read_full(fd, head, sizeof(head), path);

    if (importer > 0 && got < sizeof(head)) {
        import_end(importer, path);
    }

    if (got == sizeof(head) &&
        expo_volume_read(&s->volume, head, 0) != EXPO_INVALID) {
        take_stream(s, fd, head, got, path, most);

    } else {
        take_file(s, fd, head, got, path, most, max_bytes);
    }

    close(fd);
    voxels_huge(s);

    if (importer > 0) {
        import_end(importer, path);
    }

    if (expo_table_find(&s->table, &s->volume, s->voxels) == EXPO_OK) {
        expo_table_hide(&s->table, s->voxels, 1);
    }

    if (s->factor > 1) {
        say("%s does not fit into %.3g MB: shown with 1/%u of its voxels along "
            "each axis",
            path, (double) max_bytes / 1e6, s->factor);
    }
}


/* DICOM files say so behind a preamble of 128 bytes. */
static int
is_dicom(int fd)
{
    char magic[4];

    return pread(fd, magic, sizeof(magic), 128) == sizeof(magic) &&
           memcmp(magic, "DICM", sizeof(magic)) == 0;
}


/* Our own volume, whose header has been read: voxels go to where they stay. */
static void
take_stream(scan_t *s, int fd, const uint8_t *head, size_t got,
            const char *path, uint64_t most)
{
    expo_status_t st;
    uint8_t more;

    /* Sizes are known now; whether so many bytes follow, when they came. */
    st = expo_volume_read(&s->volume, head,
                          got + 2 * expo_volume_voxels(&s->volume));
    if (st != EXPO_OK) {
        fail(EXIT_INPUT, "%s: this is no volume that can be shown", path);
    }

    s->factor = factor_for(&s->volume, most, path);

    if (s->factor == 1) {
        voxels_read(s, fd, path);

    } else {
        voxels_scale(s, fd, path);
    }

    if (read_full(fd, &more, 1, path) != 0) {
        fail(EXIT_INPUT, "%s goes on after its last voxel", path);
    }
}


static void
voxels_read(scan_t *s, int fd, const char *path)
{
    size_t bytes = 2 * (size_t) expo_volume_voxels(&s->volume);

    s->voxels = need(malloc(bytes));

    if (read_full(fd, s->voxels, bytes, path) != bytes) {
        fail(EXIT_INPUT, "%s ends before its last voxel", path);
    }
}


static void
voxels_scale(scan_t *s, int fd, const char *path)
{
    uint8_t *portion = need(malloc(SCAN_PORTION));
    expo_volume_t full = s->volume;
    expo_volume_scale_t scale;
    size_t n;

    expo_volume_scale_shape(&s->volume, s->factor);
    s->voxels = need(malloc(2 * (size_t) expo_volume_voxels(&s->volume)));

    if (expo_volume_scale_open(&scale, &full, s->factor, s->voxels) !=
        EXPO_OK) {
        need(NULL);
    }

    do {
        n = read_full(fd, portion, SCAN_PORTION, path);
        expo_volume_scale_feed(&scale, portion, n);
    } while (n == SCAN_PORTION);

    if (expo_volume_scale_close(&scale) != EXPO_OK) {
        fail(EXIT_INPUT, "%s ends before its last voxel", path);
    }

    free(portion);
}


/* Paths look voxels up at random: larger pages, fewer TLB misses. A system that
 * has none leaves them as they are. */
static void
voxels_huge(const scan_t *s)
{
    size_t bytes = 2 * (size_t) expo_volume_voxels(&s->volume);
    uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t) s->voxels + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t) s->voxels + bytes) & ~(page - 1);

    if (first < end) {
        madvise((void *) first, end - first, MADV_COLLAPSE);
    }
}


/* A volume as other programs write it. */
static void
take_file(scan_t *s, int fd, const uint8_t *head, size_t got, const char *path,
          uint64_t most, uint64_t max_bytes)
{
    char copy[PATH_MAX], note[256];
    neighbour_t neighbour = {.path = path, .max_bytes = max_bytes};
    expo_volume_file_t file = {.beside = beside,
                               .owner = &neighbour,
                               .most_voxels = most,
                               .factor = &s->factor};
    bytes_t bytes = bytes_open(fd, head, got, path, max_bytes);
    expo_status_t st;

    snprintf(copy, sizeof(copy), "%s", path);
    file.name = basename(copy);
    file.data = bytes.data;
    file.len = bytes.len;

    signal(SIGBUS, file_shrank);
    st = expo_volume_file_read(&s->volume, &s->voxels, &file, note,
                               sizeof(note));
    signal(SIGBUS, SIG_DFL);

    if (st != EXPO_OK) {
        fail(EXIT_INPUT, "%s: %s", path, note);
    }

    if (note[0] != '\0') {
        say("%s: %s", path, note);
    }

    bytes_close(&neighbour.bytes);
    bytes_close(&bytes);
}


static expo_status_t
beside(void *owner, const char *name, const uint8_t **data, size_t *len)
{
    neighbour_t *n = owner;
    char copy[PATH_MAX], path[PATH_MAX];
    int fd;

    snprintf(copy, sizeof(copy), "%s", n->path);

    if (snprintf(path, sizeof(path), "%s/%s", dirname(copy), name) >=
        (int) sizeof(path)) {
        return EXPO_NOT_FOUND;
    }

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return EXPO_NOT_FOUND;
    }

    n->bytes = bytes_open(fd, NULL, 0, path, n->max_bytes);
    close(fd);
    *data = n->bytes.data;
    *len = n->bytes.len;

    return EXPO_OK;
}


static uint32_t
factor_for(const expo_volume_t *v, uint64_t most, const char *path)
{
    uint32_t factor = expo_volume_scale_factor(v, most);

    if (factor == 0) {
        fail(EXIT_INPUT,
             "%s has %u x %u x %u voxels, for which there is no memory, not "
             "even scaled down",
             path, v->dims[0], v->dims[1], v->dims[2]);
    }

    return factor;
}


/* bytes, or less at the end. */
static size_t
read_full(int fd, void *dst, size_t bytes, const char *path)
{
    size_t used = 0;
    ssize_t n;

    while (used < bytes) {
        n = read(fd, (uint8_t *) dst + used, bytes - used);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0) {
            fail(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
        }

        if (n == 0) {
            break;
        }

        used += (size_t) n;
    }

    return used;
}


/* head: what has been read of it already. What cannot be mapped takes memory,
 * up to max_bytes. */
static bytes_t
bytes_open(int fd, const uint8_t *head, size_t got, const char *path,
           uint64_t max_bytes)
{
    size_t room = SCAN_PORTION, n;
    bytes_t b = {NULL, 0, 0};
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        b.len = (size_t) st.st_size;
        b.data = mmap(NULL, b.len, PROT_READ, MAP_PRIVATE, fd, 0);
        b.mapped = b.data != MAP_FAILED;

        if (b.mapped) {
            madvise(b.data, b.len, MADV_SEQUENTIAL);
            return b;
        }
    }

    b.data = need(malloc(room));

    if (got > 0) {
        memcpy(b.data, head, got);
    }

    b.len = got;

    do {
        if (b.len > max_bytes) {
            fail(EXIT_INPUT,
                 "%s: there is no memory for it: it is larger than "
                 "%.3g MB, and no plain file",
                 path, (double) max_bytes / 1e6);
        }

        if (b.len == room) {
            room *= 2;
            b.data = need(realloc(b.data, room));
        }

        n = read_full(fd, b.data + b.len, room - b.len, path);
        b.len += n;
    } while (n > 0);

    return b;
}


static void
bytes_close(bytes_t *b)
{
    if (b->mapped) {
        munmap(b->data, b->len);

    } else {
        free(b->data);
    }
}


/* Mapped pages that a file no longer has. */
static void
file_shrank(int signal)
{
    static const char why[] =
        "exposure-render: the volume's file was cut short while it was read\n";

    (void) signal;

    if (write(STDERR_FILENO, why, sizeof(why) - 1) < 0) {
        _exit(EXIT_INPUT);
    }

    _exit(EXIT_INPUT);
}


/* exposure-import, beside this program, reads DICOM and says what fails; from
 * the descriptor comes our own volume. */
static int
import_start(const char *path, const char *self, pid_t *importer)
{
    char program[PATH_MAX], copy[PATH_MAX];
    int out[2];

    snprintf(copy, sizeof(copy), "%s", self);
    snprintf(program, sizeof(program), "%s",
             strchr(self, '/') ? dirname(copy) : "exposure-import");

    if (strchr(self, '/')) {
        strncat(program, "/exposure-import",
                sizeof(program) - strlen(program) - 1);
    }

    if (pipe2(out, O_CLOEXEC) != 0) {
        fail(EXIT_INPUT, "cannot make a pipe: %s", strerror(errno));
    }

    *importer = fork();

    if (*importer == 0) {
        dup2(out[1], STDOUT_FILENO);
        execlp(program, program, "--out", "-", path, (char *) NULL);
        _exit(127);
    }

    close(out[1]);

    if (*importer < 0) {
        fail(EXIT_INPUT, "cannot start exposure-import: %s", strerror(errno));
    }

    return out[0];
}


/* Back only when the import went well. */
static void
import_end(pid_t importer, const char *path)
{
    int status;

    if (waitpid(importer, &status, 0) != importer || !WIFEXITED(status)) {
        fail(EXIT_INPUT, "exposure-import broke off");
    }

    if (WEXITSTATUS(status) == 127) {
        fail(EXIT_INPUT, "cannot run exposure-import, which reads DICOM");
    }

    if (WEXITSTATUS(status) != 0) {
        fail(EXIT_INPUT, "%s: nothing in it can be rendered", path);
    }
}
