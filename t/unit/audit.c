/* The audit: a chain that shows what was changed, and how it grows. */

#include "lib/keys.h"

/* The vault, for the time of a test: what it is asked, and what it answers. */
static expo_status_t vault_audit(expo_keys_t *k, const uint8_t previous[32],
                                 const uint8_t *record, size_t len,
                                 uint8_t mac[32]);
#define expo_keys_audit vault_audit

#include "lib/audit.c"
#include "lib/store_audit.c"

#include "t/unit/store.h"

#include <sys/wait.h>

#define LINES 8

static expo_status_t vault_says = EXPO_OK;
static int vault_asked;
static void (*vault_meanwhile)(void);

static expo_status_t
vault_audit(expo_keys_t *k, const uint8_t previous[32], const uint8_t *record,
            size_t len, uint8_t mac[32])
{
    static const uint8_t key[32] = "the audit's key";
    crypto_auth_hmacsha256_state state;
    void (*meanwhile)(void) = vault_meanwhile;

    (void) k;
    vault_asked++;

    vault_meanwhile = NULL;
    if (meanwhile != NULL) {
        meanwhile();
    }

    crypto_auth_hmacsha256_init(&state, key, sizeof(key));
    crypto_auth_hmacsha256_update(&state, previous, 32);
    crypto_auth_hmacsha256_update(&state, record, len);
    crypto_auth_hmacsha256_final(&state, mac);

    return vault_says;
}

static expo_audit_t
line_of(expo_audit_verb_t verb, uint8_t actor, uint8_t object)
{
    expo_audit_t r = {.at = 1700000000u + verb,
                      .verb = verb,
                      .outcome = EXPO_AUDIT_PERMITTED};

    memset(r.actor, actor, sizeof(r.actor));
    memset(r.object.b, object, sizeof(r.object.b));

    return r;
}

static void
append(expo_audit_verb_t verb, uint8_t actor, uint8_t object)
{
    expo_audit_t r = line_of(verb, actor, object);

    check(expo_store_audit_append(s, NULL, &r) == EXPO_OK);
}

static void
append_some(void)
{
    for (uint8_t i = 0; i < LINES; i++) {
        append(EXPO_AUDIT_SCAN_ADD + i % 3, 0xa0 | (i & 1), 0xb0 | i / 4);
    }
}

/* How many lines from the first verify; -1: all, and they end at `last`. */
static int
follow_all(const expo_audit_end_t *last)
{
    expo_audit_end_t at = {0};
    expo_audit_line_t lines[3];
    expo_status_t st;
    size_t n;

    do {
        st = expo_store_audit_after(s, at.seq, lines, 3, &n);

        for (size_t i = 0; i < n; i++) {
            if (expo_audit_follow(NULL, &at, &lines[i].record, lines[i].mac) !=
                EXPO_OK) {
                return (int) at.seq;
            }
        }
    } while (st == EXPO_OK && n > 0);

    if (st != EXPO_OK) {
        return (int) at.seq;
    }

    return memcmp(&at, last, sizeof(at)) == 0 ? -1 : (int) at.seq;
}

