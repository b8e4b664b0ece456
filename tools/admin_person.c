/*
 * A person for whom an operator acts: proved by their password, or named by the
 * subject that their provider calls them. Whoever has the master secret can do
 * the latter for anybody; it is why commands are written into the audit.
 */

#include "tools/admin.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "lib/account.h"
#include "lib/jwks.h"

#define PERSON_TOKEN_S 3600

static int person_subject(const admin_options_t *o, expo_store_t *s,
                          const expo_vault_t *v, char sub[EXPO_SUB_MAX]);
static expo_status_t person_find(const admin_options_t *o, expo_store_t *s,
                                 const expo_master_t *masters, size_t n,
                                 const char *sub, admin_person_t *p);
static int person_token(const admin_options_t *o, admin_person_t *p,
                        const char *sub);
static uint64_t person_now(void);
static void person_random(void *dst, size_t len);


int
admin_person_open(const admin_options_t *o, expo_store_t *s,
                  const expo_master_t *masters, size_t n, admin_person_t *p)
{
    char sub[EXPO_SUB_MAX];
    expo_status_t st;

    memset(p, 0, sizeof(*p));

    p->vault = sodium_malloc(sizeof(*p->vault));
    if (p->vault == NULL) {
        return admin_fail("Out of memory.");
    }

    memset(p->vault, 0, sizeof(*p->vault));
    p->vault->now = person_now;
    p->vault->random = person_random;

    if (expo_vault_start_all(p->vault, masters, n) != EXPO_OK ||
        expo_keys_local(&p->keys, p->vault) != EXPO_OK ||
        expo_trust_open(&p->trust) != EXPO_OK) {
        admin_person_close(p);
        return admin_fail("No keys can be derived.");
    }

    p->vault->trust = p->trust;

    if (person_subject(o, s, p->vault, sub) || person_token(o, p, sub)) {
        admin_person_close(p);
        return 1;
    }

    st = person_find(o, s, masters, n, sub, p);

    if (st != EXPO_OK) {
        admin_person_close(p);
        return st == EXPO_NOT_FOUND
                   ? admin_fail("They have never signed in here, or not as "
                                "%s calls them (--issuer).",
                                o->issuer)
                   : admin_refused(st);
    }

    return 0;
}


void
admin_person_close(admin_person_t *p)
{
    if (p->token != NULL) {
        sodium_memzero(p->token, strlen(p->token));
        free(p->token);
    }
    if (p->keys != NULL) {
        expo_keys_close(p->keys);
    }
    if (p->trust != NULL) {
        expo_trust_close(p->trust);
    }
    sodium_free(p->vault);
    memset(p, 0, sizeof(*p));
}


/* Who has not moved yet goes by the master secret of then, and by no other. */
static expo_status_t
person_find(const admin_options_t *o, expo_store_t *s,
            const expo_master_t *masters, size_t n, const char *sub,
            admin_person_t *p)
{
    expo_status_t st = EXPO_NOT_FOUND;
    expo_user_t user;

    for (size_t i = 0; i < n && st == EXPO_NOT_FOUND; i++) {
        st = expo_vault_start(p->vault, masters[i].secret, masters[i].no);
        if (st == EXPO_OK) {
            st = expo_vault_user_tag(p->tag, &p->vault->secrets[0].names,
                                     o->issuer, sub);
        }
        if (st == EXPO_OK) {
            st = expo_store_user(s, p->tag, &user);
        }
    }

    sodium_memzero(&user, sizeof(user));

    return st;
}


static int
person_subject(const admin_options_t *o, expo_store_t *s, const expo_vault_t *v,
               char sub[EXPO_SUB_MAX])
{
    char password[ADMIN_PASSWORD];
    expo_account_row_t row;
    expo_names_t names[EXPO_MASTERS];
    expo_status_t st;
    size_t len;

    if (o->subject != NULL && strlen(o->subject) < EXPO_SUB_MAX) {
        strcpy(sub, o->subject);
        return 0;
    }

    if (o->name == NULL) {
        return admin_fail("Whose? --name NAME, with the password on standard "
                          "input, or --subject SUB.");
    }

    for (size_t i = 0; i < v->nsecrets; i++) {
        names[i] = v->secrets[i].names;
    }

    st = admin_find_account(s, names, v->nsecrets, o->name, &row);
    sodium_memzero(names, sizeof(names));

    if (admin_read_password(password, &len)) {
        return 1;
    }

    st = expo_account_check(st == EXPO_OK ? &row : NULL, password, len, sub);
    sodium_memzero(password, sizeof(password));
    sodium_memzero(&row, sizeof(row));

    return st == EXPO_OK ? 0
                         : admin_fail("Name and password do not fit an active "
                                      "account.");
}


/* A key pair for this one token, which nobody else believes. */
static int
person_token(const admin_options_t *o, admin_person_t *p, const char *sub)
{
    char pem[ADMIN_PEM_MAX], error[256], *set = NULL;
    expo_jwks_t *keys = NULL;
    expo_status_t st;
    uint8_t jti[16];
    size_t len, entry;

    if (admin_make_signing(pem, &len)) {
        return 1;
    }

    randombytes_buf(jti, sizeof(jti));

    st = expo_token_jwks(pem, len, &set);
    if (st == EXPO_OK) {
        st = expo_jwks_load(set, strlen(set), &keys, error, sizeof(error));
    }
    if (st == EXPO_OK) {
        st = expo_trust_add(p->trust, o->issuer, o->audience, &entry);
    }
    if (st == EXPO_OK) {
        expo_trust_keys(p->trust, entry, keys);
        st = expo_token_issue(pem, len, o->issuer, o->audience, sub,
                              person_now(), PERSON_TOKEN_S, jti, &p->token);
    }

    sodium_memzero(pem, sizeof(pem));
    free(set);

    return st == EXPO_OK
               ? 0
               : admin_fail("No token can be made: %s.", expo_status_name(st));
}


static uint64_t
person_now(void)
{
    return (uint64_t) time(NULL);
}


static void
person_random(void *dst, size_t len)
{
    randombytes_buf(dst, len);
}
