/* exposure-admin init: keys, key set and an empty store. */

#include "tools/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "lib/token.h"

#define SIGNING_BITS 2048

static int init_master(const admin_options_t *o);
static int init_signing(const admin_options_t *o);
static int init_jwks(const admin_options_t *o);


/* Each part is made where it is missing, so that init can be run again. */
int
admin_init(const admin_options_t *options)
{
    admin_options_t here = *options, *o = &here;
    char error[512];
    expo_store_t *s;

    o->data = o->words[0] != NULL ? o->words[0] : o->data;

    if (mkdir(o->keys, 0700) < 0 && errno != EEXIST) {
        return admin_fail("The folder %s cannot be made: %s.", o->keys,
                          strerror(errno));
    }

    if (init_master(o) || init_signing(o) || init_jwks(o)) {
        return 1;
    }

    if (expo_store_open(o->data, 1, &s, error, sizeof(error)) != EXPO_OK) {
        return admin_fail("%s", error);
    }

    expo_store_close(s);

    return admin_give(o);
}


static int
init_master(const admin_options_t *o)
{
    char path[PATH_MAX];
    uint8_t master[32];
    expo_status_t st;
    int rc;

    admin_key_path(path, o, "master.key");

    if (access(path, F_OK) == 0) {
        rc = admin_load_master(o, master);
        sodium_memzero(master, sizeof(master));

        return rc;
    }

    randombytes_buf(master, sizeof(master));
    st = expo_vault_master_save(master, path);
    sodium_memzero(master, sizeof(master));

    if (st != EXPO_OK) {
        return admin_fail("The master key %s cannot be written: %s.", path,
                          strerror(errno));
    }

    return 0;
}


static int
init_signing(const admin_options_t *o)
{
    char path[PATH_MAX], pem[ADMIN_PEM_MAX];
    size_t len;
    int rc;

    admin_key_path(path, o, "signing.pem");

    if (access(path, F_OK) == 0) {
        return 0;
    }

    rc = admin_make_signing(pem, &len);
    if (rc == 0) {
        rc = admin_write(path, 0600, pem, len);
        sodium_memzero(pem, sizeof(pem));
    }

    return rc;
}


int
admin_make_signing(char pem[ADMIN_PEM_MAX], size_t *len)
{
    EVP_PKEY *key;
    char *text;
    BIO *bio;
    long n = 0;

    key = EVP_RSA_gen(SIGNING_BITS);
    bio = BIO_new(BIO_s_secmem());

    if (key != NULL && bio != NULL &&
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
        n = BIO_get_mem_data(bio, &text);
    }

    if (n > 0 && n < ADMIN_PEM_MAX) {
        memcpy(pem, text, (size_t) n);
        *len = (size_t) n;
    }

    BIO_free(bio);
    EVP_PKEY_free(key);

    return n > 0 && n < ADMIN_PEM_MAX
               ? 0
               : admin_fail("No signing key can be made.");
}


static int
init_jwks(const admin_options_t *o)
{
    char path[PATH_MAX], pem[ADMIN_PEM_MAX], *json;
    expo_status_t st;
    size_t len;
    int rc;

    if (admin_load_signing(o, pem, &len)) {
        return 1;
    }

    st = expo_token_jwks(pem, len, &json);
    sodium_memzero(pem, sizeof(pem));

    if (st != EXPO_OK) {
        return admin_fail("The signing key in %s is not an RSA key of %d bits.",
                          o->keys, SIGNING_BITS);
    }

    admin_key_path(path, o, "jwks.json");
    unlink(path);
    rc = admin_write(path, 0644, json, strlen(json));
    free(json);

    return rc;
}


int
admin_write(const char *path, mode_t mode, const void *src, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int ok;

    if (fd < 0) {
        return admin_fail("%s cannot be made: %s.", path, strerror(errno));
    }

    ok = fchmod(fd, mode) == 0 && write(fd, src, len) == (ssize_t) len &&
         fsync(fd) == 0;

    close(fd);

    if (!ok) {
        unlink(path);
        return admin_fail("%s cannot be written: %s.", path, strerror(errno));
    }

    return 0;
}
