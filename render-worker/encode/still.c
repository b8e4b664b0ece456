#include "render-worker/encode/still.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

#define STILL_EDGE_MAX 16384

static expo_status_t still_encode(AVCodecContext *c, AVFrame *frame,
                                  AVPacket *packet, const uint8_t *rgba);
static int has_alpha(const uint8_t *rgba, size_t pixels);
static void copy_pixels(AVFrame *frame, const uint8_t *rgba);


expo_status_t
still_png(const uint8_t *rgba, uint32_t w, uint32_t h, uint8_t **png,
          size_t *bytes)
{
    const AVCodec *codec;
    AVCodecContext *c;
    AVFrame *frame;
    AVPacket *packet;
    expo_status_t st;

    if (w == 0 || h == 0 || w > STILL_EDGE_MAX || h > STILL_EDGE_MAX) {
        return EXPO_INVALID;
    }

    codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
    if (codec == NULL) {
        return EXPO_UNSUPPORTED;
    }

    c = avcodec_alloc_context3(codec);
    frame = av_frame_alloc();
    packet = av_packet_alloc();

    if (c == NULL || frame == NULL || packet == NULL) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    c->width = frame->width = (int) w;
    c->height = frame->height = (int) h;
    c->pix_fmt =
        has_alpha(rgba, (size_t) w * h) ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24;
    frame->format = c->pix_fmt;
    c->time_base.num = c->time_base.den = 1;
    c->thread_count = 1;

    st = still_encode(c, frame, packet, rgba);
    if (st != EXPO_OK) {
        goto done;
    }

    *bytes = (size_t) packet->size;
    *png = malloc(*bytes);

    if (*png == NULL) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    memcpy(*png, packet->data, *bytes);

done:

    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&c);

    return st;
}


static expo_status_t
still_encode(AVCodecContext *c, AVFrame *frame, AVPacket *packet,
             const uint8_t *rgba)
{
    /* Rows as differences from their neighbours: half the bytes. An encoder
     * without the option still makes a PNG. */
    av_opt_set(c->priv_data, "pred", "paeth", 0);

    if (avcodec_open2(c, NULL, NULL) < 0) {
        return EXPO_UNSUPPORTED;
    }

    if (av_frame_get_buffer(frame, 0) < 0) {
        return EXPO_NO_MEMORY;
    }

    copy_pixels(frame, rgba);

    if (avcodec_send_frame(c, frame) < 0 || avcodec_send_frame(c, NULL) < 0 ||
        avcodec_receive_packet(c, packet) < 0) {
        return EXPO_NO_MEMORY;
    }

    return EXPO_OK;
}


static int
has_alpha(const uint8_t *rgba, size_t pixels)
{
    size_t i;

    for (i = 0; i < pixels; i++) {
        if (rgba[4 * i + 3] < 255) {
            return 1;
        }
    }

    return 0;
}


static void
copy_pixels(AVFrame *frame, const uint8_t *rgba)
{
    int x, y, bytes = frame->format == AV_PIX_FMT_RGBA ? 4 : 3;
    uint8_t *dst;

    for (y = 0; y < frame->height; y++) {
        dst = frame->data[0] + (ptrdiff_t) y * frame->linesize[0];

        for (x = 0; x < frame->width; x++, dst += bytes, rgba += 4) {
            memcpy(dst, rgba, (size_t) bytes);
        }
    }
}
