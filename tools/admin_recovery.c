/*
 * exposure-admin recovery: the way back to a lost master secret, and the proof
 * that it is open. key rewrap: the master file anew.
 */

#include "tools/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/recovery.h"

static int read_text(const char *path, uint8_t key[32]);
static int read_sealed(const admin_options_t *o,
                       uint8_t sealed[EXPO_RECOVERY_SEALED]);
static int open_sealed(const admin_options_t *o, uint8_t master[32]);
static int count_former(const admin_options_t *o, const char *path);
static int replace(const char *path);


/* The private half goes to a file, or to the printer. */
int
admin_recovery_init(const admin_options_t *o)
{
    char path[PATH_MAX], text[EXPO_RECOVERY_TEXT];
    uint8_t pk[32], sk[32];
    int rc;

    if (expo_recovery_pair(pk, sk) != EXPO_OK) {
        return admin_fail("libsodium does not start.");
    }

    admin_key_path(path, o, "recovery.pub");
    expo_recovery_print(text, pk);
    rc = admin_write(path, 0644, text, strlen(text));

    if (rc == 0) {
        expo_recovery_print(text, sk);
        if (o->words[0] != NULL) {
            rc = admin_write(o->words[0], 0600, text, strlen(text));
            if (rc) {
                unlink(path);
            }
        } else {
            fputs(text, stdout);
        }
    }

    sodium_memzero(sk, sizeof(sk));
    sodium_memzero(text, sizeof(text));

    return rc;
}


int
admin_recovery_seal(const admin_options_t *o)
{
    uint8_t pk[32], master[32], sealed[EXPO_RECOVERY_SEALED];
    char path[PATH_MAX], next[PATH_MAX + 8];
    expo_status_t st;

    admin_key_path(path, o, "recovery.pub");
    if (read_text(path, pk) || admin_load_master(o, master)) {
        return 1;
    }

    st = expo_recovery_seal(sealed, master, pk);
    sodium_memzero(master, sizeof(master));

    if (st != EXPO_OK) {
        return admin_fail("%s is no public key.", path);
    }

    admin_key_path(path, o, "master.sealed");
    snprintf(next, sizeof(next), "%s.new", path);
    unlink(next);

    return admin_write(next, 0600, sealed, sizeof(sealed)) || replace(path);
}


/* Opens what is sealed, and with --name or --subject a scan with that. */
int
admin_recovery_drill(const admin_options_t *o)
{
    uint8_t here[32], *master;
    expo_master_t sealed = {.no = 1};
    char path[PATH_MAX], error[512];
    size_t volumes = 0;
    admin_person_t p;
    expo_store_t *s;
    int rc = 0, same;

    master = sealed.secret;
    if (open_sealed(o, master)) {
        return 1;
    }

    admin_key_path(path, o, "master.key");

    if (expo_vault_master_load(here, path, error, sizeof(error)) == EXPO_OK) {
        same = sodium_memcmp(master, here, sizeof(here)) == 0;
        sodium_memzero(here, sizeof(here));
        puts(same ? "the sealed master secret is the one in use"
                  : "the sealed master secret is another one than in use");
        rc = !same;
    }

    if (rc == 0 && (o->name != NULL || o->subject != NULL)) {
        s = admin_open_store(o);
        rc = s == NULL || admin_person_open(o, s, &sealed, 1, &p);
        if (rc == 0) {
            rc = admin_opens(s, &p, &volumes);
            admin_person_close(&p);
        }
        expo_store_close(s);

        if (rc == 0 && volumes == 0) {
            rc = admin_fail("They have no scan that could be opened.");
        } else if (rc == 0) {
            puts("a scan opens with it");
        }
    }

    sodium_memzero(&sealed, sizeof(sealed));

    return rc;
}


int
admin_recovery_restore(const admin_options_t *o)
{
    uint8_t master[32];
    char path[PATH_MAX];
    expo_status_t st;

    if (open_sealed(o, master)) {
        return 1;
    }

    admin_key_path(path, o, "master.key");
    st = expo_vault_master_save(master, path);
    sodium_memzero(master, sizeof(master));

    if (st == EXPO_CONFLICT) {
        return admin_fail("%s is there already.", path);
    }

    return st == EXPO_OK
               ? count_former(o, path)
               : admin_fail("%s cannot be written: %s.", path, strerror(errno));
}


