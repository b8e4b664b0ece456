/* A user under another tag, with all that was theirs. */

#include "t/unit/store.h"

static expo_user_t eve;


static void
begin_eve(void)
{
    begin();
    randombytes_buf(&eve, sizeof(eve));
    eve.quota_bytes = 0;
    eve.disabled = 0;
    eve.master_no = 2;
}

static void
grant(const expo_id_t *scan, const expo_user_t *to, expo_role_t role)
{
    uint8_t sealed[EXPO_SEALED_KEY] = {1};

    check(expo_store_run(
              s,
              "INSERT INTO scan_keys (scan_id, user_tag, role, epoch, sealed)"
              " VALUES (?, ?, ?, 1, ?)",
              "bbib", scan->b, sizeof(scan->b), to->tag, sizeof(to->tag),
              (int64_t) role, sealed, sizeof(sealed)) == EXPO_OK);
}

/* As the vault would: every box becomes another one. */
static void
seal_anew(expo_boxes_t *b)
{
    for (size_t i = 0; i < b->count; i++) {
        memset(b->boxes[i].sealed, 0xee, EXPO_SEALED_KEY);
    }
}

static expo_role_t
role_of(const expo_user_t *u, const expo_id_t *id)
{
    expo_scan_t scan;

    if (expo_store_scan(s, u->tag, id, 0, &scan) != EXPO_OK) {
        return 0;
    }
    expo_store_scan_free(&scan);

    return scan.role;
}

static void
all_that_is_theirs_goes_with_them(void)
{
    expo_id_t hers = fresh_id(), his = fresh_id(), begun = fresh_id();
    expo_upload_t u = {
        .id = begun, .epoch = 1, .length = 9, .expires = 1ull << 40};
    expo_configuration_t c = {.id = fresh_id(), .scan = his, .revision = 1};
    expo_account_row_t a, row;
    expo_blob_file_t f;
    expo_masters_t m;
    expo_boxes_t b;
    expo_user_t user;
    expo_scan_t scan;

    begin_eve();
    check(add(&ann, &hers, 10) == EXPO_OK && add(&bob, &his, 10) == EXPO_OK);
    grant(&his, &ann, EXPO_ROLE_VIEWER);
    f = blob_of(&begun, EXPO_BLOB_ORIGINAL, 100);
    check(expo_store_upload_add(s, ann.tag, &u, &f) == EXPO_OK);
    close(f.fd);
    check(expo_store_configuration_add(s, &c, ann.tag) == EXPO_OK);
    randombytes_buf(&a, sizeof(a));
    a.disabled = 0;
    a.master_no = 1;
    memcpy(a.sub_tag, ann.account, sizeof(a.sub_tag));
    check(expo_store_account_put(s, &a) == EXPO_OK);

    check(expo_store_run(s, "UPDATE meta SET master_no = 2", "") == EXPO_OK);
    check(expo_store_masters(s, &m) == EXPO_OK && m.master_no == 2 &&
          m.users == 2 && m.users_left == 2 && m.accounts_left == 1);

    check(expo_store_boxes(s, ann.tag, &b) == EXPO_OK && b.keys == 2 &&
          b.count == 3);
    seal_anew(&b);
    check(expo_store_user_move(s, ann.tag, &eve, 2, &b) == EXPO_OK);
    check(expo_store_user_move(s, ann.tag, &eve, 2, &b) == EXPO_CONFLICT);
    free(b.boxes);

    check(expo_store_user(s, ann.tag, &user) == EXPO_NOT_FOUND);
    check(expo_store_user(s, eve.tag, &user) == EXPO_OK &&
          user.quota_bytes == ann.quota_bytes && user.master_no == 2 &&
          memcmp(user.salt, eve.salt, 32) == 0);
    check(role_of(&eve, &hers) == EXPO_ROLE_OWNER &&
          role_of(&eve, &his) == EXPO_ROLE_VIEWER);
    check(expo_store_scan(s, eve.tag, &hers, 0, &scan) == EXPO_OK &&
          scan.sealed[0] == 0xee && scan.sealed[111] == 0xee);
    expo_store_scan_free(&scan);
    check(expo_store_upload(s, eve.tag, &begun, &u) == EXPO_OK &&
          u.sealed[0] == 0xee);
    expo_store_upload_free(&u);
    check(expo_store_account_by_sub(s, eve.account, &row) == EXPO_OK &&
          memcmp(row.name_tag, a.name_tag, 64) == 0);
    check(is_clean());

    check(expo_store_masters(s, &m) == EXPO_OK && m.users == 2 &&
          m.users_left == 1 && m.accounts == 1 && m.accounts_left == 1);
    end();
}