static void
damage(const char *sql)
{
    check(sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static void
a_record_is_the_bytes_that_the_header_says(void)
{
    expo_audit_t r = line_of(EXPO_AUDIT_SCAN_VIEW, 0xaa, 0xbb);
    uint8_t b[EXPO_AUDIT_RECORD], right[EXPO_AUDIT_RECORD];

    r.seq = 0x0102030405060708u;
    r.at = 0x1112131415161718u;
    r.outcome = EXPO_AUDIT_REFUSED;

    memcpy(right,
           "\x01\x0e\x02\x00\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14"
           "\x15\x16\x17\x18",
           20);
    memset(right + 20, 0xaa, 32);
    memset(right + 52, 0xbb, 16);

    expo_audit_encode(b, &r);
    check(memcmp(b, right, sizeof(right)) == 0);
}

static void
an_actor_says_nothing_of_the_tag_without_the_key(void)
{
    expo_names_t names = {.actor = {0}};
    uint8_t tag[EXPO_TAG] = {1}, a[EXPO_AUDIT_ACTOR], b[EXPO_AUDIT_ACTOR];

    check(expo_audit_actor(a, &names, tag) == EXPO_OK);
    check(expo_audit_actor(b, &names, tag) == EXPO_OK);
    check(memcmp(a, b, sizeof(a)) == 0);

    names.actor[0] ^= 1;
    check(expo_audit_actor(b, &names, tag) == EXPO_OK);
    check(memcmp(a, b, sizeof(a)) != 0);

    names.actor[0] ^= 1;
    tag[63] ^= 1;
    check(expo_audit_actor(b, &names, tag) == EXPO_OK);
    check(memcmp(a, b, sizeof(a)) != 0);
}

static void
lines_follow_one_another(void)
{
    expo_audit_end_t last, parsed;
    char text[EXPO_AUDIT_END_TEXT];

    begin();
    check(expo_store_audit_end(s, &last) == EXPO_OK && last.seq == 0);
    check(follow_all(&last) == -1);

    append_some();
    check(expo_store_audit_end(s, &last) == EXPO_OK && last.seq == LINES);
    check(follow_all(&last) == -1);

    expo_audit_end_print(text, &last);
    check(expo_audit_end_parse(&parsed, text) == EXPO_OK);
    check(memcmp(&parsed, &last, sizeof(last)) == 0);
    end();
}

static void
a_changed_line_is_found_wherever_it_is(void)
{
    static const char *const changes[] = {
        "UPDATE audit SET at = at + 1 WHERE seq = %d",
        "UPDATE audit SET actor = zeroblob(32) WHERE seq = %d",
        "UPDATE audit SET verb = verb + 1 WHERE seq = %d",
        "UPDATE audit SET verb = verb + 256 WHERE seq = %d",
        "UPDATE audit SET object = zeroblob(16) WHERE seq = %d",
        "UPDATE audit SET outcome = 2 WHERE seq = %d",
        "UPDATE audit SET outcome = outcome - 256 WHERE seq = %d",
        "UPDATE audit SET mac = zeroblob(32) WHERE seq = %d",
        "UPDATE audit SET mac = x'00' WHERE seq = %d",
        "DELETE FROM audit WHERE seq = %d",
        /* moved to the end */
        "UPDATE audit SET seq = 100 WHERE seq = %d"};
    expo_audit_end_t last;
    char sql[128];

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        for (int seq = 1; seq <= LINES; seq++) {
            begin();
            append_some();
            check(expo_store_audit_end(s, &last) == EXPO_OK);

            snprintf(sql, sizeof(sql), changes[i], seq);
            damage(sql);
            if (follow_all(&last) != seq - 1) {
                printf("# %s\n", sql);
                check(!"it is found");
            }
            end();
        }
    }
}

static void
lines_that_change_places_are_found(void)
{
    expo_audit_end_t last;

    begin();
    append_some();
    check(expo_store_audit_end(s, &last) == EXPO_OK);

    damage("UPDATE audit SET seq = 99 WHERE seq = 3;"
           "UPDATE audit SET seq = 3 WHERE seq = 4;"
           "UPDATE audit SET seq = 4 WHERE seq = 99");
    check(follow_all(&last) == 2);
    end();
}

static void
lines_cut_off_the_end_are_found_by_who_noted_it(void)
{
    expo_audit_end_t last, shorter;

    begin();
    append_some();
    check(expo_store_audit_end(s, &last) == EXPO_OK);

    damage("DELETE FROM audit WHERE seq > 5");
    check(follow_all(&last) == 5);

    /* without the note nothing is wrong with what is left */
    check(expo_store_audit_end(s, &shorter) == EXPO_OK);
    check(follow_all(&shorter) == -1);
    end();
}

static void
somebody_is_first(void)
{
    append(EXPO_AUDIT_SHARE_INVITE, 0xc1, 0xc2);
}

/* As another process would, which this one's mutex does not hold back. */
static void
another_process_is_first(void)
{
    sqlite3_mutex_leave(s->audit);
    somebody_is_first();
    sqlite3_mutex_enter(s->audit);
}

static void
who_was_not_first_asks_again(void)
{
    expo_audit_end_t last;

    begin();
    append(EXPO_AUDIT_SCAN_ADD, 1, 2);

    vault_meanwhile = another_process_is_first;
    vault_asked = 0;
    append(EXPO_AUDIT_SCAN_CHANGE, 1, 2);

    check(vault_asked == 3);
    check(expo_store_audit_end(s, &last) == EXPO_OK && last.seq == 3);
    check(follow_all(&last) == -1);
    end();
}

static void
without_the_vault_nothing_is_written(void)
{
    expo_audit_t r = line_of(EXPO_AUDIT_SCAN_DELETE, 1, 2);
    expo_audit_end_t last;

    begin();
    vault_says = EXPO_AGAIN;
    check(expo_store_audit_append(s, NULL, &r) == EXPO_AGAIN);
    vault_says = EXPO_OK;

    check(expo_store_audit_end(s, &last) == EXPO_OK && last.seq == 0);
    end();
}

static void
processes_append_to_one_chain(void)
{
    enum { PROCESSES = 4, EACH = 20 };
    expo_audit_end_t last;
    int status, good = 0;

    begin();

    for (int p = 0; p < PROCESSES; p++) {
        fflush(stdout);
        if (fork() == 0) {
            expo_audit_t r = line_of(EXPO_AUDIT_SCAN_VIEW, (uint8_t) p, 7);
            expo_store_t *own;

            if (expo_store_open(dir, 0, &own, error, sizeof(error))) {
                _exit(1);
            }
            for (int i = 0; i < EACH; i++) {
                if (expo_store_audit_append(own, NULL, &r) != EXPO_OK) {
                    _exit(1);
                }
            }
            _exit(0);
        }
    }
    for (int p = 0; p < PROCESSES; p++) {
        good += wait(&status) > 0 && status == 0;
    }

    check(good == PROCESSES);
    check(expo_store_audit_end(s, &last) == EXPO_OK);
    check(last.seq == PROCESSES * EACH);
    check(follow_all(&last) == -1);
    end();
}

static void
lines_are_found_by_object_and_by_actor_newest_first(void)
{
    expo_audit_line_t *lines;
    expo_audit_t like;
    expo_id_t object;
    uint8_t actor[EXPO_AUDIT_ACTOR];
    uint64_t at;
    size_t n;

    begin();
    append_some();

    memset(object.b, 0xb1, sizeof(object.b));
    check(expo_store_audit_of(s, &object, NULL, &lines, &n) == EXPO_OK);
    check(n == 4 && lines[0].record.seq == 8 && lines[3].record.seq == 5);
    free(lines);

    memset(actor, 0xa1, sizeof(actor));
    check(expo_store_audit_of(s, NULL, actor, &lines, &n) == EXPO_OK);
    check(n == 4 && lines[0].record.seq == 8 && lines[3].record.seq == 2);
    free(lines);

    memset(actor, 0xee, sizeof(actor));
    check(expo_store_audit_of(s, NULL, actor, &lines, &n) == EXPO_OK && n == 0);
    free(lines);

    like = line_of(EXPO_AUDIT_SCAN_CHANGE, 0xa1, 0xb0);
    check(expo_store_audit_latest(s, &like, &at) == EXPO_OK && at == like.at);
    like.outcome = EXPO_AUDIT_FAILED;
    check(expo_store_audit_latest(s, &like, &at) == EXPO_NOT_FOUND);
    end();
}

static void
an_end_that_is_not_one_is_not_read(void)
{
    static const char *const texts[] = {
        "",
        "1",
        "1:",
        ":00",
        "-1:",
        "1:00",
        "x:",
        "1 :",
        "1:zz00000000000000000000000000000000000000000000000000000000000000"};
    expo_audit_end_t last;
    char text[128];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check(expo_audit_end_parse(&last, texts[i]) == EXPO_INVALID);
    }

    snprintf(text, sizeof(text), "7:%064d", 0);
    check(expo_audit_end_parse(&last, text) == EXPO_OK && last.seq == 7);
    strcat(text, "0");
    check(expo_audit_end_parse(&last, text) == EXPO_INVALID);
}

static void
every_verb_has_a_text_of_its_own(void)
{
    int known = 0;

    for (int a = 0; a < 256; a++) {
        const char *text = expo_audit_verb_text((expo_audit_verb_t) a);

        if (strcmp(text, "unknown") == 0) {
            continue;
        }
        known++;
        for (int b = 0; b < a; b++) {
            check(strcmp(text, expo_audit_verb_text((expo_audit_verb_t) b)));
        }
    }

    check(known == 24);
}

int
main(void)
{
    a_record_is_the_bytes_that_the_header_says();
    an_actor_says_nothing_of_the_tag_without_the_key();
    lines_follow_one_another();
    a_changed_line_is_found_wherever_it_is();
    lines_that_change_places_are_found();
    lines_cut_off_the_end_are_found_by_who_noted_it();
    who_was_not_first_asks_again();
    without_the_vault_nothing_is_written();
    processes_append_to_one_chain();
    lines_are_found_by_object_and_by_actor_newest_first();
    an_end_that_is_not_one_is_not_read();
    every_verb_has_a_text_of_its_own();

    return done();
}
