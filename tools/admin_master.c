/*
 * The master secrets as commands read them, and exposure-admin key rotate,
 * status, retire: another secret, to which users move as they come.
 */

#include "tools/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/account.h"

static int master_next(const admin_options_t *o, uint32_t no, int kept);
static int master_shred(const char *path);
static int master_vault(const expo_master_t *masters, size_t n,
                        expo_vault_t **vault, expo_keys_t **keys);


int
admin_key_rotate(const admin_options_t *o)
{
    expo_master_t masters[EXPO_MASTERS];
    expo_masters_t m;
    expo_store_t *s;
    expo_status_t st;
    uint32_t no;
    size_t n;
    int rc = 0, kept;

    if (admin_load_masters(o, masters, &n)) {
        return 1;
    }

    /* A former rotation may have been cut off anywhere. */
    no = masters[0].no;
    kept = n > 1 && sodium_memcmp(masters[0].secret, masters[1].secret,
                                  sizeof(masters[0].secret)) == 0;
    sodium_memzero(masters, sizeof(masters));

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    st = expo_store_masters(s, &m);
    if (st != EXPO_OK) {
        rc = admin_refused(st);

    } else if (no != m.master_no && no != m.master_no + 1) {
        rc = admin_fail("The master key is number %u, and the store's is %u.",
                        no, m.master_no);

    } else if (no == m.master_no && n == EXPO_MASTERS) {
        rc = admin_fail("There are %d former ones already: retire one.",
                        EXPO_FORMER_MAX);

    } else if (no == m.master_no || kept) {
        rc = master_next(o, m.master_no, kept);
    }

    if (rc == 0) {
        st = expo_store_master(s, m.master_no + 1);
        rc = st == EXPO_OK ? 0 : admin_refused(st);
    }
    expo_store_close(s);

    /* The chain's first line by the new one: from here on no other counts. */
    if (rc == 0) {
        rc = admin_audit(o, EXPO_AUDIT_KEY_ROTATE, NULL, EXPO_AUDIT_PERMITTED);
    }

    if (rc == 0) {
        printf("master secret %u\n", m.master_no + 1);
    }

    return rc;
}


int
admin_key_status(const admin_options_t *o)
{
    unsigned long long on, all, accounts_on, accounts_all;
    expo_master_t masters[EXPO_MASTERS];
    uint64_t users, accounts;
    expo_masters_t m;
    expo_status_t st;
    expo_store_t *s;
    size_t n;
    int rc;

    if (admin_load_masters(o, masters, &n)) {
        return 1;
    }

    s = admin_open_store(o);
    st = s != NULL ? expo_store_masters(s, &m) : EXPO_IO;

    if (st == EXPO_OK) {
        all = m.users;
        on = m.users - m.users_left;
        accounts_all = m.accounts;
        accounts_on = m.accounts - m.accounts_left;
        printf("master secret %u: %llu of %llu users, %llu of %llu accounts\n",
               m.master_no, on, all, accounts_on, accounts_all);
    }

    for (size_t i = 1; i < n && st == EXPO_OK; i++) {
        st = expo_store_master_left(s, masters[i].no, &users, &accounts);
        if (st == EXPO_OK) {
            printf("former one %u: %llu users, %llu accounts left\n",
                   masters[i].no, (unsigned long long) users,
                   (unsigned long long) accounts);
        }
    }

    rc = s == NULL       ? 1
         : st != EXPO_OK ? admin_refused(st)
         : masters[0].no == m.master_no
             ? 0
             : admin_fail("The master key is number %u, and the store's is %u: "
                          "see docs/operate.md.",
                          masters[0].no, m.master_no);

    sodium_memzero(masters, sizeof(masters));
    expo_store_close(s);

    return rc;
}


int
admin_key_retire(const admin_options_t *o)
{
    expo_master_t masters[EXPO_MASTERS];
    char key[PATH_MAX], path[PATH_MAX], *end;
    unsigned long no = strtoul(o->words[0], &end, 10);
    uint64_t users, accounts;
    expo_store_t *s;
    expo_status_t st;
    uint32_t oldest;
    size_t n;

    if (admin_load_masters(o, masters, &n)) {
        return 1;
    }

    oldest = masters[n - 1].no;
    sodium_memzero(masters, sizeof(masters));

    if (n == 1 || *end != '\0' || no != oldest) {
        return admin_fail(n == 1 ? "There is no former master key."
                                 : "The oldest, %u, goes first.",
                          oldest);
    }

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    st = expo_store_master_left(s, (uint32_t) no, &users, &accounts);
    expo_store_close(s);

    if (st != EXPO_OK) {
        return admin_refused(st);
    }

    if (users + accounts > 0 && !o->force) {
        return admin_fail("%llu users and %llu accounts are left on it, which "
                          "nobody opens again without it: --force.",
                          (unsigned long long) users,
                          (unsigned long long) accounts);
    }

    admin_key_path(key, o, "master.key");
    expo_vault_former_path(path, sizeof(path), key, (uint32_t) no);

    return master_shred(path);
}


