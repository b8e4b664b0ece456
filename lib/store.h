/*
 * What outlives a process: SQLite (WAL) with users, accounts, scans, sealed
 * keys, configurations; and a folder of sealed blobs. Everything a person could
 * read (titles, names, reports, settings) arrives and leaves as ciphertext made
 * by lib/vault.h. Calls block (SQLite, fsync): never from an event loop. One
 * handle may be used by several threads; calls are serialised inside.
 *
 * Write order: O_TMPFILE, data, fdatasync, linkat, fsync of the folder, row.
 * Delete order: row out and tombstone in (one transaction), unlink, tombstone
 * out. So a row always has its file, and a file without a row is garbage that
 * expo_store_reap removes.
 */

#ifndef EXPO_STORE_H
#define EXPO_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/audit.h"
#include "lib/id.h"
#include "lib/status.h"
#include "lib/vault.h"

typedef struct expo_store_s expo_store_t;

#define EXPO_QUOTA_DEFAULT (20ull << 30)
#define EXPO_SCANS_MAX 2000 /* of one owner: a list opens each of them */
#define EXPO_UPLOADS_MAX 64 /* of one owner, begun and not whole */

/*
 * dir: the data folder (mode 0700): store.db and blobs/. Made when create != 0.
 * Runs the numbered migrations. error: one sentence.
 *
 * Calls below also answer EXPO_AGAIN (another process kept the database locked
 * for 5 s), EXPO_NO_SPACE, EXPO_IO, EXPO_CORRUPT, EXPO_NO_MEMORY.
 */
expo_status_t expo_store_open(const char *dir, int create, expo_store_t **out,
                              char *error, size_t error_bytes);
void expo_store_close(expo_store_t *s);
/* The schema that every open store has. */
int expo_store_schema(void);

/*
 * What users may keep whose row has no quota of its own; EXPO_QUOTA_DEFAULT
 * until this is called. It holds at once, for old users as for new ones. Before
 * the handle is shared between threads.
 */
void expo_store_quota(expo_store_t *s, uint64_t bytes);

/* --- users --- */
typedef struct {
    uint8_t tag[EXPO_TAG];
    uint8_t salt[32];
    uint8_t pk[32];
    uint8_t account[64]; /* sub_tag of the built-in account, or zeros */
    uint32_t master_no;  /* of the secret that tag and pk are made with; 0 when
                            adding: the store's newest */
    uint64_t quota_bytes, used_bytes;
    uint32_t created_day; /* ignored when adding */
    int disabled;
} expo_user_t;

/*
 * used_bytes is filled by the store, ignored when adding: scans, and all of
 * each upload that has begun. quota_bytes: 0 when adding means
 * expo_store_quota's; what comes back is what holds.
 */
expo_status_t expo_store_user(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                              expo_user_t *out); /* EXPO_NOT_FOUND */
/* EXPO_CONFLICT: exists. EXPO_DENIED: erased, and that day is not over. */
expo_status_t expo_store_user_add(expo_store_t *s, const expo_user_t *u,
                                  uint32_t day);
/* Whose built-in account has this sub_tag; EXPO_NOT_FOUND: nobody's yet. */
expo_status_t expo_store_user_of(expo_store_t *s, const uint8_t account[64],
                                 uint8_t tag[EXPO_TAG]);

/*
 * Every user's tag, until see returns 0. Nothing else can be asked of the store
 * meanwhile.
 */
expo_status_t expo_store_users_each(expo_store_t *s,
                                    int (*see)(void *data,
                                               const uint8_t tag[EXPO_TAG]),
                                    void *data);

/* What a user is called towards others: the same for the same tag. */
void expo_store_user_id(expo_id_t *id, const uint8_t tag[EXPO_TAG]);

typedef struct {
    uint8_t tag[EXPO_TAG];
    expo_id_t id;
    uint32_t created_day, master_no;
    int disabled, account; /* account: a built-in one's */
    uint64_t quota_bytes;  /* 0: the site's */
    uint64_t used_bytes, scans;
} expo_person_t;
/* Oldest first; *out is malloc'd. */
expo_status_t expo_store_people(expo_store_t *s, expo_person_t **out,
                                size_t *count);
