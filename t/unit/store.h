/*
 * What the tests of the store share: a store in a folder of its own with two
 * users, scans put into it, and looks at what is left.
 */

#ifndef STORE_TEST_H
#define STORE_TEST_H

#include "t/unit/faults.h"

#include "lib/store.c"
#include "lib/store_backup.c"
#include "lib/store_blob.c"
#include "lib/store_check.c"
#include "lib/store_configuration.c"
#include "lib/store_erase.c"
#include "lib/store_move.c"
#include "lib/store_people.c"
#include "lib/store_renew.c"
#include "lib/store_scan.c"
#include "lib/store_share.c"
#include "lib/store_upload.c"
#include "lib/store_user.c"

#include <ftw.h>

#include <sodium.h>

#include "t/unit/check.h"

#define MIB (1ull << 20)

static char dir[64], error[512];
static expo_store_t *s;
static expo_user_t ann, bob;
static int said;

static inline int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void) sb;
    (void) type;
    (void) ftw;

    return remove(path);
}

static inline void
open_again(int create)
{
    expo_store_close(s);
    s = NULL;
    check(expo_store_open(dir, create, &s, error, sizeof(error)) == EXPO_OK);
}

static inline void
begin(void)
{
    strcpy(dir, "/tmp/expo-store-XXXXXX");
    check(mkdtemp(dir) != NULL);
    open_again(1);

    randombytes_buf(&ann, sizeof(ann));
    randombytes_buf(&bob, sizeof(bob));
    ann.quota_bytes = bob.quota_bytes = 64 * MIB;
    ann.disabled = bob.disabled = 0;
    ann.master_no = bob.master_no = 1;
    check(expo_store_user_add(s, &ann, 100) == EXPO_OK);
    check(expo_store_user_add(s, &bob, 100) == EXPO_OK);
}

static inline void
end(void)
{
    expo_store_close(s);
    s = NULL;
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline expo_id_t
fresh_id(void)
{
    expo_id_t id;

    randombytes_buf(&id, sizeof(id));

    return id;
}

/* A blob of `size` plaintext bytes, in one chunk, not yet kept. */
static inline expo_blob_file_t
blob_of(const expo_id_t *scan, expo_blob_kind_t kind, size_t size)
{
    static uint8_t plain[1 << 20], sealed[(1 << 20) + 16];
    static const uint8_t dek[32];
    expo_id_t id = fresh_id();
    expo_blob_file_t f = {.fd = -1};
    expo_blob_t b;

    expo_vault_blob_new(&b, dek, 1, scan, &id, kind, 20, dek);
    expo_vault_chunk_seal(&b, 0, 1, plain, size, sealed);

    if (expo_store_blob_create(s, &id, kind, &f) != EXPO_OK ||
        pwrite(f.fd, b.header, sizeof(b.header), 0) != sizeof(b.header) ||
        pwrite(f.fd, sealed, size + 16, 128) != (ssize_t) size + 16) {
        printf("# no blob: %s\n", strerror(errno));
        exit(1);
    }

    f.bytes = size + 144;

    return f;
}

static inline expo_status_t
add_to(expo_store_t *store, const expo_user_t *u, const expo_id_t *id,
       size_t size)
{
    expo_blob_file_t f = blob_of(id, EXPO_BLOB_ORIGINAL, size);
    expo_scan_t scan = {.id = *id,
                        .epoch = 1,
                        .revision = 1,
                        .created_day = 20000,
                        .meta = (uint8_t *) "first",
                        .meta_bytes = 5};
    expo_status_t st;

    memset(scan.sealed, 0x5a, sizeof(scan.sealed));
    memcpy(scan.sealed, id->b, 16);
    st = expo_store_scan_add(store, u->tag, &scan, &f);
    close(f.fd);

    return st;
}

static inline expo_status_t
add(const expo_user_t *u, const expo_id_t *id, size_t size)
{
    return add_to(s, u, id, size);
}

static inline expo_status_t
ready(const expo_id_t *id)
{
    expo_blob_file_t v = blob_of(id, EXPO_BLOB_VOLUME, 70000);
    expo_blob_file_t t = blob_of(id, EXPO_BLOB_THUMBNAIL, 100);
    expo_status_t st;

    st = expo_store_scan_ready(s, id, &v, &t, 2, (const uint8_t *) "second", 6);
    close(v.fd);
    close(t.fd);

    return st;
}

static inline expo_status_t
fail(const expo_id_t *id)
{
    return expo_store_scan_failed(s, id, 2, (const uint8_t *) "why", 3);
}

static inline void
say(void *data, const char *what)
{
    (void) data;
    (void) what;
    said++;
}

static inline int
is_clean(void)
{
    said = 0;

    return expo_store_check(s, say, NULL) == EXPO_OK && said == 0;
}

static inline int
files(void)
{
    char path[128];
    struct dirent *e;
    DIR *d;
    int n = 0;

    snprintf(path, sizeof(path), "%s/blobs", dir);
    d = opendir(path);
    while ((e = readdir(d)) != NULL) {
        n += e->d_name[0] != '.';
    }
    closedir(d);

    return n;
}

/* SQLite's own writes are counted too, as P. */
static sqlite3_syscall_ptr real_pwrite;
static const char *pwrite_name;


static inline ssize_t
counted_pwrite(int fd, const void *b, size_t n, off_t at)
{
    return faults_hit('P') ? -1
                           : ((ssize_t(*)(int, const void *, size_t,
                                          off_t)) real_pwrite)(fd, b, n, at);
}

static inline void
count_database_writes(int on)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    if (real_pwrite == NULL) {
        pwrite_name =
            vfs->xGetSystemCall(vfs, "pwrite64") ? "pwrite64" : "pwrite";
        real_pwrite = vfs->xGetSystemCall(vfs, pwrite_name);
    }

    vfs->xSetSystemCall(vfs, pwrite_name,
                        on ? (sqlite3_syscall_ptr) counted_pwrite
                           : real_pwrite);
}

/* 0 for a scan that this user does not have. */
static inline int
state(const expo_user_t *u, const expo_id_t *id)
{
    expo_scan_t scan;
    int found;

    if (expo_store_scan(s, u->tag, id, 1, &scan) != EXPO_OK) {
        return 0;
    }

    found = (int) scan.state;
    expo_store_scan_free(&scan);

    return found;
}

#endif
