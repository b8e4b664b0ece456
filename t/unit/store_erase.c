/* What an erased person leaves behind: nothing that opens. */

#include "t/unit/store.h"

#define DAY 20001


/* How often these bytes are in a file of the data folder. */
static int
found_in(const char *name, const void *bytes, size_t len)
{
    char path[128];
    uint8_t *b;
    struct stat sb;
    int n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");
    if (f == NULL || fstat(fileno(f), &sb) < 0 || sb.st_size == 0) {
        return 0;
    }

    b = malloc((size_t) sb.st_size);
    check(fread(b, 1, (size_t) sb.st_size, f) == (size_t) sb.st_size);
    for (uint8_t *p = b;
         (p = memmem(p, (size_t) (b + sb.st_size - p), bytes, len)) != NULL;
         p++) {
        n++;
    }
    free(b);
    fclose(f);

    return n;
}

/* In the database with its free pages, and in its log. */
static int
found(const void *bytes, size_t len)
{
    return found_in("store.db", bytes, len) +
           found_in("store.db-wal", bytes, len);
}

static expo_status_t
share(const expo_id_t *scan, const expo_user_t *with, const uint8_t *sealed)
{
    return expo_store_run(
        s,
        "INSERT INTO scan_keys (scan_id, user_tag, role, epoch, sealed)"
        " VALUES (?, ?, 3, 1, ?)",
        "bbb", scan->b, sizeof(scan->b), with->tag, sizeof(with->tag), sealed,
        (size_t) EXPO_SEALED_KEY);
}

static void
an_erased_user_leaves_neither_salt_nor_key_nor_file(void)
{
    uint8_t to_bob[EXPO_SEALED_KEY], to_ann[EXPO_SEALED_KEY], gone[64] = {0};
    expo_id_t hers = fresh_id(), his = fresh_id(), begun = fresh_id();
    expo_blob_file_t f;
    expo_upload_t u = {
        .id = begun, .epoch = 1, .length = 9, .expires = 1ull << 40};
    expo_configuration_t c = {.id = fresh_id(), .scan = his, .revision = 1};
    expo_account_row_t a, row;
    expo_lost_t *lost;
    expo_user_t user;
    sqlite3_stmt *q;
    size_t count;

    begin();
    randombytes_buf(to_bob, sizeof(to_bob));
    randombytes_buf(to_ann, sizeof(to_ann));
    randombytes_buf(u.sealed, sizeof(u.sealed));
    randombytes_buf(&a, sizeof(a));
    memcpy(a.sub_tag, ann.account, sizeof(a.sub_tag));
    a.disabled = 0;
    a.master_no = 1;

    check(add(&ann, &hers, 1000) == EXPO_OK && ready(&hers) == EXPO_OK);
    check(add(&bob, &his, 1000) == EXPO_OK);
    check(share(&hers, &bob, to_bob) == EXPO_OK);
    check(share(&his, &ann, to_ann) == EXPO_OK);
    f = blob_of(&begun, EXPO_BLOB_ORIGINAL, 100);
    check(expo_store_upload_add(s, ann.tag, &u, &f) == EXPO_OK);
    close(f.fd);
    check(expo_store_configuration_add(s, &c, ann.tag) == EXPO_OK);
    check(expo_store_account_put(s, &a) == EXPO_OK);
    check(found(ann.salt, 32) > 0 && found(to_bob, 112) > 0 && files() == 4);
    check(expo_store_user_of(s, ann.account, user.tag) == EXPO_OK &&
          memcmp(user.tag, ann.tag, sizeof(user.tag)) == 0);

    check(expo_store_user_erase(s, ann.tag, DAY, &lost, &count) == EXPO_OK);
    check(count == 2);
    for (size_t i = 0; i < count; i++) {
        check(memcmp(&lost[i].scan,
                     lost[i].role == EXPO_ROLE_OWNER ? &hers : &his,
                     sizeof(hers)) == 0);
    }
    free(lost);

    check(found(ann.salt, 32) == 0 && found(ann.pk, 32) == 0);
    check(found(hers.b, 16) == 1); /* the list of what was erased */
    check(found(to_bob, 112) == 0 && found(to_ann, 112) == 0);
    check(found(u.sealed, 112) == 0 && found(a.password.sub_sealed, 80) == 0);
    check(files() == 1 && is_clean());
    check(expo_store_account(s, a.name_tag, &row) == EXPO_NOT_FOUND);
    check(state(&bob, &his) == EXPO_SCAN_IMPORTING && !state(&bob, &hers));

    check(expo_store_query(s, &q, "SELECT author_tag FROM configurations",
                           "") == EXPO_OK &&
          expo_store_row(s, q) == EXPO_OK &&
          memcmp(sqlite3_column_blob(q, 0), gone, sizeof(gone)) == 0);
    sqlite3_finalize(q);

    check(expo_store_user_erase(s, ann.tag, DAY, &lost, &count) ==
          EXPO_NOT_FOUND);
    check(lost == NULL && count == 0);
    end();
}

/*
 * Pages are split and refilled as tables grow: no old copy of a row may lie in
 * what a page does not use.
 */
