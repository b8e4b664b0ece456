#include "lib/fanout.c"
#include "t/unit/check.h"

#include <string.h>


/* A frame whose record is `bytes` long, captured at `ms`. */
static expo_fanout_frame_t *
make(uint32_t sequence, int key, size_t bytes, unsigned ms)
{
    expo_frame_t head = {.codec = EXPO_CODEC_MPEG1TS,
                         .flags = key ? EXPO_FRAME_KEY : 0,
                         .sequence = sequence,
                         .time_us = 1000ull * ms,
                         .bytes = (uint32_t) (bytes - EXPO_FRAME_HEADER)};
    expo_fanout_frame_t *f;
    uint8_t *record;

    f = expo_fanout_frame_create(bytes, &record);
    memset(record, (int) sequence, bytes);
    expo_frame_write(record, &head);
    if (expo_fanout_frame_finish(f, bytes) != EXPO_OK) {
        expo_fanout_frame_release(f);
        return NULL;
    }

    return f;
}


/* Links a frame that nobody else holds. */
static expo_status_t
put(expo_fanout_queue_t *q, uint32_t sequence, int key, size_t bytes,
    unsigned ms)
{
    expo_fanout_frame_t *f = make(sequence, key, bytes, ms);
    expo_status_t st = expo_fanout_link(q, f);

    expo_fanout_frame_release(f);
    return st;
}


/* Takes the whole first frame; its sequence number, 0 when there is none. */
static uint32_t
take(expo_fanout_queue_t *q)
{
    uint32_t sequence;
    size_t len;

    if (expo_fanout_next(q, &len) == NULL) {
        return 0;
    }

    sequence = q->frames[q->first]->sequence;
    expo_fanout_sent(q, len);
    return sequence;
}


static void
a_frame_lies_behind_its_websocket_header(void)
{
    expo_fanout_frame_t *f;
    uint8_t *record;

    f = make(1, 1, 100, 0);
    check(f->end - f->start == 102);
    check(memcmp(f->data + f->start, "\x82\x64\x01\x01\x01\x00", 6) == 0);
    check(f->key && f->sequence == 1);
    expo_fanout_frame_release(f);

    f = make(2, 0, 70000, 5);
    check(f->end - f->start == 70010 && !f->key && f->time_us == 5000);
    check(memcmp(f->data + f->start, "\x82\x7f\0\0\0\0\0\x01\x11\x70\x01",
                 11) == 0);
    expo_fanout_frame_release(f);

    f = expo_fanout_frame_create(40, &record);
    memset(record, 0xff, 40);
    check(expo_fanout_frame_finish(f, 40) == EXPO_INVALID);
    expo_fanout_frame_release(f);
    check(make(0, 1, 100, 0) == NULL);
}


static void
a_viewer_begins_with_a_keyframe(void)
{
    expo_fanout_queue_t q = {0};
    size_t len;

    check(expo_fanout_next(&q, &len) == NULL);
    check(put(&q, 7, 0, 100, 0) == EXPO_AGAIN);
    check(put(&q, 8, 0, 100, 0) == EXPO_AGAIN);
    check(put(&q, 9, 1, 100, 0) == EXPO_OK);
    check(put(&q, 10, 0, 100, 0) == EXPO_OK);
    check(take(&q) == 9 && take(&q) == 10 && take(&q) == 0);
    check(q.skipped == 2 && q.bytes == 0);
}


static void
a_lost_frame_is_followed_by_a_keyframe(void)
{
    expo_fanout_queue_t q = {0};

    check(put(&q, 1, 1, 100, 0) == EXPO_OK);
    check(put(&q, 3, 0, 100, 0) == EXPO_AGAIN);
    check(put(&q, 4, 0, 100, 0) == EXPO_AGAIN);
    check(put(&q, 5, 1, 100, 0) == EXPO_OK);
    check(take(&q) == 1 && take(&q) == 5 && take(&q) == 0);

    q.sequence = UINT32_MAX;
    check(put(&q, 1, 0, 100, 0) == EXPO_OK); /* numbers wrap past 0 */
    expo_fanout_clear(&q);
}


static void
a_frame_is_sent_in_any_number_of_pieces(void)
{
    expo_fanout_queue_t q = {0};
    const uint8_t *p;
    size_t len;
    int i;

    put(&q, 1, 1, 100, 0);
    for (i = 0; i < 102; i++) {
        p = expo_fanout_next(&q, &len);
        if (len != 102u - (unsigned) i || !expo_fanout_is_inside(&q) ||
            p != q.frames[q.first]->data + q.frames[q.first]->start + i) {
            break;
        }
        expo_fanout_sent(&q, 1);
    }

    check(i == 102);
    check(expo_fanout_next(&q, &len) == NULL && !expo_fanout_is_inside(&q));
}


