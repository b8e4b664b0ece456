/*
 * exposure-admin user list|quota, erase: who is here, how much they may have,
 * and that they are gone.
 */

#include "tools/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "lib/account.h"

static uint32_t today(void);
static void print_day(char text[16], uint32_t day);
static int find_account(const admin_options_t *o, expo_store_t *s,
                        const char *name, expo_account_row_t *row);
static expo_status_t find_id(expo_store_t *s, const expo_id_t *id,
                             uint8_t tag[EXPO_TAG]);


int
admin_user_list(const admin_options_t *o)
{
    char id[EXPO_ID_TEXT + 1], day[16], quota[24];
    expo_person_t *list = NULL;
    expo_store_t *s;
    expo_status_t st;
    size_t n = 0;

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    st = expo_store_people(s, &list, &n);
    expo_store_close(s);

    if (st != EXPO_OK) {
        return admin_refused(st);
    }

    printf("%-26s  since       scans          used         quota\n", "user");

    for (size_t i = 0; i < n; i++) {
        expo_id_print(id, &list[i].id);
        print_day(day, list[i].created_day);
        snprintf(quota, sizeof(quota), "%llu",
                 (unsigned long long) list[i].quota_bytes);
        printf("%s  %s  %5llu  %12llu  %12s%s%s\n", id, day,
               (unsigned long long) list[i].scans,
               (unsigned long long) list[i].used_bytes,
               list[i].quota_bytes > 0 ? quota : "default",
               list[i].account ? "  account" : "",
               list[i].disabled ? "  disabled" : "");
    }
    free(list);

    return 0;
}


int
admin_user_quota(const admin_options_t *o)
{
    const char *text = o->words[1];
    unsigned long long bytes = 0;
    uint8_t tag[EXPO_TAG];
    expo_store_t *s;
    expo_status_t st;
    char *end = "";
    int rc;

    if (strcmp(text, "default") != 0) {
        errno = 0;
        bytes = strtoull(text, &end, 10);
        if (*end != '\0' || errno != 0 || bytes == 0 || text[0] == '-') {
            return admin_fail("A quota is a number of bytes, or default.");
        }
    }

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    rc = admin_find_user(o, s, o->words[0], tag);

    if (rc == 0) {
        st = expo_store_user_quota(s, tag, bytes);
        rc = st == EXPO_OK ? 0 : admin_refused(st);

    } else if (rc < 0) {
        rc = admin_fail("Nobody with that name or id has signed in here.");
    }

    expo_store_close(s);

    return rc;
}


int
admin_erase_user(const admin_options_t *o)
{
    expo_account_row_t row;
    uint8_t tag[EXPO_TAG];
    expo_lost_t *lost = NULL;
    expo_store_t *s;
    expo_status_t st;
    size_t n = 0;
    int rc;

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    rc = admin_find_user(o, s, o->words[0], tag);

    if (rc == 0) {
        st = expo_store_user_erase(s, tag, today(), &lost, &n);
        rc = st == EXPO_OK ? 0 : admin_refused(st);

    } else if (rc < 0 && find_account(o, s, o->words[0], &row) == 0) {
        /* Made, and never used. */
        st = expo_store_account_erase(s, row.name_tag);
        sodium_memzero(&row, sizeof(row));
        rc = st == EXPO_OK ? 0 : -1;
    }

    if (rc < 0) {
        rc = admin_fail("There is nobody with that name or id.");
    }

    expo_store_close(s);
    free(lost);

    return rc;
}


int
admin_erase_scan(const admin_options_t *o)
{
    expo_store_t *s;
    expo_status_t st;
    expo_id_t id;

    if (expo_id_parse(&id, o->words[0], strlen(o->words[0])) != EXPO_OK) {
        return admin_fail("A scan's id is %d letters and digits.",
                          EXPO_ID_TEXT);
    }

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    st = expo_store_scan_delete(s, &id, today());
    expo_store_close(s);

    if (st == EXPO_NOT_FOUND) {
        return admin_fail("There is no such scan.");
    }

    return st == EXPO_OK ? 0 : admin_refused(st);
}


/* Lines of "tag or id in hex, how often, day", as restore reads them. */
int
admin_erase_list(const admin_options_t *o)
{
    char hex[2 * EXPO_TAG + 1];
    expo_erasure_t *list = NULL;
    expo_store_t *s;
    expo_status_t st;
    size_t n = 0;

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    st = expo_store_erasures(s, &list, &n);
    expo_store_close(s);

    if (st != EXPO_OK) {
        return admin_refused(st);
    }

    for (size_t i = 0; i < n; i++) {
        sodium_bin2hex(hex, sizeof(hex), list[i].what, list[i].bytes);
        printf("%s %u %u\n", hex, list[i].times, list[i].day);
    }
    free(list);

    return fflush(stdout) == 0 ? 0 : admin_fail("The list cannot be written.");
}


int
admin_find_user(const admin_options_t *o, expo_store_t *s, const char *who,
                uint8_t tag[EXPO_TAG])
{
    expo_account_row_t row;
    expo_status_t st;
    expo_id_t id;
    int rc;

    if (expo_id_parse(&id, who, strlen(who)) == EXPO_OK) {
        st = find_id(s, &id, tag);
        if (st != EXPO_NOT_FOUND) {
            return st == EXPO_OK ? 0 : admin_refused(st);
        }
    }

    rc = find_account(o, s, who, &row);
    if (rc != 0) {
        return rc;
    }

    st = expo_store_user_of(s, row.sub_tag, tag);
    sodium_memzero(&row, sizeof(row));

    if (st == EXPO_NOT_FOUND) {
        return -1;
    }

    return st == EXPO_OK ? 0 : admin_refused(st);
}


static uint32_t
today(void)
{
    return (uint32_t) (time(NULL) / 86400);
}


static void
print_day(char text[16], uint32_t day)
{
    time_t t = (time_t) day * 86400;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(text, 16, "%Y-%m-%d", &tm);
}


/* 0, or 1 after admin_fail; -1: nobody's. */
static int
find_account(const admin_options_t *o, expo_store_t *s, const char *name,
             expo_account_row_t *row)
{
    expo_names_t names[EXPO_MASTERS];
    expo_status_t st;
    size_t n;

    if (admin_load_names(o, names, &n)) {
        return 1;
    }

    st = admin_find_account(s, names, n, name, row);
    sodium_memzero(names, sizeof(names));

    switch (st) {
    case EXPO_OK:
        return 0;
    case EXPO_NOT_FOUND:
        return -1;
    case EXPO_INVALID:
        return admin_fail("That is neither a name nor an id.");
    default:
        return admin_refused(st);
    }
}


static expo_status_t
find_id(expo_store_t *s, const expo_id_t *id, uint8_t tag[EXPO_TAG])
{
    expo_person_t *list;
    expo_status_t st;
    size_t n;

    st = expo_store_people(s, &list, &n);
    if (st != EXPO_OK) {
        return st;
    }

    st = EXPO_NOT_FOUND;

    for (size_t i = 0; i < n; i++) {
        if (memcmp(&list[i].id, id, sizeof(*id)) == 0) {
            memcpy(tag, list[i].tag, EXPO_TAG);
            st = EXPO_OK;
        }
    }
    free(list);

    return st;
}