/* Without a store it is the first. */
static int
count_former(const admin_options_t *o, const char *path)
{
    char former[PATH_MAX], error[512];
    expo_masters_t m;
    expo_store_t *s;
    int fd, rc = 0;

    if (expo_store_open(o->data, 0, &s, error, sizeof(error)) != EXPO_OK) {
        return 0;
    }

    rc = expo_store_masters(s, &m) != EXPO_OK;
    expo_store_close(s);

    for (uint32_t no = 1; rc == 0 && no < m.master_no; no++) {
        expo_vault_former_path(former, sizeof(former), path, no);
        fd = open(former, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        rc = fd < 0 || close(fd) < 0;
    }

    return rc ? admin_fail("%s has no number: %s.", path, strerror(errno)) : 0;
}


int
admin_key_rewrap(const admin_options_t *o)
{
    uint8_t master[32];
    int rc;

    if (admin_load_master(o, master)) {
        return 1;
    }

    rc = admin_replace_master(o, master);
    sodium_memzero(master, sizeof(master));

    return rc;
}


int
admin_replace_master(const admin_options_t *o, const uint8_t master[32])
{
    char path[PATH_MAX], next[PATH_MAX + 8];
    struct stat sb;
    expo_status_t st;
    int rc;

    admin_key_path(path, o, "master.key");
    snprintf(next, sizeof(next), "%s.new", path);

    unlink(next);
    st = expo_vault_master_save(master, next);

    if (st != EXPO_OK || stat(path, &sb) < 0 ||
        chown(next, sb.st_uid, sb.st_gid) < 0) {
        rc = admin_fail("%s cannot be written: %s.", next, strerror(errno));
        unlink(next);
        return rc;
    }

    return replace(path);
}


static int
read_text(const char *path, uint8_t key[32])
{
    char text[4 * EXPO_RECOVERY_TEXT];
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    expo_status_t st;
    size_t n;

    if (f == NULL) {
        return admin_fail("%s: %s.", path, strerror(errno));
    }

    setvbuf(f, NULL, _IONBF, 0);
    n = fread(text, 1, sizeof(text), f);
    if (f != stdin) {
        fclose(f);
    }

    st = expo_recovery_parse(key, text, n);
    sodium_memzero(text, sizeof(text));

    switch (st) {
    case EXPO_OK:
        return 0;
    case EXPO_CORRUPT:
        return admin_fail("%s: a digit of the key is wrong.", path);
    default:
        return admin_fail("%s: a key is 72 hexadecimal digits.", path);
    }
}


static int
read_sealed(const admin_options_t *o, uint8_t sealed[EXPO_RECOVERY_SEALED])
{
    char path[PATH_MAX];
    ssize_t n = -1;
    int fd;

    if (o->sealed != NULL) {
        snprintf(path, sizeof(path), "%s", o->sealed);
    } else {
        admin_key_path(path, o, "master.sealed");
    }

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, sealed, EXPO_RECOVERY_SEALED);
        close(fd);
    }

    return n == EXPO_RECOVERY_SEALED
               ? 0
               : admin_fail("%s: this is no sealed master secret.", path);
}


static int
open_sealed(const admin_options_t *o, uint8_t master[32])
{
    uint8_t sealed[EXPO_RECOVERY_SEALED], sk[32];
    expo_status_t st;

    if (read_sealed(o, sealed) || read_text(o->words[0], sk)) {
        return 1;
    }

    st = expo_recovery_open(master, sealed, sk);
    sodium_memzero(sk, sizeof(sk));

    return st == EXPO_OK
               ? 0
               : admin_fail("It was sealed to another key, or is damaged.");
}


/* path.new becomes path, in one step that a loss of power does not undo. */
static int
replace(const char *path)
{
    char next[PATH_MAX + 8], copy[PATH_MAX];
    int fd, ok;

    snprintf(next, sizeof(next), "%s.new", path);
    snprintf(copy, sizeof(copy), "%s", path);

    if (rename(next, path) < 0) {
        return admin_fail("%s cannot be replaced: %s.", path, strerror(errno));
    }

    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }

    return ok ? 0 : admin_fail("%s: %s.", path, strerror(errno));
}
