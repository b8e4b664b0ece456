/*
 * Lives of a store, an operation after another: what t/crash/images.c records
 * and then breaks off at every step. An operation that is new to the store gets
 * a line in life_whole.
 */

#ifndef CRASH_LIFE_H
#define CRASH_LIFE_H

#include "t/crash/life_share.h"

#define LIFE_LATER 5000 /* when an upload in parts has expired */

static expo_id_t life_scan[4], life_upload[3], life_view;
static expo_user_t life_small;
static uint8_t life_name[64];    /* of an account */
static const uint8_t *life_gone; /* 32 bytes that are nowhere any more */


static inline expo_status_t
life_init(void)
{
    open_again(1);

    return EXPO_OK;
}

static inline expo_status_t
life_users(void)
{
    randombytes_buf(&ann, sizeof(ann));
    ann.quota_bytes = 64 * MIB;
    ann.disabled = 0;

    return expo_store_user_add(s, &ann, 100);
}

static inline expo_status_t
life_small_user(void)
{
    randombytes_buf(&life_small, sizeof(life_small));
    life_small.quota_bytes = 65536;
    life_small.disabled = 0;

    return expo_store_user_add(s, &life_small, 100);
}

static inline expo_status_t
life_account(void)
{
    expo_account_row_t a;

    randombytes_buf(&a, sizeof(a));
    a.disabled = 0;
    memcpy(life_name, a.name_tag, sizeof(life_name));

    return expo_store_account_put(s, &a);
}

static inline expo_status_t
life_upload_scan(int i, const expo_user_t *u, size_t size)
{
    life_scan[i] = fresh_id();

    return add(u, &life_scan[i], size);
}

static inline expo_status_t
life_upload_0(void)
{
    return life_upload_scan(0, &ann, 3000);
}

static inline expo_status_t
life_attempt(void)
{
    uint32_t attempts;

    return expo_store_scan_attempt(s, &life_scan[0], &attempts);
}

static inline expo_status_t
life_ready_0(void)
{
    return ready(&life_scan[0]);
}

static inline expo_status_t
life_invite_0(void)
{
    life_shared = &life_scan[0];

    return life_invite();
}

static inline expo_status_t
life_upload_1(void)
{
    return life_upload_scan(1, &ann, 70000);
}

static inline expo_status_t
life_failed_1(void)
{
    return fail(&life_scan[1]);
}

static inline expo_status_t
life_upload_2(void)
{
    return life_upload_scan(2, &ann, 1);
}

static inline expo_status_t
life_ready_2(void)
{
    life_shared = &life_scan[2];

    return ready(&life_scan[2]);
}

static inline expo_status_t
life_over_quota(void)
{
    return life_upload_scan(3, &life_small, 70000);
}

static inline expo_status_t
life_rename(void)
{
    return expo_store_scan_meta(s, &life_scan[0], 3, (const uint8_t *) "third",
                                5);
}

static inline expo_status_t
life_save_view(void)
{
    expo_configuration_t c = {.revision = 1,
                              .enc = (uint8_t *) "a view",
                              .enc_bytes = 6,
                              .scan = life_scan[0]};

    life_view = c.id = fresh_id();

    return expo_store_configuration_add(s, &c, ann.tag);
}

static inline expo_status_t
life_change_view(void)
{
    expo_configuration_t c = {.id = life_view,
                              .scan = life_scan[0],
                              .revision = 2,
                              .enc = (uint8_t *) "another",
                              .enc_bytes = 7};

    return expo_store_configuration_put(s, &c);
}

static inline expo_status_t
life_delete_view(void)
{
    return expo_store_configuration_delete(s, &life_view);
}


/* --- uploads in parts --- */

static uint8_t life_sealed[2][4096 + EXPO_BLOB_TAG];

