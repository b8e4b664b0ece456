/* Accounts: what opens them, what the database can tell, and guessing. */

#include "lib/account.c"

#include "t/unit/check.h"

static const expo_names_t names = {.account_name = {1}, .account_sub = {2}};
static const expo_names_t other_names = {.account_name = {3}};
static uint8_t random_bytes[56];
static expo_account_row_t row;
static char sub[EXPO_ID_TEXT + 1];


static void
begin(void)
{
    for (int i = 0; i < 56; i++) {
        random_bytes[i] = (uint8_t) i;
    }

    check(expo_account_make(&row, "a long password", 15, random_bytes, sub) ==
          EXPO_OK);
    check(strlen(sub) == EXPO_ID_TEXT);
}

static void
names_are_folded_and_limited(void)
{
    uint8_t a[64], b[64];
    char longest[EXPO_NAME_MAX + 1];

    check(expo_account_name_tag(a, &names, "Ann.B-c_d+e@x.org", 17) == EXPO_OK);
    check(expo_account_name_tag(b, &names, "ann.b-c_d+e@x.org", 17) == EXPO_OK);
    check(memcmp(a, b, 64) == 0);
    check(expo_account_name_tag(b, &names, "ann.b-c_d+e@x.orh", 17) == EXPO_OK);
    check(memcmp(a, b, 64) != 0);
    check(expo_account_name_tag(b, &other_names, "ann.b-c_d+e@x.org", 17) ==
          EXPO_OK);
    check(memcmp(a, b, 64) != 0);

    memset(longest, 'x', sizeof(longest));
    check(expo_account_name_tag(a, &names, longest, EXPO_NAME_MAX) == EXPO_OK);
    check(expo_account_name_tag(a, &names, longest, EXPO_NAME_MAX + 1) ==
          EXPO_INVALID);
    check(expo_account_name_tag(a, &names, "", 0) == EXPO_INVALID);
    check(expo_account_name_tag(a, &names, "a b", 3) == EXPO_INVALID);
    check(expo_account_name_tag(a, &names, "a\0b", 3) == EXPO_INVALID);
    check(expo_account_name_tag(a, &names, "\xc3\xa9", 2) == EXPO_INVALID);
}

static void
only_the_password_opens_the_subject(void)
{
    char out[EXPO_ID_TEXT + 1] = "";
    expo_account_row_t changed;
    int opened = 0;

    check(expo_account_check(&row, "a long password", 15, out) == EXPO_OK);
    check(strcmp(out, sub) == 0);

    check(expo_account_check(&row, "a long passwore", 15, out) == EXPO_DENIED);
    check(expo_account_check(&row, "a long passwor", 14, out) == EXPO_DENIED);
    check(expo_account_check(&row, "", 0, out) == EXPO_DENIED);
    check(expo_account_check(NULL, "a long password", 15, out) == EXPO_DENIED);

    changed = row;
    changed.disabled = 1;
    check(expo_account_check(&changed, "a long password", 15, out) ==
          EXPO_DENIED);

    for (int i = 0; i < 80; i += 13) {
        changed = row;
        changed.password.sub_sealed[i] ^= 1;
        opened += expo_account_check(&changed, "a long password", 15, out) !=
                  EXPO_CORRUPT;
    }
    check(opened == 0);
}

static void
a_row_tells_neither_subject_nor_password(void)
{
    check(memmem(&row, sizeof(row), sub, 8) == NULL);
    check(memmem(&row, sizeof(row), random_bytes + 40, 8) == NULL);
    check(memmem(&row, sizeof(row), "password", 8) == NULL);
}

static void
a_recovery_code_opens_the_same_subject(void)
{
    char code[EXPO_CODE_TEXT + 1], out[EXPO_ID_TEXT + 1], other[64];
    expo_account_row_t r = row;
    uint8_t bytes[56];
    size_t n;

    memset(bytes, 0x5a, sizeof(bytes));
    check(expo_account_recover(&r, "", 0, out) == EXPO_DENIED);
    check(expo_account_recovery(&r, bytes, sub, code) == EXPO_OK);
    n = strlen(code);
    check(n == EXPO_CODE_TEXT && code[5] == '-' && code[23] == '-');

    check(expo_account_recover(&r, code, n, out) == EXPO_OK);
    check(strcmp(out, sub) == 0);
    check(expo_account_check(&r, "a long password", 15, out) == EXPO_OK);
    check(expo_account_check(&r, code, n, out) == EXPO_DENIED);

    for (size_t i = 0; i <= n; i++) {
        other[i] = (char) (code[i] >= 'a' ? code[i] - 'a' + 'A' : code[i]);
    }
    other[5] = ' ';
    check(expo_account_recover(&r, other, n, out) == EXPO_OK);
    other[6] = other[6] == 'A' ? 'B' : 'A';
    check(expo_account_recover(&r, other, n, out) == EXPO_DENIED);
    check(expo_account_recover(&r, code, n - 1, out) == EXPO_DENIED);
    snprintf(other, sizeof(other), "%sa", code);
    check(expo_account_recover(&r, other, n + 1, out) == EXPO_DENIED);
    check(expo_account_recover(NULL, code, n, out) == EXPO_DENIED);

    /* a new password, with the code's subject */
    check(expo_account_password(&r, "too short", 9, bytes, sub) ==
          EXPO_INVALID);
    check(expo_account_password(&r, "another password", 16, bytes, sub) ==
          EXPO_OK);
    check(expo_account_check(&r, "a long password", 15, out) == EXPO_DENIED);
    check(expo_account_check(&r, "another password", 16, out) == EXPO_OK &&
          strcmp(out, sub) == 0);

    r.disabled = 1;
    check(expo_account_recover(&r, code, n, out) == EXPO_DENIED);
    check(memmem(&r, sizeof(r), code, 5) == NULL);
}

