/* What goes in comes out: one picture a record, in order, in full range. */

#include <math.h>
#include <time.h>

#include "render-worker/encode/encode.c"
#include "render-worker/encode/mpeg1.c"
#include "t/lib/mpeg1_reader.h"
#include "t/unit/check.h"

#define MOST (1u << 20)

static int
reader_read(void *opaque, uint8_t *buf, int len)
{
    reader_t *r = opaque;
    size_t n = r->bytes - r->at;

    if (n == 0) {
        return AVERROR_EOF;
    }

    n = n < (size_t) len ? n : (size_t) len;
    memcpy(buf, r->data + r->at, n);
    r->at += n;

    return (int) n;
}

/* A soft ball that travels, over a gradient; noise of the given amplitude. */
static void
draw(uint8_t *rgba, int w, int h, int step, int noise)
{
    static uint32_t seed = 1;
    int x, y, c;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            double dx = x - w * 0.3 - step * 3, dy = y - h * 0.5;
            double ball = exp(-(dx * dx + dy * dy) / (w * h * 0.02));
            double v[3] = {40 + 180 * ball, 40 + 120 * ball, 45.0 + 60 * x / w};

            for (c = 0; c < 3; c++) {
                seed = seed * 1664525u + 1013904223u;
                v[c] += ((int) (seed >> 24) - 128) * noise / 128.0;
                rgba[(y * w + x) * 4 + c] =
                    (uint8_t) (v[c] < 0 ? 0 : v[c] > 255 ? 255 : v[c]);
            }

            rgba[(y * w + x) * 4 + 3] = 255;
        }
    }
}

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void
every_picture_leaves_at_once_and_in_order(void)
{
    enum { W = 512, H = 512, N = 60 };
    static uint8_t rgba[W * H * 4];
    encode_wish_t wish = {false, 60000, 2};
    encode_record_t rec;
    encode_t *e;
    reader_t r;
    int i, single = 1, whole = 1, keys = 1;
    double worst = 99, psnr, spent = 0, bytes = 0;

    check(encode_open("mpeg1", W, H, MOST, &e) == EXPO_OK);
    check(encode_number(e) == EXPO_CODEC_MPEG1TS);
    reader_open(&r);

    for (i = 0; i < N; i++) {
        draw(rgba, W, H, i, 4);
        wish.key = i == 30;
        spent -= seconds();

        if (encode_picture(e, rgba, &wish, &rec) != EXPO_OK) {
            break;
        }

        spent += seconds();
        bytes += (double) rec.bytes;
        whole &= rec.bytes % 188 == 0 && rec.data[0] == 0x47;
        keys &= rec.key == (i == 0 || i == 30);
        single &= reader_feed(&r, &rec) == 1;
        psnr = reader_psnr(&r, rgba, W, H);
        worst = psnr < worst ? psnr : worst;
    }

    printf("# %d pictures, worst %.1f dB, %.1f ms and %.1f KB each\n", i, worst,
           spent * 1000 / N, bytes / N / 1000);
    check(i == N);
    check(single);
    check(whole);
    check(keys);
    check(worst > 34);

    reader_close(&r);
    encode_close(e);
}

static void
a_late_joiner_starts_at_a_keyframe(void)
{
    enum { W = 320, H = 200 };
    static uint8_t rgba[W * H * 4];
    encode_wish_t wish = {false, 40000, 2};
    encode_record_t rec;
    encode_t *e;
    reader_t r = {0};
    AVIOContext *io;
    uint8_t *copy;
    int i;

    check(encode_open("mpeg1", W, H, MOST, &e) == EXPO_OK);

    for (i = 0; i < 5; i++) {
        draw(rgba, W, H, i, 4);
        wish.key = i == 4;
        check(encode_picture(e, rgba, &wish, &rec) == EXPO_OK);
    }

    /* A demuxer that has seen nothing else finds tables and a picture. */
    r.data = rec.data;
    r.bytes = rec.bytes;
    io = avio_alloc_context(av_malloc(4096), 4096, 0, &r, reader_read, NULL,
                            NULL);
    r.demux = avformat_alloc_context();
    r.demux->pb = io;
    check(avformat_open_input(&r.demux, NULL,
                              av_find_input_format("mpegts"), NULL)
          == 0);
    r.packet = av_packet_alloc();
    check(av_read_frame(r.demux, r.packet) == 0);
    check(r.demux->nb_streams == 1);
    check(r.packet->flags & AV_PKT_FLAG_KEY);

    copy = r.packet->data;
    check(copy[0] == 0 && copy[1] == 0 && copy[2] == 1 && copy[3] == 0xb3);

    av_packet_free(&r.packet);
    avformat_close_input(&r.demux);
    av_freep(&io->buffer);
    avio_context_free(&io);
    encode_close(e);
}

static void
black_and_white_are_0_and_255(void)
{
    enum { W = 64, H = 64 };
    static uint8_t rgba[W * H * 4];
    encode_wish_t wish = {true, MOST, 1};
    encode_record_t rec;
    encode_t *e;
    reader_t r;

    check(encode_open("mpeg1", W, H, MOST, &e) == EXPO_OK);
    reader_open(&r);

    memset(rgba, 0, sizeof(rgba));
    check(encode_picture(e, rgba, &wish, &rec) == EXPO_OK);
    check(reader_feed(&r, &rec) == 1);
    check(r.frame->data[0][0] <= 1);

    memset(rgba, 255, sizeof(rgba));
    check(encode_picture(e, rgba, &wish, &rec) == EXPO_OK);
    check(reader_feed(&r, &rec) == 1);
    check(r.frame->data[0][0] >= 254);
    check(abs(r.frame->data[1][0] - 128) <= 1);

    reader_close(&r);
    encode_close(e);
}

