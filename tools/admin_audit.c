/* exposure-admin audit: the chain verified, exported, its end; lines of ours.
 */

#include "tools/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "lib/account.h"

#define AUDIT_BATCH 256 /* lines at once */

/* Called with each line in order; not 0: no more. */
typedef int (*line_pt)(void *data, const expo_audit_line_t *line);

typedef struct {
    expo_vault_t *vaults[EXPO_MASTERS];
    expo_keys_t *keys[EXPO_MASTERS]; /* oldest first: each goes on from there */
    size_t n, by;
    uint64_t before;        /* lines by retired ones, which nobody can judge */
    int whole;              /* lines since follow each other */
    expo_audit_end_t at;    /* as far as it is whole */
    expo_audit_end_t noted; /* seq 0: nothing was */
    int found;              /* what was noted */
    expo_status_t st;
} verify_t;

static expo_status_t with_lines(expo_store_t *s, uint64_t after, line_pt see,
                                void *data);
static int verify_line(void *data, const expo_audit_line_t *line);
static int verify_say(const verify_t *v);
static int export_line(void *data, const expo_audit_line_t *line);
static expo_status_t object_of(expo_id_t *object, const expo_names_t *names,
                               const char *who);


int
admin_audit_tail(const admin_options_t *o)
{
    char text[EXPO_AUDIT_END_TEXT];
    expo_audit_end_t end;
    expo_status_t st;
    expo_store_t *s;

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    st = expo_store_audit_end(s, &end);
    expo_store_close(s);

    if (st != EXPO_OK) {
        return admin_refused(st);
    }

    expo_audit_end_print(text, &end);
    puts(text);

    return 0;
}


int
admin_audit_verify(const admin_options_t *o)
{
    verify_t v = {.n = 0};
    expo_store_t *s;
    expo_status_t st;

    if (o->end != NULL && expo_audit_end_parse(&v.noted, o->end) != EXPO_OK) {
        return admin_fail("--end takes what `audit tail` has printed.");
    }

    v.found = v.noted.seq == 0;

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    if (admin_open_each(o, v.vaults, v.keys, &v.n)) {
        expo_store_close(s);
        return 1;
    }

    st = with_lines(s, 0, verify_line, &v);
    for (size_t i = 0; i < v.n; i++) {
        admin_close_keys(v.vaults[i], v.keys[i]);
    }
    expo_store_close(s);

    /* A line that cannot be read is not as it was written either. */
    v.st = v.st == EXPO_OK ? st : v.st;

    return verify_say(&v);
}


int
admin_audit_export(const admin_options_t *o)
{
    char *end = "";
    uint64_t after = 0;
    expo_status_t st;
    expo_store_t *s;

    if (o->after != NULL) {
        after = strtoull(o->after, &end, 10);
    }

    if (*end != '\0' || (o->after != NULL && *o->after == '-')) {
        return admin_fail("--after takes the seq of a line.");
    }

    s = admin_open_store(o);
    if (s == NULL) {
        return 1;
    }

    st = with_lines(s, after, export_line, NULL);
    expo_store_close(s);

    return st == EXPO_OK ? 0 : admin_refused(st);
}


int
admin_audit(const admin_options_t *o, expo_audit_verb_t verb, const char *who,
            expo_audit_outcome_t outcome)
{
    expo_audit_t r = {.verb = verb, .outcome = outcome};
    expo_vault_t *vault;
    expo_keys_t *keys;
    expo_store_t *s;
    expo_status_t st;

    if (admin_open_keys(o, &vault, &keys)) {
        return 1;
    }

    s = admin_open_store(o);
    if (s == NULL) {
        admin_close_keys(vault, keys);
        return 1;
    }

    r.at = (uint64_t) time(NULL);

    st = object_of(&r.object, &vault->secrets[0].names, who);
    if (st == EXPO_OK) {
        st = expo_store_audit_append(s, keys, &r);
    }

    admin_close_keys(vault, keys);
    expo_store_close(s);

    return st == EXPO_OK ? 0
                         : admin_fail("The audit takes no line, without which "
                                      "nothing is done: %s.",
                                      expo_status_name(st));
}


/* An id as it is; a name as the audit calls its account; else zeros. */
static expo_status_t
object_of(expo_id_t *object, const expo_names_t *names, const char *who)
{
    uint8_t tag[EXPO_TAG], actor[EXPO_AUDIT_ACTOR];
    expo_status_t st;

    if (who == NULL || expo_id_parse(object, who, strlen(who)) == EXPO_OK ||
        expo_account_name_tag(tag, names, who, strlen(who)) != EXPO_OK) {
        return EXPO_OK;
    }

    st = expo_audit_actor(actor, names, tag);
    if (st == EXPO_OK) {
        memcpy(object->b, actor, sizeof(object->b));
    }

    return st;
}


