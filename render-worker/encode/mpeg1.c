#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#include "lib/frame.h"
#include "render-worker/encode/mpeg1.h"

/*
 * MPEG-1 knows eight frame rates and JSMpeg shows a picture as soon as it has
 * it, so the header's rate only has to be a legal one.
 */
#define MPEG1_RATE 30
/* IDCTs differ in the last bit; a chain of predictions must end somewhere. */
#define MPEG1_GOP 250
#define MPEG1_TS_PACKET 188
#define MPEG1_TS_PAYLOAD 184
/* Tables, PES header and the last packet's stuffing. */
#define MPEG1_TS_EXTRA (8 * MPEG1_TS_PACKET)
/* A PES header with a PTS, of which the 16-bit length counts all but 6. */
#define MPEG1_PES_HEADER 14
#define MPEG1_PES_MAX (0xffff - (MPEG1_PES_HEADER - 6))

typedef struct {
    AVCodecContext *codec;
    AVFormatContext *mux;
    struct SwsContext *scale;
    AVFrame *frame;
    AVPacket *packet;
    uint8_t *record;
    size_t bytes;
    size_t most;
    int64_t pts;
    bool need_key;
    double cost[2]; /* bytes times quantiser, lately: predicted, key */
} mpeg1_t;

static expo_status_t mpeg1_open(uint32_t width, uint32_t height, size_t most,
                                void **state);
static expo_status_t mpeg1_picture(void *state, const uint8_t *rgba,
                                   const encode_wish_t *wish,
                                   encode_record_t *out);
static void mpeg1_close(void *state);
static expo_status_t mpeg1_open_codec(mpeg1_t *m, uint32_t width,
                                      uint32_t height);
static expo_status_t mpeg1_open_scale(mpeg1_t *m);
static expo_status_t mpeg1_open_mux(mpeg1_t *m);
static uint32_t mpeg1_quantiser(const mpeg1_t *m, const encode_wish_t *wish,
                                bool key);
static expo_status_t mpeg1_code(mpeg1_t *m, bool key, uint32_t quantiser);
static expo_status_t mpeg1_pack(mpeg1_t *m);
static size_t mpeg1_padding(size_t size);
static int mpeg1_collect(void *opaque, uint8_t *buf, int len);

const encode_codec_t encode_mpeg1 = {"mpeg1", EXPO_CODEC_MPEG1TS, mpeg1_open,
                                     mpeg1_picture, mpeg1_close};


static expo_status_t
mpeg1_open(uint32_t width, uint32_t height, size_t most, void **state)
{
    mpeg1_t *m;
    expo_status_t st;

    m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return EXPO_NO_MEMORY;
    }

    m->most = most;
    m->need_key = true;
    /* Eight paths a pixel of noise: 1.3 bytes a pixel at quantiser 1. */
    m->cost[0] = m->cost[1] = 1.3 * width * height;

    m->record = malloc(most);
    st = m->record == NULL ? EXPO_NO_MEMORY : EXPO_OK;

    if (st == EXPO_OK) {
        st = mpeg1_open_codec(m, width, height);
    }

    if (st == EXPO_OK) {
        st = mpeg1_open_scale(m);
    }

    if (st == EXPO_OK) {
        st = mpeg1_open_mux(m);
    }

    if (st != EXPO_OK) {
        mpeg1_close(m);
        return st;
    }

    *state = m;
    return EXPO_OK;
}


static void
mpeg1_close(void *state)
{
    mpeg1_t *m = state;

    if (m->mux != NULL) {
        if (m->mux->pb != NULL) {
            av_freep(&m->mux->pb->buffer);
            avio_context_free(&m->mux->pb);
        }

        avformat_free_context(m->mux);
    }

    sws_freeContext(m->scale);
    av_packet_free(&m->packet);
    av_frame_free(&m->frame);
    avcodec_free_context(&m->codec);
    free(m->record);
    free(m);
}


