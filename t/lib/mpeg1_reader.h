/* A viewer's side of the mpeg1 codec: records in, pictures out. */

#ifndef MPEG1_READER_H
#define MPEG1_READER_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "render-worker/encode/encode.h"

#define READER_RECORD (1u << 20)

/* A decoder that is fed whole records, as a viewer is. */
typedef struct {
    AVFormatContext *demux;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame, *next;
    const uint8_t *data;
    size_t bytes, at;
} reader_t;

static inline void
reader_open(reader_t *r)
{
    memset(r, 0, sizeof(*r));
    r->codec = avcodec_alloc_context3(
        avcodec_find_decoder(AV_CODEC_ID_MPEG1VIDEO));
    r->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
    r->codec->thread_count = 1;
    avcodec_open2(r->codec, NULL, NULL);
    r->packet = av_packet_alloc();
    r->frame = av_frame_alloc();
    r->next = av_frame_alloc();
}

static inline void
reader_close(reader_t *r)
{
    avcodec_free_context(&r->codec);
    av_packet_free(&r->packet);
    av_frame_free(&r->frame);
    av_frame_free(&r->next);
}

/* The elementary stream in the record's transport packets of the video PID. */
static inline size_t
reader_unpack(const uint8_t *ts, size_t bytes, uint8_t *es)
{
    size_t n = 0, i, at, left;

    for (i = 0; i + 188 <= bytes; i += 188) {
        const uint8_t *p = ts + i;
        unsigned pid = (unsigned) (p[1] & 31) << 8 | p[2];

        if (p[0] != 0x47 || pid != 256) {
            continue;
        }

        at = p[3] & 0x20 ? 5u + p[4] : 4u;

        if (p[1] & 0x40) {
            at += 9u + p[at + 8];
        }

        left = 188 - at;
        memcpy(es + n, p + at, left);
        n += left;
    }

    return n;
}

/* Pictures that this one record gave; the last is in r->frame. */
static inline int
reader_feed(reader_t *r, const encode_record_t *rec)
{
    static uint8_t es[READER_RECORD + AV_INPUT_BUFFER_PADDING_SIZE];
    int pictures = 0;

    av_packet_unref(r->packet);
    r->packet->size = (int) reader_unpack(rec->data, rec->bytes, es);
    memset(es + r->packet->size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    r->packet->data = es;

    if (avcodec_send_packet(r->codec, r->packet) < 0) {
        return -1;
    }

    while (avcodec_receive_frame(r->codec, r->next) == 0) {
        av_frame_unref(r->frame);
        av_frame_move_ref(r->frame, r->next);
        pictures++;
    }

    return pictures;
}

/* Full-range BT.601, as JSMpeg's canvas does it. */
static inline double
reader_psnr(const reader_t *r, const uint8_t *rgba, int w, int h)
{
    double sum = 0;
    int x, y, c;

    for (y = 0; y < h; y++) {
        for (x = 0; x < w; x++) {
            double Y = r->frame->data[0][y * r->frame->linesize[0] + x];
            double b = r->frame->data[1][y / 2 * r->frame->linesize[1] + x / 2]
                       - 128.0;
            double q = r->frame->data[2][y / 2 * r->frame->linesize[2] + x / 2]
                       - 128.0;
            double v[3] = {Y + 1.402 * q, Y - 0.344136 * b - 0.714136 * q,
                           Y + 1.772 * b};

            for (c = 0; c < 3; c++) {
                double t = v[c] < 0 ? 0 : v[c] > 255 ? 255 : v[c];
                double d = t - rgba[(y * w + x) * 4 + c];
                sum += d * d;
            }
        }
    }

    return 10 * log10(255.0 * 255.0 / (sum / (3.0 * w * h) + 1e-9));
}

#endif