static void
a_full_queue_is_emptied_but_for_the_frame_under_way(void)
{
    expo_fanout_queue_t q = {0};
    uint32_t i;
    size_t len;

    put(&q, 1, 1, 100, 0);
    expo_fanout_next(&q, &len);
    expo_fanout_sent(&q, 50);
    for (i = 2; i <= EXPO_FANOUT_FRAMES + 1; i++) {
        if (put(&q, i, 0, 100, i) != EXPO_OK) {
            break;
        }
    }
    check(i == EXPO_FANOUT_FRAMES + 2);
    check(q.count == EXPO_FANOUT_FRAMES + 1);

    check(put(&q, i, 0, 100, i) == EXPO_AGAIN);
    check(q.count == 1 && q.bytes == 102 && expo_fanout_is_inside(&q));
    check(put(&q, i + 1, 0, 100, i) == EXPO_AGAIN);
    check(put(&q, i + 2, 1, 100, i) == EXPO_OK);

    expo_fanout_sent(&q, 52);
    check(take(&q) == i + 2 && take(&q) == 0);
    check(q.skipped == EXPO_FANOUT_FRAMES + 2);
}


static void
a_keyframe_takes_the_place_of_a_full_queue(void)
{
    expo_fanout_queue_t q = {0};
    uint32_t i;

    for (i = 1; i <= EXPO_FANOUT_FRAMES; i++) {
        put(&q, i, i == 1, 100, 0);
    }

    check(q.count == EXPO_FANOUT_FRAMES);
    check(put(&q, i, 1, 100, 0) == EXPO_OK);
    check(take(&q) == i && take(&q) == 0);
}


static void
bytes_and_age_are_bounds_too(void)
{
    expo_fanout_queue_t q = {0};

    check(put(&q, 1, 1, EXPO_FANOUT_BYTES / 2, 0) == EXPO_OK);
    check(put(&q, 2, 0, EXPO_FANOUT_BYTES / 2 - 100, 0) == EXPO_OK);
    check(put(&q, 3, 0, 200, 0) == EXPO_AGAIN);
    check(q.count == 0 && q.bytes == 0);

    /* Alone, a frame may be as large as the ring lets it be. */
    check(put(&q, 4, 1, EXPO_FANOUT_BYTES * 2, 0) == EXPO_OK);
    check(take(&q) == 4);

    check(put(&q, 5, 1, 100, 1000) == EXPO_OK);
    check(put(&q, 6, 0, 100, 1400) == EXPO_OK);
    check(put(&q, 7, 0, 100, 1401) == EXPO_AGAIN);
    check(q.count == 0);

    /* A picture that stood still for long is no backlog once it was sent. */
    check(put(&q, 8, 1, 100, 2000) == EXPO_OK);
    check(take(&q) == 8);
    check(put(&q, 9, 0, 100, 9000) == EXPO_OK);
    expo_fanout_clear(&q);
}


static void
viewers_share_a_frame_and_the_last_one_frees_it(void)
{
    expo_fanout_queue_t a = {0}, b = {0};
    expo_fanout_frame_t *f = make(1, 1, 100, 0);

    expo_fanout_link(&a, f);
    expo_fanout_link(&b, f);
    check(f->refs == 3);
    expo_fanout_frame_release(f);
    check(take(&a) == 1 && f->refs == 1);
    expo_fanout_clear(&b); /* a leak or a second free is the sanitizer's */
    check(b.count == 0 && b.bytes == 0);
}


static void
a_slow_viewer_delays_nobody(void)
{
    expo_fanout_queue_t fast = {0}, slow = {0};
    uint32_t i, got = 0, most = 0;
    size_t peak = 0;

    for (i = 1; i <= 3000; i++) {
        expo_fanout_frame_t *f = make(i, i % 30 == 1, 5000, i * 33);

        expo_fanout_link(&fast, f);
        expo_fanout_link(&slow, f);
        expo_fanout_frame_release(f);

        got += take(&fast) == i;
        if (i % 3 == 0) {
            take(&slow);
        }
        most = slow.count > most ? slow.count : most;
        peak = slow.bytes > peak ? slow.bytes : peak;
    }

    check(got == 3000 && fast.skipped == 0);
    check(most <= 13 && peak <= 13 * 5004);
    check(slow.skipped > 1500);
    expo_fanout_clear(&slow);
}


static void
keyframes_are_asked_for_once_a_second(void)
{
    uint64_t asked = 0;

    check(expo_fanout_may_ask(&asked, 0));
    check(!expo_fanout_may_ask(&asked, 500));
    check(expo_fanout_may_ask(&asked, 1001));
    check(!expo_fanout_may_ask(&asked, 2000));
    check(expo_fanout_may_ask(&asked, 2001));
}


int
main(void)
{
    a_frame_lies_behind_its_websocket_header();
    a_viewer_begins_with_a_keyframe();
    a_lost_frame_is_followed_by_a_keyframe();
    a_frame_is_sent_in_any_number_of_pieces();
    a_full_queue_is_emptied_but_for_the_frame_under_way();
    a_keyframe_takes_the_place_of_a_full_queue();
    bytes_and_age_are_bounds_too();
    viewers_share_a_frame_and_the_last_one_frees_it();
    a_slow_viewer_delays_nobody();
    keyframes_are_asked_for_once_a_second();
    return done();
}