static void
nothing_is_left_in_pages_that_were_moved_about(void)
{
    enum { USERS = 400 };
    static expo_user_t users[USERS];
    uint8_t sealed[EXPO_SEALED_KEY];
    expo_lost_t *lost;
    size_t count;
    int left = 0, before = 0;

    begin();
    for (int i = 0; i < USERS; i++) {
        expo_id_t id = fresh_id();

        randombytes_buf(&users[i], sizeof(users[i]));
        users[i].quota_bytes = 1 << 20;
        users[i].master_no = 1;
        if (expo_store_user_add(s, &users[i], 100) != EXPO_OK ||
            add(&users[i], &id, 10) != EXPO_OK) {
            check(!"a user with a scan is added");
        }
        randombytes_buf(sealed, sizeof(sealed));
        share(&id, i % 2 ? &ann : &bob, sealed);
    }

    for (int i = 0; i < USERS; i += 2) {
        before += found(users[i].salt, 32) > 0;
        if (expo_store_user_erase(s, users[i].tag, DAY, &lost, &count) !=
            EXPO_OK) {
            check(!"a user is erased");
        }
        free(lost);
    }

    for (int i = 0; i < USERS; i += 2) {
        left += found(users[i].salt, 32);
    }
    printf("# of %d salts %d are left\n", USERS / 2, left);
    check(before == USERS / 2 && left == 0);
    check(is_clean());
    end();
}

static void
who_was_erased_comes_back_another_day(void)
{
    expo_lost_t *lost;
    expo_erasure_t *list;
    size_t count;
    uint32_t removed;

    begin();
    check(expo_store_user_erase(s, ann.tag, DAY, &lost, &count) == EXPO_OK);
    free(lost);
    check(expo_store_user_add(s, &ann, DAY) == EXPO_DENIED);
    check(expo_store_user_add(s, &ann, DAY + 1) == EXPO_OK);
    check(expo_store_user_erase(s, ann.tag, DAY + 1, &lost, &count) == EXPO_OK);
    free(lost);

    check(expo_store_erasures(s, &list, &count) == EXPO_OK && count == 1);
    check(list[0].times == 2 && list[0].day == DAY + 1 &&
          list[0].bytes == EXPO_TAG &&
          memcmp(list[0].what, ann.tag, EXPO_TAG) == 0);
    free(list);

    check(expo_store_reap(s, (DAY + 1 + EXPO_BACKUP_DAYS) * 86400ull,
                          &removed) == EXPO_OK);
    check(expo_store_erasures(s, &list, &count) == EXPO_OK && count == 1);
    free(list);
    check(expo_store_reap(s, (DAY + 2 + EXPO_BACKUP_DAYS) * 86400ull,
                          &removed) == EXPO_OK);
    check(expo_store_erasures(s, &list, &count) == EXPO_OK && count == 0);
    free(list);
    end();
}

/* As a backup of before it would: the same store, the list from outside. */
static void
a_list_from_elsewhere_is_replayed_once(void)
{
    expo_erasure_t list[3] = {
        {.bytes = EXPO_TAG, .times = 1, .day = DAY},
        {.bytes = 16, .times = 1, .day = DAY},
        {.what = {9}, .bytes = EXPO_TAG, .times = 1, .day = DAY}};
    expo_id_t hers = fresh_id(), his = fresh_id(), stays = fresh_id();
    expo_user_t user;
    uint32_t again;

    begin();
    check(add(&ann, &hers, 10) == EXPO_OK && add(&bob, &his, 10) == EXPO_OK &&
          add(&bob, &stays, 10) == EXPO_OK);
    memcpy(list[0].what, ann.tag, EXPO_TAG);
    memcpy(list[1].what, his.b, sizeof(his.b));

    check(expo_store_erase_again(s, list, 3, &again) == EXPO_OK && again == 3);
    check(expo_store_user(s, ann.tag, &user) == EXPO_NOT_FOUND);
    check(!state(&bob, &his) && state(&bob, &stays) && files() == 1);
    check(is_clean());

    /* She came back since, which is none of the list's business. */
    check(expo_store_user_add(s, &ann, DAY + 1) == EXPO_OK);
    check(expo_store_erase_again(s, list, 3, &again) == EXPO_OK && again == 0);
    check(expo_store_user(s, ann.tag, &user) == EXPO_OK);

    list[0].times = 2;
    check(expo_store_erase_again(s, list, 3, &again) == EXPO_OK && again == 1);
    check(expo_store_user(s, ann.tag, &user) == EXPO_NOT_FOUND);
    end();
}

/* Dies at any call: all of it is there or nothing opens, and it can go on. */
static void
an_erasure_that_breaks_off_is_whole_or_not_begun(void)
{
    expo_id_t a = fresh_id(), b = fresh_id();
    expo_lost_t *lost;
    expo_user_t user;
    expo_status_t st = EXPO_IO, there;
    uint32_t removed;
    size_t count;
    int broken = 0;

    count_database_writes(1);

    for (int at = 1; st != EXPO_OK && at < 200; at++) {
        begin();
        check(add(&ann, &a, 10) == EXPO_OK && add(&ann, &b, 10) == EXPO_OK);

        faults_arm(at, EIO);
        st = expo_store_user_erase(s, ann.tag, DAY, &lost, &count);
        broken += faults_seen >= at;
        if (st == EXPO_OK && faults_seen >= at) {
            st = EXPO_AGAIN; /* what failed is done by the reaper */
        }
        faults_arm(0, 0);
        free(lost);

        open_again(0);
        check(expo_store_reap(s, DAY * 86400ull, &removed) == EXPO_OK);
        check(is_clean());
        there = expo_store_user(s, ann.tag, &user);
        if (there == EXPO_OK) {
            check(state(&ann, &a) && state(&ann, &b) && files() == 2);
        } else {
            check(files() == 0 && found(ann.salt, 32) == 0);
        }
        end();
    }

    check(st == EXPO_OK && broken > 5);
    count_database_writes(0);
}

int
main(void)
{
    an_erased_user_leaves_neither_salt_nor_key_nor_file();
    nothing_is_left_in_pages_that_were_moved_about();
    who_was_erased_comes_back_another_day();
    a_list_from_elsewhere_is_replayed_once();
    an_erasure_that_breaks_off_is_whole_or_not_begun();

    return done();
}