static expo_status_t
mpeg1_picture(void *state, const uint8_t *rgba, const encode_wish_t *wish,
              encode_record_t *out)
{
    mpeg1_t *m = state;
    bool key = wish->key || m->need_key;
    const uint8_t *src[4] = {rgba, NULL, NULL, NULL};
    int stride[4] = {m->codec->width * 4, 0, 0, 0};
    uint32_t q = mpeg1_quantiser(m, wish, key);
    expo_status_t st;

    if (av_frame_make_writable(m->frame) < 0) {
        return EXPO_NO_MEMORY;
    }

    sws_scale(m->scale, src, stride, 0, m->codec->height, m->frame->data,
              m->frame->linesize);

    for (;;) {
        st = mpeg1_code(m, key, q);
        if (st != EXPO_TOO_LARGE || q == ENCODE_COARSEST) {
            break;
        }

        /* The encoder has moved on and the viewers have not: start afresh. */
        key = true;
        q = q * 2 < ENCODE_COARSEST ? q * 2 : ENCODE_COARSEST;
    }

    if (st == EXPO_OK) {
        /* The encoder begins a group by itself now and then. */
        key = (m->packet->flags & AV_PKT_FLAG_KEY) != 0;
        m->cost[key] = (m->cost[key] + (double) m->packet->size * q) / 2;
        st = mpeg1_pack(m);
    }

    m->need_key = st != EXPO_OK;

    if (st == EXPO_OK) {
        out->data = m->record;
        out->bytes = m->bytes;
        out->key = key;
        out->quantiser = q;
    }

    return st;
}


static expo_status_t
mpeg1_open_codec(mpeg1_t *m, uint32_t width, uint32_t height)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MPEG1VIDEO);
    AVCodecContext *c;

    if (codec == NULL) {
        return EXPO_UNSUPPORTED;
    }

    c = m->codec = avcodec_alloc_context3(codec);
    m->frame = av_frame_alloc();
    m->packet = av_packet_alloc();

    if (c == NULL || m->frame == NULL || m->packet == NULL) {
        return EXPO_NO_MEMORY;
    }

    c->width = (int) width;
    c->height = (int) height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){1, MPEG1_RATE};
    c->framerate = (AVRational){MPEG1_RATE, 1};
    c->gop_size = MPEG1_GOP;
    c->max_b_frames = 0;
    c->qmin = ENCODE_FINEST;
    c->qmax = ENCODE_COARSEST;
    /*
     * Without low delay the encoder keeps one picture back. It grants that for
     * MPEG-1 only under relaxed compliance, though nothing in the bits changes:
     * a stream without B pictures is in display order either way.
     */
    c->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_LOW_DELAY;
    c->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    c->thread_count = 1;

    /* Monte-Carlo noise looks like a scene cut in every other picture. */
    av_opt_set_int(c->priv_data, "sc_threshold", 1000000000, 0);

    if (avcodec_open2(c, codec, NULL) < 0) {
        return EXPO_UNSUPPORTED;
    }

    m->frame->format = c->pix_fmt;
    m->frame->width = c->width;
    m->frame->height = c->height;

    return av_frame_get_buffer(m->frame, 0) < 0 ? EXPO_NO_MEMORY : EXPO_OK;
}


static expo_status_t
mpeg1_open_scale(mpeg1_t *m)
{
    const int *bt601 = sws_getCoefficients(SWS_CS_ITU601);

    m->scale = sws_getContext(
        m->codec->width, m->codec->height, AV_PIX_FMT_RGB0, m->codec->width,
        m->codec->height, AV_PIX_FMT_YUV420P, SWS_BILINEAR, NULL, NULL, NULL);
    if (m->scale == NULL) {
        return EXPO_NO_MEMORY;
    }

    /* 1, 1: full range on both sides, neutral brightness and contrast. */
    if (sws_setColorspaceDetails(m->scale, bt601, 1, bt601, 1, 0, 1 << 16,
                                 1 << 16) < 0) {
        return EXPO_UNSUPPORTED;
    }

    return EXPO_OK;
}