static void
size_follows_the_target(void)
{
    enum { W = 512, H = 512 };
    static uint8_t rgba[W * H * 4];
    encode_wish_t wish = {false, 20000, 1};
    encode_record_t rec;
    encode_t *e;
    double bytes = 0;
    int i;

    check(encode_open("mpeg1", W, H, MOST, &e) == EXPO_OK);

    for (i = 0; i < 40; i++) {
        draw(rgba, W, H, i, 40);
        check_failed_ += encode_picture(e, rgba, &wish, &rec) != EXPO_OK;
        bytes += i >= 20 ? (double) rec.bytes : 0;
    }

    printf("# asked for 20000 bytes, got %.0f\n", bytes / 20);
    check(bytes / 20 > 10000 && bytes / 20 < 30000);

    wish.finest = 12;
    wish.target_bytes = MOST;
    check(encode_picture(e, rgba, &wish, &rec) == EXPO_OK);
    check(rec.quantiser == 12);

    encode_close(e);
}

static void
a_record_never_outgrows_its_slot(void)
{
    enum { W = 512, H = 512, SLOT = 60000 };
    static uint8_t rgba[W * H * 4];
    encode_wish_t wish = {false, 1u << 30, 1};
    encode_record_t rec;
    encode_t *e;
    reader_t r;
    int i;

    check(encode_open("mpeg1", W, H, SLOT, &e) == EXPO_OK);
    reader_open(&r);

    for (i = 0; i < 4; i++) {
        draw(rgba, W, H, i, 127);
        check(encode_picture(e, rgba, &wish, &rec) == EXPO_OK);
        check(rec.bytes <= SLOT);
        check(reader_feed(&r, &rec) == 1);
    }

    encode_close(e);

    /* Noise that fits at no quantiser: refused, then a keyframe. */
    check(encode_open("mpeg1", W, H, 12000, &e) == EXPO_OK);
    check(encode_picture(e, rgba, &wish, &rec) == EXPO_TOO_LARGE);
    memset(rgba, 90, sizeof(rgba));
    check(encode_picture(e, rgba, &wish, &rec) == EXPO_OK);
    check(rec.key);
    check(reader_feed(&r, &rec) == 1);
    check(reader_psnr(&r, rgba, W, H) > 40);

    reader_close(&r);
    encode_close(e);
}

/* JSMpeg takes a record's picture as ended by a length or by stuffing. */
static void
the_end_of_a_picture_can_be_seen_at_every_size(void)
{
    enum { W = 64, H = 64 };
    static uint8_t rgba[W * H * 4];
    encode_wish_t wish = {true, MOST, 4};
    encode_record_t rec;
    encode_t *e;
    mpeg1_t *m;
    size_t size;
    int seen = 1;

    check(encode_open("mpeg1", W, H, MOST, &e) == EXPO_OK);
    check(encode_picture(e, rgba, &wish, &rec) == EXPO_OK);
    m = e->state;

    for (size = 65500; size < 66300; size++) {
        const uint8_t *p, *pes;

        av_packet_unref(m->packet);
        check_failed_ += av_new_packet(m->packet, (int) size) < 0;
        memset(m->packet->data, 0x55, size);
        m->packet->pts = m->packet->dts = m->pts++;
        m->packet->flags = size % 3 ? 0 : AV_PKT_FLAG_KEY;
        check_failed_ += mpeg1_pack(m) != EXPO_OK;

        p = m->record;
        while ((p[1] & 31) != 1 || p[2] != 0) {
            p += 188;
        }

        pes = p + 4 + (p[3] & 0x20 ? 1 + p[4] : 0);
        p = m->record + m->bytes - 188;
        seen &= pes[0] == 0 && pes[3] == 0xe0;
        seen &= (pes[4] << 8 | pes[5]) != 0 || (p[3] & 0x20);
    }

    check(seen);
    encode_close(e);
}

static void
what_cannot_be_coded_is_refused(void)
{
    encode_t *e;

    check(encode_open("mpeg1", 63, 64, MOST, &e) == EXPO_INVALID);
    check(encode_open("mpeg1", 64, 8, MOST, &e) == EXPO_INVALID);
    check(encode_open("mpeg1", 4096, 64, MOST, &e) == EXPO_INVALID);
    check(encode_open("h264", 64, 64, MOST, &e) == EXPO_UNSUPPORTED);
    check(encode_codec(0) != NULL && encode_codec(99) == NULL);
}

int
main(void)
{
    av_log_set_level(AV_LOG_ERROR);

    every_picture_leaves_at_once_and_in_order();
    a_late_joiner_starts_at_a_keyframe();
    black_and_white_are_0_and_255();
    size_follows_the_target();
    a_record_never_outgrows_its_slot();
    the_end_of_a_picture_can_be_seen_at_every_size();
    what_cannot_be_coded_is_refused();

    return done();
}