/* master.key becomes master.key.no, and is new. */
static int
master_next(const admin_options_t *o, uint32_t no, int kept)
{
    char path[PATH_MAX], former[PATH_MAX];
    uint8_t master[32];
    int rc;

    admin_key_path(path, o, "master.key");
    expo_vault_former_path(former, sizeof(former), path, no);

    if (!kept && link(path, former) < 0) {
        return admin_fail("%s cannot be made: %s.", former, strerror(errno));
    }

    randombytes_buf(master, sizeof(master));
    rc = admin_replace_master(o, master);
    sodium_memzero(master, sizeof(master));

    return rc;
}


/* What is left is empty, and keeps the count. */
static int
master_shred(const char *path)
{
    uint8_t noise[36];
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), ok;

    randombytes_buf(noise, sizeof(noise));

    ok = fd >= 0 && write(fd, noise, sizeof(noise)) == sizeof(noise) &&
         fsync(fd) == 0 && ftruncate(fd, 0) == 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }

    return ok ? 0
              : admin_fail("%s cannot be written: %s.", path, strerror(errno));
}


int
admin_load_master(const admin_options_t *o, uint8_t master[32])
{
    char path[PATH_MAX], error[512];

    admin_key_path(path, o, "master.key");

    if (expo_vault_master_load(master, path, error, sizeof(error)) != EXPO_OK) {
        return admin_fail("%s", error);
    }

    return 0;
}


int
admin_load_masters(const admin_options_t *o,
                   expo_master_t masters[EXPO_MASTERS], size_t *n)
{
    char path[PATH_MAX], error[512];

    admin_key_path(path, o, "master.key");

    return expo_vault_masters_load(masters, n, path, error, sizeof(error)) ==
                   EXPO_OK
               ? 0
               : admin_fail("%s", error);
}


int
admin_load_names(const admin_options_t *o, expo_names_t names[EXPO_MASTERS],
                 size_t *n)
{
    expo_master_t masters[EXPO_MASTERS];
    expo_status_t st = EXPO_OK;

    if (admin_load_masters(o, masters, n)) {
        return 1;
    }

    for (size_t i = 0; i < *n && st == EXPO_OK; i++) {
        st = expo_vault_names(&names[i], masters[i].secret);
    }
    sodium_memzero(masters, sizeof(masters));

    return st == EXPO_OK ? 0 : admin_fail("No keys can be derived.");
}


expo_status_t
admin_find_account(expo_store_t *s, const expo_names_t *names, size_t n,
                   const char *name, expo_account_row_t *row)
{
    expo_status_t st = EXPO_NOT_FOUND;
    uint8_t tag[64];

    for (size_t i = 0; i < n && st == EXPO_NOT_FOUND; i++) {
        st = expo_account_name_tag(tag, &names[i], name, strlen(name));
        if (st == EXPO_OK) {
            st = expo_store_account(s, tag, row);
        }
    }

    return st;
}


int
admin_open_keys(const admin_options_t *o, expo_vault_t **vault,
                expo_keys_t **keys)
{
    expo_master_t masters[EXPO_MASTERS];
    size_t n;
    int rc;

    if (admin_load_masters(o, masters, &n)) {
        return 1;
    }

    rc = master_vault(masters, n, vault, keys);
    sodium_memzero(masters, sizeof(masters));

    return rc;
}


int
admin_open_each(const admin_options_t *o, expo_vault_t *vaults[EXPO_MASTERS],
                expo_keys_t *keys[EXPO_MASTERS], size_t *n)
{
    expo_master_t masters[EXPO_MASTERS];
    size_t done = 0;

    if (admin_load_masters(o, masters, n)) {
        return 1;
    }

    while (done < *n && master_vault(&masters[*n - 1 - done], 1, &vaults[done],
                                     &keys[done]) == 0) {
        done++;
    }
    sodium_memzero(masters, sizeof(masters));

    if (done == *n) {
        return 0;
    }

    while (done > 0) {
        done--;
        admin_close_keys(vaults[done], keys[done]);
    }

    return 1;
}


static int
master_vault(const expo_master_t *masters, size_t n, expo_vault_t **vault,
             expo_keys_t **keys)
{
    expo_status_t st;

    *vault = sodium_malloc(sizeof(**vault));
    if (*vault == NULL) {
        return admin_fail("Out of memory.");
    }

    memset(*vault, 0, sizeof(**vault));

    st = expo_vault_start_all(*vault, masters, n);

    if (st == EXPO_OK) {
        st = expo_keys_local(keys, *vault);
    }

    if (st != EXPO_OK) {
        sodium_free(*vault);
        return admin_fail("No keys can be derived.");
    }

    return 0;
}


void
admin_close_keys(expo_vault_t *vault, expo_keys_t *keys)
{
    expo_keys_close(keys);
    sodium_free(vault);
}