/* 0: the site's. What is there already stays, however much it is. */
expo_status_t expo_store_user_quota(expo_store_t *s,
                                    const uint8_t tag[EXPO_TAG],
                                    uint64_t bytes);

/*
 * May who has this id, and is not disabled, open the scan, however long?
 * EXPO_DENIED: no. EXPO_NOT_FOUND: there is no such scan.
 */
expo_status_t expo_store_may(expo_store_t *s, const expo_id_t *scan,
                             const expo_id_t *user);

/* --- built-in accounts (lib/account.h fills the bytes) --- */
typedef struct {
    uint8_t salt[16];
    uint8_t verifier[32];   /* argon2id output, first half */
    uint8_t sub_sealed[80]; /* the random subject, opened by the second half */
} expo_account_lock_t;
typedef struct {
    uint8_t name_tag[64]; /* keyed hash of the account's name */
    uint8_t sub_tag[64];  /* keyed hash of its subject: who holds a token */
    expo_account_lock_t password;
    expo_account_lock_t recovery; /* by the recovery code */
    int recoverable;              /* is there one? */
    uint32_t master_no;           /* of name_tag, as expo_user_t's; not read */
    uint64_t since_s; /* Unix time of the password: older tokens end with it */
    int disabled;
} expo_account_row_t;
expo_status_t expo_store_account(expo_store_t *s, const uint8_t name_tag[64],
                                 expo_account_row_t *out);
expo_status_t expo_store_account_by_sub(expo_store_t *s,
                                        const uint8_t sub_tag[64],
                                        expo_account_row_t *out);
/* A new one; EXPO_CONFLICT: the name is taken. */
expo_status_t expo_store_account_put(expo_store_t *s,
                                     const expo_account_row_t *a);
expo_status_t expo_store_account_disable(expo_store_t *s,
                                         const uint8_t name_tag[64],
                                         int disabled);
/*
 * Locks and since_s of `after` in place of those of `before`.
 * EXPO_CONFLICT: they are no more what `before` says.
 */
expo_status_t expo_store_account_change(expo_store_t *s,
                                        const expo_account_row_t *before,
                                        const expo_account_row_t *after);
/*
 * The account under to's tags and number of the master secret, and whose user
 * it is with it. EXPO_CONFLICT: it is no more there.
 */
expo_status_t expo_store_account_move(expo_store_t *s,
                                      const uint8_t name_tag[64],
                                      const expo_account_row_t *to);

/* --- enrolments: a secret that makes one account, by its hash --- */
expo_status_t expo_store_enrolment_add(expo_store_t *s, const uint8_t hash[32],
                                       uint64_t expires_s);
/* EXPO_NOT_FOUND: never was, used up, or too late. */
expo_status_t expo_store_enrolment(expo_store_t *s, const uint8_t hash[32],
                                   uint64_t now_s);
/* Uses it up for this account; as above, or as expo_store_account_put. */
expo_status_t expo_store_enrol(expo_store_t *s, const uint8_t hash[32],
                               uint64_t now_s, const expo_account_row_t *a);

/* --- scans --- */
typedef enum {
    EXPO_SCAN_IMPORTING = 1,
    EXPO_SCAN_READY = 2,
    EXPO_SCAN_FAILED = 3
} expo_scan_state_t;

typedef struct {
    expo_id_t id;
    expo_scan_state_t state;
    uint32_t epoch;
    uint32_t attempts; /* of import */
    uint32_t revision; /* of meta, +1 on every change */
    uint32_t created_day;
    uint64_t bytes;      /* of its blobs, rounded up to 64 KiB */
    expo_role_t role;    /* of the user asked for */
    uint64_t expires_at; /* of that user's permission, Unix seconds; 0: never */
    uint8_t sealed[EXPO_SEALED_KEY];
    uint8_t *meta; /* ciphertext, malloc'd; free with expo_store_scan_free */
    size_t meta_bytes;
} expo_scan_t;
void expo_store_scan_free(expo_scan_t *scan);

/*
 * One scan as this user may see it at `now` (Unix seconds); EXPO_NOT_FOUND for
 * anything else.
 */
expo_status_t expo_store_scan(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                              const expo_id_t *id, uint64_t now,
                              expo_scan_t *out);