static expo_status_t
mpeg1_open_mux(mpeg1_t *m)
{
    AVDictionary *options = NULL;
    AVStream *stream;
    uint8_t *buf;
    size_t size = 64 * MPEG1_TS_PACKET;
    int rc;

    if (avformat_alloc_output_context2(&m->mux, NULL, "mpegts", NULL) < 0) {
        return EXPO_UNSUPPORTED;
    }

    buf = av_malloc(size);
    if (buf == NULL) {
        return EXPO_NO_MEMORY;
    }

    m->mux->pb =
        avio_alloc_context(buf, (int) size, 1, m, NULL, mpeg1_collect, NULL);
    if (m->mux->pb == NULL) {
        av_free(buf);
        return EXPO_NO_MEMORY;
    }

    stream = avformat_new_stream(m->mux, NULL);
    if (stream == NULL ||
        avcodec_parameters_from_context(stream->codecpar, m->codec) < 0) {
        return EXPO_NO_MEMORY;
    }

    stream->time_base = m->codec->time_base;
    m->mux->max_delay = 0;

    /* Tables come with keyframes and at no other time. */
    av_dict_set(&options, "pat_period", "1000000", 0);
    av_dict_set(&options, "sdt_period", "1000000", 0);
    /* A PES packet that says its length ends without waiting for the next. */
    av_dict_set(&options, "omit_video_pes_length", "0", 0);

    rc = avformat_write_header(m->mux, &options);
    av_dict_free(&options);

    return rc < 0 ? EXPO_UNSUPPORTED : EXPO_OK;
}


static uint32_t
mpeg1_quantiser(const mpeg1_t *m, const encode_wish_t *wish, bool key)
{
    double q = m->cost[key] / (wish->target_bytes ? wish->target_bytes : 1);

    if (q < wish->finest) {
        q = wish->finest;
    }

    if (q < ENCODE_FINEST) {
        return ENCODE_FINEST;
    }

    return q > ENCODE_COARSEST ? ENCODE_COARSEST : (uint32_t) (q + 0.5);
}


/* The frame as it stands, to one packet. */
static expo_status_t
mpeg1_code(mpeg1_t *m, bool key, uint32_t quantiser)
{
    size_t packets;

    m->frame->pts = m->pts++;
    m->frame->quality = (int) quantiser * FF_QP2LAMBDA;
    m->frame->pict_type = key ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;

    av_packet_unref(m->packet);

    if (avcodec_send_frame(m->codec, m->frame) < 0 ||
        avcodec_receive_packet(m->codec, m->packet) < 0) {
        return EXPO_IO;
    }

    packets = (size_t) m->packet->size / MPEG1_TS_PAYLOAD + 1;

    if (packets * MPEG1_TS_PACKET + MPEG1_TS_EXTRA > m->most) {
        return EXPO_TOO_LARGE;
    }

    return EXPO_OK;
}


static expo_status_t
mpeg1_pack(mpeg1_t *m)
{
    AVStream *stream = m->mux->streams[0];
    size_t size = (size_t) m->packet->size;
    size_t padding = mpeg1_padding(size);

    if (padding != 0) {
        if (av_grow_packet(m->packet, (int) padding) < 0) {
            return EXPO_NO_MEMORY;
        }

        memset(m->packet->data + size, 0, padding);
    }

    if (m->packet->flags & AV_PKT_FLAG_KEY) {
        av_opt_set(m->mux->priv_data, "mpegts_flags", "+resend_headers", 0);
    }

    av_packet_rescale_ts(m->packet, m->codec->time_base, stream->time_base);
    m->packet->stream_index = 0;
    m->bytes = 0;

    if (av_write_frame(m->mux, m->packet) < 0) {
        return EXPO_IO;
    }

    avio_flush(m->mux->pb);

    return m->mux->pb->error < 0 ? EXPO_TOO_LARGE : EXPO_OK;
}


/*
 * Past 64 KiB a PES packet cannot say its length, and JSMpeg sees its end only
 * by stuffing in its last transport packet. Zero bytes, which MPEG-1 allows
 * before a start code, make sure that there is some. Before the payload the
 * first transport packet may carry 0, 2 or 8 bytes of adaptation field.
 */
static size_t
mpeg1_padding(size_t size)
{
    size_t padding = 0, start;

    if (size <= MPEG1_PES_MAX) {
        return 0;
    }

    for (;; padding++) {
        start = MPEG1_PES_HEADER + size + padding;

        if (start % MPEG1_TS_PAYLOAD != 0 &&
            (start + 2) % MPEG1_TS_PAYLOAD != 0 &&
            (start + 8) % MPEG1_TS_PAYLOAD != 0) {
            return padding;
        }
    }
}


static int
mpeg1_collect(void *opaque, uint8_t *buf, int len)
{
    mpeg1_t *m = opaque;

    if ((size_t) len > m->most - m->bytes) {
        return AVERROR(ENOSPC);
    }

    memcpy(m->record + m->bytes, buf, (size_t) len);
    m->bytes += (size_t) len;

    return len;
}