static inline expo_status_t
life_begin_upload(int i)
{
    static const uint8_t dek[32], plain[4096];
    expo_upload_t u = {.epoch = 1,
                       .length = 5000,
                       .expires = LIFE_LATER,
                       .meta = (uint8_t *) "parts",
                       .meta_bytes = 5};
    expo_blob_file_t f;
    expo_blob_t b;
    expo_id_t id = fresh_id();
    expo_status_t st;

    u.id = life_upload[i] = fresh_id();

    expo_vault_blob_new(&b, dek, 1, &u.id, &id, EXPO_BLOB_ORIGINAL, 12, dek);
    expo_vault_chunk_seal(&b, 0, 0, plain, 4096, life_sealed[0]);
    expo_vault_chunk_seal(&b, 1, 1, plain, 904, life_sealed[1]);

    st = expo_store_blob_create(s, &id, EXPO_BLOB_ORIGINAL, &f);
    if (st != EXPO_OK) {
        return st;
    }

    f.bytes = (uint64_t) pwrite(f.fd, b.header, EXPO_BLOB_HEADER, 0);
    st = expo_store_upload_add(s, ann.tag, &u, &f);
    close(f.fd);

    return st;
}

/* The part's chunk, and that it is there. */
static inline expo_status_t
life_part(int i, int chunk)
{
    size_t len = chunk == 0 ? 4096 + EXPO_BLOB_TAG : 904 + EXPO_BLOB_TAG;
    off_t at = EXPO_BLOB_HEADER + chunk * (4096 + EXPO_BLOB_TAG);
    expo_upload_t u;
    expo_status_t st;
    int fd;

    st = expo_store_upload(s, ann.tag, &life_upload[i], &u);
    if (st != EXPO_OK) {
        return st;
    }

    expo_store_upload_free(&u);

    st = expo_store_upload_open(s, &u.blob, 1, &fd);
    if (st != EXPO_OK) {
        return st;
    }

    if (pwrite(fd, life_sealed[chunk], len, at) != (ssize_t) len) {
        st = EXPO_IO;

    } else if (chunk == 0) {
        st = expo_store_upload_save(s, &u.id, fd, 4096, LIFE_LATER, NULL, 0);

    } else {
        expo_scan_t scan = {.id = u.id,
                            .epoch = 1,
                            .revision = 1,
                            .created_day = 20000,
                            .meta = (uint8_t *) "first",
                            .meta_bytes = 5};
        expo_blob_file_t f = {.fd = fd,
                              .id = u.blob,
                              .kind = EXPO_BLOB_ORIGINAL,
                              .bytes = (uint64_t) at + len};

        st = expo_store_upload_finish(s, ann.tag, &scan, &f);
    }

    close(fd);

    return st;
}

static inline expo_status_t
life_parts_begin(void)
{
    return life_begin_upload(0);
}

static inline expo_status_t
life_parts_save(void)
{
    return life_part(0, 0);
}

static inline expo_status_t
life_parts_finish(void)
{
    return life_part(0, 1);
}

static inline expo_status_t
life_parts_ready(void)
{
    return ready(&life_upload[0]);
}

static inline expo_status_t
life_parts_begin_again(void)
{
    return life_begin_upload(1);
}

static inline expo_status_t
life_parts_delete(void)
{
    return expo_store_upload_delete(s, ann.tag, &life_upload[1]);
}

static inline expo_status_t
life_parts_begin_late(void)
{
    return life_begin_upload(2);
}

static inline expo_status_t
life_parts_save_late(void)
{
    return life_part(2, 0);
}

static inline expo_status_t
life_parts_expire(void)
{
    uint32_t removed;

    return expo_store_reap(s, LIFE_LATER, &removed);
}


/* --- ends --- */

static inline expo_status_t
life_close(void)
{
    expo_store_close(s);
    s = NULL;

    return EXPO_OK;
}

static inline expo_status_t
life_open(void)
{
    open_again(0);

    return EXPO_OK;
}

static inline expo_status_t
life_erase(void)
{
    return expo_store_scan_delete(s, &life_scan[0], 20000);
}

static inline expo_status_t
life_erase_account(void)
{
    return expo_store_account_erase(s, life_name);
}

/* With all that is left: a failed scan, two ready ones. */
static inline expo_status_t
life_erase_user(void)
{
    expo_lost_t *lost;
    size_t n;
    expo_status_t st;

    st = expo_store_user_erase(s, ann.tag, 20000, &lost, &n);
    free(lost);
    life_gone = ann.salt;

    return st;
}

/* --- a store that an older program made --- */

static int life_version;