/* All of a user's, newest first; *out is malloc'd, each freed on its own. */
expo_status_t expo_store_scans(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                               uint64_t now, expo_scan_t **out, size_t *count);

/*
 * A blob being written: an unnamed file until the row refers to it. The caller
 * writes header and chunks and closes fd, whatever becomes of the blob.
 */
typedef struct {
    int fd;
    expo_id_t id;
    expo_blob_kind_t kind;
    uint64_t bytes; /* of the file; set before it is kept */
    int named;      /* the store's own */
} expo_blob_file_t;
expo_status_t expo_store_blob_create(expo_store_t *s, const expo_id_t *id,
                                     expo_blob_kind_t kind,
                                     expo_blob_file_t *out);
/* Opens the newest blob of a kind for reading; *bytes of the file. */
expo_status_t expo_store_blob_open(expo_store_t *s, const expo_id_t *scan,
                                   expo_blob_kind_t kind, expo_id_t *blob,
                                   int *fd, uint64_t *bytes);

/*
 * The upload is whole: names the original's file and inserts the scan
 * (IMPORTING), its owner's sealed key and the blob row, in one transaction.
 * EXPO_NO_SPACE: over the owner's quota or EXPO_SCANS_MAX, or the disk (64 MiB
 * are kept free).
 * state and role of `scan` are not looked at.
 */
expo_status_t expo_store_scan_add(expo_store_t *s,
                                  const uint8_t owner[EXPO_TAG],
                                  const expo_scan_t *scan,
                                  expo_blob_file_t *original);
/*
 * Import ended well: names volume and thumbnail, sets READY and meta, and lets
 * go of the original (tombstone, unlink). Or it failed: state FAILED, meta says
 * why, the original goes, nothing else is kept. thumbnail may be NULL.
 * EXPO_NO_SPACE: also when the volume is over the owner's quota.
 * EXPO_CONFLICT: not IMPORTING, or the stored revision is not revision - 1.
 */
expo_status_t expo_store_scan_ready(expo_store_t *s, const expo_id_t *id,
                                    expo_blob_file_t *volume,
                                    expo_blob_file_t *thumbnail,
                                    uint32_t revision, const uint8_t *meta,
                                    size_t meta_bytes);
expo_status_t expo_store_scan_failed(expo_store_t *s, const expo_id_t *id,
                                     uint32_t revision, const uint8_t *meta,
                                     size_t meta_bytes);
expo_status_t expo_store_scan_attempt(expo_store_t *s, const expo_id_t *id,
                                      uint32_t *attempts); /* +1 */
/* EXPO_CONFLICT unless the stored revision is revision - 1. */
expo_status_t expo_store_scan_meta(expo_store_t *s, const expo_id_t *id,
                                   uint32_t revision, const uint8_t *meta,
                                   size_t meta_bytes);
/* Keys first, then blobs; open descriptors stay readable. day: today. */
expo_status_t expo_store_scan_delete(expo_store_t *s, const expo_id_t *id,
                                     uint32_t day);

/* --- uploads in parts, which outlive connections and processes --- */
/*
 * Its file has the blob's header and whole chunks; bytes after the last whole
 * chunk are in `tail`, sealed by themselves. What the file has beyond
 * `received` counts as well if its chunks verify: they came after the last
 * save.
 */
typedef struct {
    expo_id_t id; /* also of the scan that it becomes */
    uint32_t epoch;
    uint8_t sealed[EXPO_SEALED_KEY]; /* to its owner, as a scan's */
    expo_id_t blob;                  /* unless whole */
    int whole;                       /* the scan is there */
    uint64_t length;                 /* bytes that will come in all */
    uint64_t received;
    uint64_t expires;     /* Unix seconds */
    uint8_t *meta, *tail; /* malloc'd ciphertext */
    size_t meta_bytes, tail_bytes;
} expo_upload_t;
void expo_store_upload_free(expo_upload_t *u);
/*
 * A new one of nothing but its header. EXPO_NO_SPACE: with all that has begun
 * it is over the owner's quota. EXPO_FULL: over EXPO_UPLOADS_MAX.
 */
expo_status_t expo_store_upload_add(expo_store_t *s,
                                    const uint8_t owner[EXPO_TAG],
                                    const expo_upload_t *u,
                                    expo_blob_file_t *f);