static expo_status_t
with_lines(expo_store_t *s, uint64_t after, line_pt see, void *data)
{
    expo_audit_line_t *lines;
    expo_status_t st = EXPO_OK;
    size_t n = 1;
    int stop = 0;

    lines = malloc(AUDIT_BATCH * sizeof(*lines));
    if (lines == NULL) {
        return EXPO_NO_MEMORY;
    }

    while (st == EXPO_OK && n > 0 && !stop) {
        st = expo_store_audit_after(s, after, lines, AUDIT_BATCH, &n);

        for (size_t i = 0; i < n && !stop; i++) {
            after = lines[i].record.seq;
            stop = see(data, &lines[i]);
        }
    }

    free(lines);

    return st;
}


static int
verify_line(void *data, const expo_audit_line_t *line)
{
    verify_t *v = data;

    v->st = expo_audit_follow(v->keys[v->by], &v->at, &line->record, line->mac);

    while (v->st == EXPO_CORRUPT && v->by + 1 < v->n) {
        v->by++;
        v->st =
            expo_audit_follow(v->keys[v->by], &v->at, &line->record, line->mac);
    }

    if (v->st == EXPO_CORRUPT && !v->whole && v->vaults[0]->master_no > 1 &&
        line->record.seq == v->at.seq + 1) {
        v->by = 0;
        v->before = v->at.seq = line->record.seq;
        memcpy(v->at.mac, line->mac, sizeof(v->at.mac));
        v->st = EXPO_OK;

    } else {
        v->whole = v->st == EXPO_OK;
    }

    if (v->st == EXPO_OK && v->at.seq == v->noted.seq) {
        v->found = memcmp(v->at.mac, v->noted.mac, sizeof(v->at.mac)) == 0;

        if (!v->found) {
            v->st = EXPO_CORRUPT;
            v->at.seq--;
        }
    }

    return v->st != EXPO_OK;
}


static int
verify_say(const verify_t *v)
{
    const char *lines = v->at.seq == 1 ? "line" : "lines";

    if (v->st != EXPO_OK && v->st != EXPO_CORRUPT) {
        return admin_fail("The audit cannot be read: %s.",
                          expo_status_name(v->st));
    }

    if (v->st != EXPO_OK) {
        return admin_fail("%" PRIu64 " %s, then line %" PRIu64
                          " is not as it was written, or not there.",
                          v->at.seq, lines, v->at.seq + 1);
    }

    if (!v->found) {
        return admin_fail("%" PRIu64 " %s, which ends before line %" PRIu64
                          ", which was noted.",
                          v->at.seq, lines, v->noted.seq);
    }

    if (v->by + 1 < v->n || (v->before > 0 && !v->whole)) {
        return admin_fail("%" PRIu64 " %s, of which none is by the newest "
                          "master secret.",
                          v->at.seq, lines);
    }

    printf("%" PRIu64 " %s, whole", v->at.seq, lines);
    if (v->before > 0) {
        printf(" from line %" PRIu64 " on", v->before + 1);
    }
    puts(".");

    return 0;
}


static int
export_line(void *data, const expo_audit_line_t *line)
{
    const expo_audit_t *r = &line->record;
    char actor[2 * EXPO_AUDIT_ACTOR + 1], mac[2 * EXPO_AUDIT_MAC + 1];
    char object[EXPO_ID_TEXT + 1], at[32];
    time_t seconds = (time_t) r->at;
    struct tm tm;

    (void) data;

    gmtime_r(&seconds, &tm);
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);

    sodium_bin2hex(actor, sizeof(actor), r->actor, sizeof(r->actor));
    sodium_bin2hex(mac, sizeof(mac), line->mac, sizeof(line->mac));
    expo_id_print(object, &r->object);

    return printf("{\"seq\":%" PRIu64 ",\"at\":\"%s\",\"actor\":\"%s\","
                  "\"verb\":\"%s\",\"object\":\"%s\",\"outcome\":\"%s\","
                  "\"mac\":\"%s\"}\n",
                  r->seq, at, actor, expo_audit_verb_text(r->verb), object,
                  expo_audit_outcome_text(r->outcome), mac) < 0;
}