static inline expo_status_t
life_older(void)
{
    char path[96];
    sqlite3 *db;
    int rc;

    snprintf(path, sizeof(path), "%s/store.db", dir);
    rc = sqlite3_open(path, &db) | sqlite3_exec(db,
                                                "PRAGMA journal_mode = WAL;"
                                                "PRAGMA synchronous = FULL;",
                                                NULL, NULL, NULL);

    for (int i = 0; i < life_version; i++) {
        rc |= sqlite3_exec(db, store_migrations[i], NULL, NULL, NULL);
    }

    snprintf(path, sizeof(path), "UPDATE meta SET schema = %d", life_version);
    rc |= sqlite3_exec(db, path, NULL, NULL, NULL);
    rc |= sqlite3_exec(db,
                       "INSERT INTO users (tag, salt, pk, master_no, state,"
                       " quota, created_day) VALUES (randomblob(64),"
                       " randomblob(32), randomblob(32), 1, 0, 7, 20000)",
                       NULL, NULL, NULL);
    rc |= sqlite3_close(db);

    return rc == SQLITE_OK ? EXPO_OK : EXPO_IO;
}


typedef struct {
    const char *name;
    expo_status_t (*run)(void);
    expo_status_t answer;
} life_t;

/* The first line of each is the making of the store. */
static const life_t life_whole[] = {
    {"init", life_init, EXPO_OK},
    {"add a user", life_users, EXPO_OK},
    {"add a user of small quota", life_small_user, EXPO_OK},
    {"add an account", life_account, EXPO_OK},
    {"upload", life_upload_0, EXPO_OK},
    {"import begins", life_attempt, EXPO_OK},
    {"import ready", life_ready_0, EXPO_OK},
    {"upload of two chunks", life_upload_1, EXPO_OK},
    {"import failed", life_failed_1, EXPO_OK},
    {"invite to a scan", life_invite_0, EXPO_OK},
    {"take it back", life_uninvite, EXPO_OK},
    {"invite for a while", life_invite_0, EXPO_OK},
    {"the while is over", life_invitation_expires, EXPO_OK},
    {"close", life_close, EXPO_OK},
    {"open", life_open, EXPO_OK},
    {"upload after a restart", life_upload_2, EXPO_OK},
    {"import ready after a restart", life_ready_2, EXPO_OK},
    {"another user", life_other_user, EXPO_OK},
    {"a line of the audit", life_audit, EXPO_OK},
    {"invite", life_invite, EXPO_OK},
    {"redeem", life_redeem, EXPO_OK},
    {"another role", life_promote, EXPO_OK},
    {"an invitation that is left open", life_invite, EXPO_OK},
    {"renew under another key", life_renew, EXPO_OK},
    {"revoke", life_revoke, EXPO_OK},
    {"upload over the quota", life_over_quota, EXPO_NO_SPACE},
    {"rename", life_rename, EXPO_OK},
    {"save a configuration", life_save_view, EXPO_OK},
    {"change a configuration", life_change_view, EXPO_OK},
    {"delete a configuration", life_delete_view, EXPO_OK},
    {"begin an upload in parts", life_parts_begin, EXPO_OK},
    {"a part", life_parts_save, EXPO_OK},
    {"the last part", life_parts_finish, EXPO_OK},
    {"import of the parts", life_parts_ready, EXPO_OK},
    {"begin another", life_parts_begin_again, EXPO_OK},
    {"delete it", life_parts_delete, EXPO_OK},
    {"begin a third", life_parts_begin_late, EXPO_OK},
    {"a part of it", life_parts_save_late, EXPO_OK},
    {"it expires", life_parts_expire, EXPO_OK},
    {"rotate the master secret", life_move, EXPO_OK},
    {"erase a scan", life_erase, EXPO_OK},
    {"erase an account", life_erase_account, EXPO_OK},
    {"erase a user", life_erase_user, EXPO_OK},
    {"the end", life_close, EXPO_OK},
    {NULL, NULL, EXPO_OK},
};

static const life_t life_migrates[] = {
    {"an older store", life_older, EXPO_OK},
    {"migrate", life_open, EXPO_OK},
    {"a user after it", life_users, EXPO_OK},
    {"the end", life_close, EXPO_OK},
    {NULL, NULL, EXPO_OK},
};

#endif