/* As its owner may see it; EXPO_NOT_FOUND for anything else. */
expo_status_t expo_store_upload(expo_store_t *s, const uint8_t owner[EXPO_TAG],
                                const expo_id_t *id, expo_upload_t *out);
/*
 * Its file, for reading; or for writing too if `alone`, which one descriptor
 * at a time can be until it is closed, in whatever process. EXPO_CONFLICT:
 * another one is.
 */
expo_status_t expo_store_upload_open(expo_store_t *s, const expo_id_t *blob,
                                     int alone, int *fd);
/* Syncs the file, then says that so much is there. EXPO_NOT_FOUND: expired. */
expo_status_t expo_store_upload_save(expo_store_t *s, const expo_id_t *id,
                                     int fd, uint64_t received,
                                     uint64_t expires, const uint8_t *tail,
                                     size_t tail_bytes);
/* All of it is there: the same as expo_store_scan_add. */
expo_status_t expo_store_upload_finish(expo_store_t *s,
                                       const uint8_t owner[EXPO_TAG],
                                       const expo_scan_t *scan,
                                       const expo_blob_file_t *f);
/* Its key first, then its file. A scan that it has become stays. */
expo_status_t expo_store_upload_delete(expo_store_t *s,
                                       const uint8_t owner[EXPO_TAG],
                                       const expo_id_t *id);

/* --- configurations --- */
typedef struct {
    expo_id_t id, scan;
    uint32_t revision;
    uint8_t *enc; /* malloc'd ciphertext */
    size_t enc_bytes;
} expo_configuration_t;
void expo_store_configuration_free(expo_configuration_t *c);
expo_status_t expo_store_configurations(expo_store_t *s, const expo_id_t *scan,
                                        expo_configuration_t **out,
                                        size_t *count);
/* EXPO_FULL: 200 per scan. */
expo_status_t expo_store_configuration_add(expo_store_t *s,
                                           const expo_configuration_t *c,
                                           const uint8_t author[EXPO_TAG]);
expo_status_t expo_store_configuration(expo_store_t *s, const expo_id_t *id,
                                       expo_configuration_t *out);
/* EXPO_CONFLICT unless the stored revision is c->revision - 1. */
expo_status_t expo_store_configuration_put(expo_store_t *s,
                                           const expo_configuration_t *c);
expo_status_t expo_store_configuration_delete(expo_store_t *s,
                                              const expo_id_t *id);

/* --- moving to another tag --- */
/* All that is sealed to a user: keys of scans, then of uploads. */
typedef struct {
    expo_keys_box_t *boxes; /* malloc'd */
    size_t keys, count;
} expo_boxes_t;
expo_status_t expo_store_boxes(expo_store_t *s, const uint8_t tag[EXPO_TAG],
                               expo_boxes_t *out);
/*
 * What is theirs under `from` becomes theirs under to->tag, with the boxes that
 * were sealed anew to to->pk; the old row and its salt are gone. to's row is
 * made if there is none, with what `from` may have. What both can open goes on
 * with the stronger role.
 * EXPO_CONFLICT: something changed since the boxes were read.
 */
expo_status_t expo_store_user_move(expo_store_t *s,
                                   const uint8_t from[EXPO_TAG],
                                   const expo_user_t *to, uint32_t master_no,
                                   const expo_boxes_t *boxes);
/* How far the move to the newest master secret is. */
typedef struct {
    uint32_t master_no;
    uint64_t users, users_left, accounts, accounts_left;
} expo_masters_t;
expo_status_t expo_store_masters(expo_store_t *s, expo_masters_t *out);
/* How many of each are left on this one. */
expo_status_t expo_store_master_left(expo_store_t *s, uint32_t master_no,
                                     uint64_t *users, uint64_t *accounts);
/* There is a newer one from now on. */
expo_status_t expo_store_master(expo_store_t *s, uint32_t master_no);
/* --- erasing --- */
/* A scan that somebody lost with this; if they owned it, everybody did. */
typedef struct {
    expo_id_t scan;
    expo_role_t role;
} expo_lost_t;
/*
 * The user's row with its salt, their scans with everybody's keys to them,
 * their keys to others' scans, uploads, and built-in account, in one
 * transaction; then what the log still has of it, then the files. What they
 * saved on others' scans stays there, without their name. *lost is malloc'd.
 * They can begin anew on another day: their tokens of today may still be about.
 */
