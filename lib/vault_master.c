/* The file that holds the master secret. */

#include "lib/vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <sodium.h>

/* secret | first bytes of BLAKE2b-256("erws/v1/master-file" | secret) */
#define MASTER_CHECKSUM 4
#define MASTER_BYTES (32 + MASTER_CHECKSUM)

static expo_status_t master_checksum(uint8_t sum[MASTER_CHECKSUM],
                                     const uint8_t master[32]);
static expo_status_t master_write(int fd, const uint8_t *src, size_t len);
static expo_status_t master_sync_folder(const char *path);


expo_status_t
expo_vault_master_load(uint8_t master[32], const char *path, char *error,
                       size_t error_bytes)
{
    uint8_t b[MASTER_BYTES + 1] = {0}, sum[MASTER_CHECKSUM];
    struct stat sb;
    ssize_t n = -1;
    expo_status_t st = EXPO_DENIED;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &sb) < 0) {
        snprintf(error, error_bytes, "The master key %s cannot be opened: %s.",
                 path, strerror(errno));
        st = errno == ENOENT ? EXPO_NOT_FOUND : EXPO_IO;
        goto done;
    }

    if (!S_ISREG(sb.st_mode)) {
        snprintf(error, error_bytes, "The master key %s is not a file.", path);
        goto done;
    }

    if (sb.st_mode & 077) {
        snprintf(error, error_bytes,
                 "The master key %s is open to others (mode %04o): chmod 0600.",
                 path, sb.st_mode & 07777);
        goto done;
    }

    if (sb.st_uid != 0 && sb.st_uid != geteuid()) {
        snprintf(error, error_bytes,
                 "The master key %s belongs to user number %u, not to root or "
                 "the user who reads it.",
                 path, (unsigned) sb.st_uid);
        goto done;
    }

    n = read(fd, b, sizeof(b));
    if (n < 0) {
        snprintf(error, error_bytes, "The master key %s cannot be read: %s.",
                 path, strerror(errno));
        st = EXPO_IO;
        goto done;
    }

    st = master_checksum(sum, b);

    if (st == EXPO_OK &&
        (n != MASTER_BYTES || memcmp(sum, b + 32, sizeof(sum)) != 0)) {
        st = EXPO_CORRUPT;
    }

    if (st != EXPO_OK) {
        snprintf(error, error_bytes,
                 "The master key %s is damaged: it must be %d bytes whose "
                 "checksum fits.",
                 path, MASTER_BYTES);
        goto done;
    }

    memcpy(master, b, 32);

done:

    if (fd >= 0) {
        close(fd);
    }
    sodium_memzero(b, sizeof(b));

    return st;
}


void
expo_vault_former_path(char *dst, size_t len, const char *path, uint32_t no)
{
    snprintf(dst, len, "%s.%u", path, (unsigned) no);
}


expo_status_t
expo_vault_masters_load(expo_master_t masters[EXPO_MASTERS], size_t *n,
                        const char *path, char *error, size_t error_bytes)
{
    char former[PATH_MAX];
    struct stat sb;
    expo_status_t st = EXPO_OK;
    uint32_t no;

    *n = 1;

    for (no = 1; st == EXPO_OK; no++) {
        expo_vault_former_path(former, sizeof(former), path, no);

        if (lstat(former, &sb) < 0) {
            break;
        }

        if (sb.st_size == 0) {
            continue;
        }

        if (*n == EXPO_MASTERS) {
            snprintf(error, error_bytes,
                     "There are more than %d former master keys beside %s.",
                     EXPO_FORMER_MAX, path);
            st = EXPO_FULL;
            break;
        }

        memmove(&masters[2], &masters[1], (*n - 1) * sizeof(*masters));
        masters[1].no = no;
        st = expo_vault_master_load(masters[1].secret, former, error,
                                    error_bytes);
        ++*n;
    }

    masters[0].no = no;

    if (st == EXPO_OK) {
        st =
            expo_vault_master_load(masters[0].secret, path, error, error_bytes);
    }

    if (st != EXPO_OK) {
        sodium_memzero(masters, EXPO_MASTERS * sizeof(*masters));
    }

    return st;
}


void
expo_vault_master_place(char place[16], const char *path, const char *data)
{
    char folder[PATH_MAX], *slash;
    struct stat key, disk;
    struct statfs fs;
    int found;

    snprintf(folder, sizeof(folder), "%s", data);

    while ((found = stat(folder, &disk) == 0) == 0 &&
           (slash = strrchr(folder, '/')) != NULL && folder[1] != '\0') {
        slash[slash == folder] = '\0';
    }

    if (statfs(path, &fs) == 0 &&
        (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)) {
        strcpy(place, "memory");

    } else if (found && stat(path, &key) == 0 && key.st_dev != disk.st_dev) {
        strcpy(place, "other-disk");

    } else {
        strcpy(place, "same-disk");
    }
}


expo_status_t
expo_vault_master_save(const uint8_t master[32], const char *path)
{
    uint8_t b[MASTER_BYTES];
    expo_status_t st;
    int fd;

    memcpy(b, master, 32);

    st = master_checksum(b + 32, master);
    if (st != EXPO_OK) {
        return st;
    }

    /* Never over an existing one: that would lose every scan. */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        sodium_memzero(b, sizeof(b));
        return errno == EEXIST ? EXPO_CONFLICT : EXPO_IO;
    }

    st = master_write(fd, b, sizeof(b));
    sodium_memzero(b, sizeof(b));

    if (st == EXPO_OK && fsync(fd) < 0) {
        st = EXPO_IO;
    }

    close(fd);

    if (st == EXPO_OK) {
        st = master_sync_folder(path);
    }

    if (st != EXPO_OK) {
        unlink(path);
    }

    return st;
}


static expo_status_t
master_checksum(uint8_t sum[MASTER_CHECKSUM], const uint8_t master[32])
{
    static const uint8_t label[] = "erws/v1/master-file";
    crypto_generichash_state state;
    uint8_t hash[32];

    if (sodium_init() < 0) {
        return EXPO_IO;
    }

    crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    crypto_generichash_update(&state, label, sizeof(label) - 1);
    crypto_generichash_update(&state, master, 32);
    crypto_generichash_final(&state, hash, sizeof(hash));
    memcpy(sum, hash, MASTER_CHECKSUM);
    sodium_memzero(&state, sizeof(state));

    return EXPO_OK;
}


static expo_status_t
master_write(int fd, const uint8_t *src, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, src, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return errno == ENOSPC ? EXPO_NO_SPACE : EXPO_IO;
        }

        src += n;
        len -= (size_t) n;
    }

    return EXPO_OK;
}


static expo_status_t
master_sync_folder(const char *path)
{
    char copy[PATH_MAX];
    expo_status_t st;
    int fd;

    snprintf(copy, sizeof(copy), "%s", path);

    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return EXPO_IO;
    }

    st = fsync(fd) < 0 ? EXPO_IO : EXPO_OK;
    close(fd);

    return st;
}