static void
two_who_turn_out_to_be_one_keep_the_stronger_role(void)
{
    expo_id_t hers = fresh_id(), his = fresh_id(), third = fresh_id();
    expo_user_t user;
    expo_boxes_t b;

    begin_eve();
    check(expo_store_user_add(s, &eve, 300) == EXPO_OK);
    check(add(&ann, &hers, 10) == EXPO_OK && add(&bob, &his, 10) == EXPO_OK &&
          add(&bob, &third, 10) == EXPO_OK);
    grant(&hers, &eve, EXPO_ROLE_VIEWER);
    grant(&his, &eve, EXPO_ROLE_EDITOR);
    grant(&his, &ann, EXPO_ROLE_VIEWER);
    grant(&third, &ann, EXPO_ROLE_EDITOR);
    grant(&third, &eve, EXPO_ROLE_EDITOR);

    check(expo_store_boxes(s, ann.tag, &b) == EXPO_OK && b.keys == 3);
    check(expo_store_user_move(s, ann.tag, &eve, 1, &b) == EXPO_OK);
    free(b.boxes);
    check(role_of(&eve, &hers) == EXPO_ROLE_OWNER);
    check(role_of(&eve, &his) == EXPO_ROLE_EDITOR);
    check(role_of(&eve, &third) == EXPO_ROLE_EDITOR);
    check(expo_store_user(s, eve.tag, &user) == EXPO_OK &&
          memcmp(user.salt, eve.salt, 32) == 0);
    check(is_clean());
    end();
}

static void
what_came_since_is_not_left_behind(void)
{
    expo_id_t first = fresh_id(), since = fresh_id();
    expo_user_t other;
    expo_boxes_t b;

    begin_eve();
    check(add(&ann, &first, 10) == EXPO_OK);
    check(expo_store_boxes(s, ann.tag, &b) == EXPO_OK);
    check(add(&ann, &since, 10) == EXPO_OK);
    check(expo_store_user_move(s, ann.tag, &eve, 2, &b) == EXPO_CONFLICT);
    free(b.boxes);
    check(role_of(&ann, &first) && role_of(&ann, &since) && is_clean());

    check(expo_store_boxes(s, ann.tag, &b) == EXPO_OK);
    check(expo_store_scan_delete(s, &since, 20001) == EXPO_OK);
    check(expo_store_user_move(s, ann.tag, &eve, 2, &b) == EXPO_CONFLICT);
    free(b.boxes);

    /* Their row was made meanwhile, with another salt. */
    check(expo_store_user_add(s, &eve, 300) == EXPO_OK);
    other = eve;
    other.salt[0] ^= 1;
    check(expo_store_boxes(s, ann.tag, &b) == EXPO_OK);
    check(expo_store_user_move(s, ann.tag, &other, 2, &b) == EXPO_CONFLICT);
    check(expo_store_user_move(s, ann.tag, &eve, 2, &b) == EXPO_OK);
    free(b.boxes);
    check(role_of(&eve, &first) == EXPO_ROLE_OWNER);
    end();
}

/* Whichever call fails, everything is under one tag. */
static void
a_move_is_whole_or_not_begun(void)
{
    expo_id_t a = fresh_id(), c = fresh_id();
    expo_status_t st = EXPO_IO;
    expo_boxes_t b;
    int failed = 0;

    count_database_writes(1);

    for (int at = 1; st != EXPO_OK && at < 200; at++) {
        begin_eve();
        check(add(&ann, &a, 10) == EXPO_OK && add(&ann, &c, 10) == EXPO_OK);
        check(expo_store_boxes(s, ann.tag, &b) == EXPO_OK);

        faults_arm(at, EIO);
        st = expo_store_user_move(s, ann.tag, &eve, 2, &b);
        failed += st != EXPO_OK;
        faults_arm(0, 0);
        free(b.boxes);

        open_again(0);
        check(is_clean());
        check((role_of(&ann, &a) && role_of(&ann, &c)) ||
              (role_of(&eve, &a) && role_of(&eve, &c)));
        end();
    }

    check(st == EXPO_OK && failed > 1);
    count_database_writes(0);
}

int
main(void)
{
    all_that_is_theirs_goes_with_them();
    two_who_turn_out_to_be_one_keep_the_stronger_role();
    what_came_since_is_not_left_behind();
    a_move_is_whole_or_not_begun();

    return done();
}
