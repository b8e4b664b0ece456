/*
 * exposure-admin doctor: what protects the keys here, and what does not. The
 * machine around them is admin_host.c's.
 */

#include "tools/admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <sqlite3.h>

static void doctor_versions(void);
static int doctor_keys(const admin_options_t *o);
static int doctor_store(const admin_options_t *o, expo_store_t *s);
static int doctor_file(const char *path, mode_t forbidden);


int
admin_doctor(const admin_options_t *o)
{
    static const char *const data[] = {"", "/blobs", "/store.db"};
    char path[PATH_MAX], error[512];
    expo_store_t *s;
    int wrong;

    doctor_versions();
    wrong = doctor_keys(o);

    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", o->data, data[i]);
        wrong |= doctor_file(path, 077);
    }

    if (expo_store_open(o->data, 0, &s, error, sizeof(error)) == EXPO_OK) {
        wrong |= doctor_store(o, s);
        expo_store_close(s);
    } else {
        printf("store: %s\n", error);
        wrong = 1;
    }

    return wrong | admin_doctor_host(o);
}


static void
doctor_versions(void)
{
    printf("OpenSSL %s, libsodium %s, SQLite %s, jansson %s\n",
           OpenSSL_version(OPENSSL_VERSION_STRING), sodium_version_string(),
           sqlite3_libversion(), jansson_version_str());
}


static int
doctor_store(const admin_options_t *o, expo_store_t *s)
{
    char sealed[PATH_MAX], master[PATH_MAX];
    struct stat a, b;
    expo_masters_t m;
    expo_status_t st;

    st = expo_store_masters(s, &m);
    if (st != EXPO_OK) {
        return admin_refused(st);
    }

    printf("store: opens, schema %d, master secret %u\n", expo_store_schema(),
           m.master_no);

    if (m.users_left + m.accounts_left > 0) {
        printf("rotation: %llu of %llu users and %llu of %llu accounts have "
               "not signed in since\n",
               (unsigned long long) m.users_left, (unsigned long long) m.users,
               (unsigned long long) m.accounts_left,
               (unsigned long long) m.accounts);
    }

    admin_key_path(sealed, o, "master.sealed");
    admin_key_path(master, o, "master.key");

    if (stat(sealed, &a) < 0) {
        puts("recovery: the master secret is not sealed (warning: who loses "
             "it loses every scan)");
    } else if (stat(master, &b) == 0 && a.st_mtime < b.st_mtime) {
        puts("recovery: sealed before the master secret was last written "
             "(warning: recovery seal)");
    } else {
        puts("recovery: sealed");
    }

    return 0;
}


/* Where the master key lies decides what a stolen disk opens. */
static int
doctor_keys(const admin_options_t *o)
{
    char path[PATH_MAX], error[512];
    char protection[16];
    struct stat key;
    uint8_t master[32];
    int wrong = 0;

    admin_key_path(path, o, "master.key");

    if (expo_vault_master_load(master, path, error, sizeof(error)) != EXPO_OK) {
        printf("master key: %s\n", error);
        wrong = 1;
    }
    sodium_memzero(master, sizeof(master));

    if (stat(path, &key) == 0) {
        expo_vault_master_place(protection, path, o->data);
        printf("key_protection: %s%s\n", protection,
               strcmp(protection, "same-disk") == 0
                   ? " (warning: who steals this disk opens every scan)"
                   : "");
    }

    admin_key_path(path, o, "signing.pem");
    wrong |= doctor_file(path, 077);
    admin_key_path(path, o, "jwks.json");
    wrong |= doctor_file(path, 022);

    return wrong;
}


static int
doctor_file(const char *path, mode_t forbidden)
{
    struct stat sb;

    if (stat(path, &sb) < 0) {
        printf("%s: %s\n", path, strerror(errno));
        return 1;
    }

    printf("%s: mode %04o, user number %u%s\n", path, sb.st_mode & 07777,
           (unsigned) sb.st_uid,
           sb.st_mode & forbidden ? " (warning: open to others)" : "");

    return (sb.st_mode & forbidden) != 0;
}