expo_status_t expo_store_user_erase(expo_store_t *s,
                                    const uint8_t tag[EXPO_TAG], uint32_t day,
                                    expo_lost_t **lost, size_t *count);
/* An account that nobody has signed in with. */
expo_status_t expo_store_account_erase(expo_store_t *s,
                                       const uint8_t name_tag[64]);

/* What was erased stays known for so many days: older backups must go. */
#define EXPO_BACKUP_DAYS 90
typedef struct {
    uint8_t what[EXPO_TAG]; /* a user's tag, or a scan's id */
    size_t bytes;           /* EXPO_TAG or 16 */
    uint32_t times;         /* a user may have come back in between */
    uint32_t day;           /* of the last time */
} expo_erasure_t;
/* By day, scans first; *out is malloc'd. */
expo_status_t expo_store_erasures(expo_store_t *s, expo_erasure_t **out,
                                  size_t *count);
/*
 * In a store that was a backup: erases what a newer list has, or has more often
 * than the store's own; *again counts.
 */
expo_status_t expo_store_erase_again(expo_store_t *s,
                                     const expo_erasure_t *list, size_t count,
                                     uint32_t *again);

/* --- sharing: who else has a scan's key; times are Unix seconds --- */
#define EXPO_PERMISSIONS_MAX 64 /* of one scan, besides its owner's */
#define EXPO_INVITATIONS_MAX 64 /* of one scan, not yet used */

/* How labels are sealed; one is replaced and not patched. */
#define EXPO_LABEL_TABLE "labels"
#define EXPO_LABEL_REVISION 1

/* An editor's or a viewer's row of scan_keys. */
typedef struct {
    uint8_t tag[EXPO_TAG];
    uint8_t pk[32]; /* of the user's row: filled by the store, never taken */
    expo_role_t role;
    uint32_t epoch;
    uint8_t sealed[EXPO_SEALED_KEY];
    uint64_t expires_at; /* refused from that second; 0: never */
    uint32_t since_day;
    expo_id_t label_id; /* under which label_enc is sealed */
    uint8_t *label_enc; /* malloc'd ciphertext */
    size_t label_bytes; /* 0: it has none */
} expo_permission_t;
void expo_store_permission_free(expo_permission_t *p);

/* Of those that are good now. *out is malloc'd, each freed on its own. */
expo_status_t expo_store_permissions(expo_store_t *s, const expo_id_t *scan,
                                     uint64_t now, expo_permission_t **out,
                                     size_t *count);
/*
 * Role, box, end and label anew. was: the box that it had when it was read;
 * EXPO_CONFLICT: it has another one since. EXPO_NOT_FOUND.
 */
expo_status_t expo_store_permission_put(expo_store_t *s, const expo_id_t *scan,
                                        const expo_permission_t *p,
                                        const uint8_t was[EXPO_SEALED_KEY]);
/* The box is wiped from the disk. EXPO_NOT_FOUND; the owner's is not found. */
expo_status_t expo_store_permission_delete(expo_store_t *s,
                                           const expo_id_t *scan,
                                           const uint8_t tag[EXPO_TAG]);

/* A permission for whoever brings its secret, once. */
typedef struct {
    expo_id_t id, scan;
    uint8_t salt[32], pk[32];
    uint8_t sealed[EXPO_SEALED_KEY];
    expo_role_t role;
    uint32_t epoch, created_day;
    uint64_t expires_at;        /* of the invitation */
    uint64_t access_expires_at; /* of the permission; 0: never */
    uint8_t *label_enc;         /* malloc'd; sealed under id */
    size_t label_bytes;
} expo_invitation_t;
void expo_store_invitation_free(expo_invitation_t *i);

/* EXPO_FULL: over EXPO_INVITATIONS_MAX. EXPO_CONFLICT: epoch is not the
   scan's (any more). */
expo_status_t expo_store_invitation_add(expo_store_t *s,
                                        const expo_invitation_t *i);
/* EXPO_NOT_FOUND: also when it has expired. */
expo_status_t expo_store_invitation(expo_store_t *s, const expo_id_t *id,
                                    uint64_t now, expo_invitation_t *out);
