/* exposure-admin user, token: accounts, and tokens for scripts. */

#include "tools/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/account.h"
#include "lib/token.h"

#define PASSWORD_CHARS 20 /* of a made one: 5 bits each */

static const char user_is_there[] = "There is such an account already.";

static int user_add(const admin_options_t *o, expo_store_t *s,
                    const expo_names_t *names, const uint8_t tag[64]);
static void make_password(char password[PASSWORD_CHARS + 1]);


int
admin_user(const admin_options_t *o)
{
    const char *name = o->words[0];
    expo_names_t names[EXPO_MASTERS];
    expo_account_row_t row;
    expo_store_t *s;
    expo_status_t st;
    uint8_t tag[64];
    size_t n;
    int rc;

    if (admin_load_names(o, names, &n)) {
        return 1;
    }

    if (expo_account_name_tag(tag, names, name, strlen(name)) != EXPO_OK) {
        sodium_memzero(names, sizeof(names));
        return admin_fail("A name is 1 to %d letters, digits or . _ - @ +",
                          EXPO_NAME_MAX);
    }

    s = admin_open_store(o);

    st = s != NULL ? admin_find_account(s, names, n, name, &row) : EXPO_IO;

    if (s == NULL) {
        rc = 1;

    } else if (o->verb[0] == 'a') {
        rc = st == EXPO_OK ? admin_fail(user_is_there)
                           : user_add(o, s, names, tag);

    } else {
        if (st == EXPO_OK) {
            st = expo_store_account_disable(s, row.name_tag, o->verb[0] == 'd');
        }
        rc = st == EXPO_OK
                 ? 0
                 : admin_fail(st == EXPO_NOT_FOUND ? "There is no such account."
                                                   : "The store refused: %s.",
                              expo_status_name(st));
    }

    expo_store_close(s);
    sodium_memzero(names, sizeof(names));
    sodium_memzero(&row, sizeof(row));

    return rc;
}


static int
user_add(const admin_options_t *o, expo_store_t *s, const expo_names_t *names,
         const uint8_t tag[64])
{
    char password[ADMIN_PASSWORD], sub[EXPO_ID_TEXT + 1];
    expo_account_row_t row;
    uint8_t random[56];
    expo_status_t st;
    size_t len;

    if (o->password_stdin) {
        if (admin_read_password(password, &len)) {
            return 1;
        }
    } else {
        make_password(password);
        len = strlen(password);
    }

    randombytes_buf(random, sizeof(random));
    row.master_no = 0;

    st = expo_account_make(&row, password, len, random, sub);
    if (st == EXPO_OK) {
        memcpy(row.name_tag, tag, sizeof(row.name_tag));
        st = expo_account_sub_tag(row.sub_tag, names, sub);
    }
    if (st == EXPO_OK) {
        st = expo_store_account_put(s, &row);
    }

    if (st == EXPO_OK && !o->password_stdin) {
        puts(password);
    }

    sodium_memzero(password, sizeof(password));
    sodium_memzero(random, sizeof(random));

    switch (st) {
    case EXPO_OK:
        return 0;
    case EXPO_INVALID:
        return admin_fail("A password has %d to %d bytes.", EXPO_PASSWORD_MIN,
                          EXPO_PASSWORD_MAX);
    case EXPO_CONFLICT:
        return admin_fail(user_is_there);
    default:
        return admin_fail("The account cannot be made: %s.",
                          expo_status_name(st));
    }
}


int
admin_user_invite(const admin_options_t *o)
{
    char secret[EXPO_ID_TEXT + 1];
    expo_status_t st;
    uint8_t hash[32];
    expo_store_t *s;
    expo_id_t id;

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    randombytes_buf(id.b, sizeof(id.b));
    expo_id_print(secret, &id);

    st = expo_account_secret_hash(hash, secret, EXPO_ID_TEXT);
    if (st == EXPO_OK) {
        st = expo_store_enrolment_add(s, hash,
                                      (uint64_t) time(NULL) + EXPO_ENROL_S);
    }
    expo_store_close(s);

    if (st == EXPO_OK) {
        puts(secret);
    }

    sodium_memzero(secret, sizeof(secret));
    sodium_memzero(&id, sizeof(id));

    return st == EXPO_OK ? 0 : admin_refused(st);
}


int
admin_token(const admin_options_t *o)
{
    char password[ADMIN_PASSWORD], sub[EXPO_ID_TEXT + 1];
    char pem[ADMIN_PEM_MAX], *text = NULL;
    uint8_t jti[16];
    expo_names_t names[EXPO_MASTERS];
    expo_status_t st, found;
    expo_account_row_t row;
    size_t pem_len, len, n;
    expo_store_t *s;

    if (o->name == NULL) {
        return admin_fail("Whose token? --name NAME.");
    }

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    if (admin_load_names(o, names, &n)) {
        expo_store_close(s);
        return 1;
    }

    found = admin_find_account(s, names, n, o->name, &row);
    sodium_memzero(names, sizeof(names));
    expo_store_close(s);

    if (admin_load_signing(o, pem, &pem_len) ||
        admin_read_password(password, &len)) {
        sodium_memzero(pem, sizeof(pem));
        return 1;
    }

    st = expo_account_check(found == EXPO_OK ? &row : NULL, password, len, sub);
    sodium_memzero(password, sizeof(password));

    if (st == EXPO_OK) {
        randombytes_buf(jti, sizeof(jti));
        st = expo_token_issue(pem, pem_len, o->issuer, o->audience, sub,
                              (uint64_t) time(NULL), (uint32_t) o->lifetime_s,
                              jti, &text);
    }

    sodium_memzero(pem, sizeof(pem));

    if (st != EXPO_OK) {
        return admin_fail(
            st == EXPO_DENIED
                ? "Name and password do not fit an active account."
                : "No token can be made: %s.",
            expo_status_name(st));
    }

    puts(text);
    sodium_memzero(text, strlen(text));
    free(text);

    return 0;
}


int
admin_read_password(char password[ADMIN_PASSWORD], size_t *len)
{
    struct termios shown, hidden;
    int terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    char *line;

    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t) ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fputs("Password: ", stderr);
    }

    /* Unbuffered: stdio's own buffer would keep a copy. */
    setvbuf(stdin, NULL, _IONBF, 0);
    line = fgets(password, ADMIN_PASSWORD, stdin);

    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }

    if (line == NULL) {
        return admin_fail("The password is expected on standard input.");
    }

    *len = strcspn(password, "\r\n");
    password[*len] = '\0';

    return 0;
}


/* Letters that are not mistaken for another when copied by hand. */
static void
make_password(char password[PASSWORD_CHARS + 1])
{
    static const char letters[] = "abcdefghijkmnopqrstuvwxyz2345678";

    _Static_assert(sizeof(letters) == 33, "5 bits a letter");

    for (int i = 0; i < PASSWORD_CHARS; i++) {
        password[i] = letters[randombytes_uniform(32)];
    }
    password[PASSWORD_CHARS] = '\0';
}