static void
an_enrolment_is_known_by_its_secrets_hash(void)
{
    static const uint8_t zeros[32];
    uint8_t a[32], b[32];

    check(expo_account_secret_hash(a, "aaaaaaaaaaaaaaaaaaaaaaaaaa", 26) ==
          EXPO_OK);
    check(expo_account_secret_hash(b, "baaaaaaaaaaaaaaaaaaaaaaaaa", 26) ==
          EXPO_OK);
    check(memcmp(a, b, 32) != 0 && memcmp(a, zeros, 32) != 0);
    check(expo_account_secret_hash(b, "Aaaaaaaaaaaaaaaaaaaaaaaaaa", 26) ==
          EXPO_INVALID);
    check(expo_account_secret_hash(b, "", 0) == EXPO_INVALID);
}

static void
passwords_have_a_length(void)
{
    char longest[EXPO_PASSWORD_MAX + 1], out[EXPO_ID_TEXT + 1];
    expo_account_row_t r;

    memset(longest, 'x', sizeof(longest));
    check(expo_account_make(&r, "nine char", 9, random_bytes, out) ==
          EXPO_INVALID);
    check(expo_account_make(&r, longest, sizeof(longest), random_bytes, out) ==
          EXPO_INVALID);
    check(expo_account_make(&r, longest, EXPO_PASSWORD_MAX, random_bytes,
                            out) == EXPO_OK);
    check(expo_account_check(&r, longest, EXPO_PASSWORD_MAX, out) == EXPO_OK);
    check(expo_account_check(&r, longest, sizeof(longest), out) == EXPO_DENIED);
}

static void
a_subject_finds_its_account_again(void)
{
    uint8_t a[64], b[64];

    check(expo_account_sub_tag(a, &names, sub) == EXPO_OK);
    check(expo_account_name_tag(b, &names, sub, EXPO_ID_TEXT) == EXPO_OK);
    check(memcmp(a, b, 64) != 0);
    check(expo_account_sub_tag(b, &names, sub) == EXPO_OK);
    check(memcmp(a, b, 64) == 0);
}

static void
five_tries_a_minute_and_no_more(void)
{
    static expo_tries_t t;
    uint32_t retry = 0;
    int ok = 0;

    for (uint64_t i = 0; i < 5; i++) {
        ok += expo_account_try(&t, 7, 1000 + i, &retry) == EXPO_OK;
    }
    check(ok == 5);
    check(expo_account_try(&t, 7, 2000, &retry) == EXPO_FULL && retry == 59);
    check(expo_account_try(&t, 8, 2000, &retry) == EXPO_OK);
    check(expo_account_try(&t, 7, 60999, &retry) == EXPO_FULL && retry == 1);
    check(expo_account_try(&t, 7, 61000, &retry) == EXPO_OK);

    /* a clock that goes back frees nobody */
    check(expo_account_try(&t, 9, 90000, &retry) == EXPO_OK);
    for (int i = 0; i < 4; i++) {
        expo_account_try(&t, 9, 80000, &retry);
    }
    check(expo_account_try(&t, 9, 80000, &retry) == EXPO_FULL && retry == 60);
}

static void
a_right_one_is_taken_back(void)
{
    static expo_tries_t t;
    uint32_t retry;
    int refused = 0;

    for (int i = 0; i < 100; i++) {
        refused += expo_account_try(&t, 7, 1000, &retry) != EXPO_OK;
        expo_account_untry(&t, 7, 1000);
    }
    check(refused == 0);

    expo_account_untry(&t, 7, 1000);
    expo_account_untry(&t, 8, 1000);
    for (int i = 0; i < 6; i++) {
        refused += expo_account_try(&t, 7, 1000, &retry) != EXPO_OK;
    }
    check(refused == 1);
}

static void
a_flood_of_other_keys_frees_nobody(void)
{
    static expo_tries_t t;
    uint32_t retry;

    for (int i = 0; i < 5; i++) {
        expo_account_try(&t, 7, 1000, &retry);
    }

    for (uint64_t k = 1000; k < 50000; k++) {
        expo_account_try(&t, k, 1000, &retry);
    }
    check(expo_account_try(&t, 7, 2000, &retry) == EXPO_FULL);

    /* every place of a key used up by others: refused, not forgotten */
    memset(&t, 0, sizeof(t));
    for (uint64_t k = 0; k < TRIES_PROBE; k++) {
        for (int i = 0; i < 5; i++) {
            expo_account_try(&t, k, 1000, &retry);
        }
    }
    check(expo_account_try(&t, EXPO_TRIES_SLOTS, 1000, &retry) == EXPO_FULL);
    check(expo_account_try(&t, 0, 1000, &retry) == EXPO_FULL);
}

int
main(void)
{
    begin();
    names_are_folded_and_limited();
    only_the_password_opens_the_subject();
    a_row_tells_neither_subject_nor_password();
    a_recovery_code_opens_the_same_subject();
    an_enrolment_is_known_by_its_secrets_hash();
    passwords_have_a_length();
    a_subject_finds_its_account_again();
    five_tries_a_minute_and_no_more();
    a_right_one_is_taken_back();
    a_flood_of_other_keys_frees_nobody();

    return done();
}