expo_status_t expo_store_invitations(expo_store_t *s, const expo_id_t *scan,
                                     uint64_t now, expo_invitation_t **out,
                                     size_t *count);
expo_status_t expo_store_invitation_delete(expo_store_t *s,
                                           const expo_id_t *scan,
                                           const expo_id_t *id);
/*
 * The invitation becomes this user's permission and is gone; sealed is the box
 * in the user's name. Who has one already keeps the better role; of the same
 * role the later end. EXPO_NOT_FOUND: used or expired meanwhile.
 * EXPO_CONFLICT: the user is the owner; nothing changes. EXPO_FULL: over
 * EXPO_PERMISSIONS_MAX; nothing changes.
 */
expo_status_t expo_store_invitation_redeem(
    expo_store_t *s, const expo_invitation_t *i, const uint8_t tag[EXPO_TAG],
    const uint8_t sealed[EXPO_SEALED_KEY], uint64_t now);

/*
 * Everything of a ready scan under its next epoch, in one transaction: the old
 * blobs, boxes, invitations and what an upload had kept of the key go.
 * scan: epoch, revision, sealed (its owner's) and meta are the new ones;
 * permissions (all there are, in their roles) and configurations likewise.
 * EXPO_CONFLICT: something was changed meanwhile.
 */
typedef struct {
    const expo_scan_t *scan;
    const uint8_t *owner; /* tag */
    const expo_permission_t *permissions;
    size_t permission_count;
    const expo_configuration_t *configurations;
    size_t configuration_count;
    expo_blob_file_t *const *files;
    size_t file_count;
} expo_renewal_t;
expo_status_t expo_store_scan_renew(expo_store_t *s, const expo_renewal_t *r,
                                    uint64_t now);
/* --- the audit: lib/audit.h --- */
typedef struct {
    expo_audit_t record;
    uint8_t mac[EXPO_AUDIT_MAC];
} expo_audit_line_t;

/*
 * Adds a line and fills its seq. No lock of the database is held while the
 * vault makes its mac. EXPO_AGAIN: also when others are first time and again.
 */
expo_status_t expo_store_audit_append(expo_store_t *s, expo_keys_t *keys,
                                      expo_audit_t *r);
/* Where the chain ends now. */
expo_status_t expo_store_audit_end(expo_store_t *s, expo_audit_end_t *end);
/* The line after the last one; EXPO_CONFLICT: somebody's has its seq. */
expo_status_t expo_store_audit_add(expo_store_t *s,
                                   const expo_audit_line_t *line);
/*
 * At most max lines in order, from the first one after seq. Also of
 * EXPO_CORRUPT the *n lines before the one that cannot be read.
 */
expo_status_t expo_store_audit_after(expo_store_t *s, uint64_t seq,
                                     expo_audit_line_t *out, size_t max,
                                     size_t *n);
/*
 * Lines of an object, or if it is NULL of an actor, newest first, at most
 * EXPO_AUDIT_LINES. *out is malloc'd.
 */
#define EXPO_AUDIT_LINES 1000
expo_status_t expo_store_audit_of(expo_store_t *s, const expo_id_t *object,
                                  const uint8_t *actor, expo_audit_line_t **out,
                                  size_t *n);
/* When the latest line of the same actor, object, verb, outcome was written. */
expo_status_t expo_store_audit_latest(expo_store_t *s, const expo_audit_t *like,
                                      uint64_t *at); /* EXPO_NOT_FOUND */

/* --- housekeeping --- */
/*
 * Lets go of permissions, invitations and uploads that have expired, and
 * unlinks tombstoned blobs. now: Unix seconds. *removed counts files.
 */
expo_status_t expo_store_expire(expo_store_t *s, uint64_t now,
                                uint32_t *removed);
/* expo_store_expire, then unlinks files that no row knows. */
expo_status_t expo_store_reap(expo_store_t *s, uint64_t now, uint32_t *removed);
/*
 * Compares rows, tombstones and files: the n-th disagreement goes to `say`.
 * EXPO_CORRUPT when there is any.
 */
expo_status_t expo_store_check(expo_store_t *s,
                               void (*say)(void *, const char *), void *data);

#endif
