#include "render-worker/encode/film.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

struct film_s {
    AVFormatContext *file;
    AVCodecContext *encoder;
    AVStream *stream;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
};

static const AVCodec *codec_for(const char *format);
static expo_status_t open_encoder(film_t *f, const AVCodec *codec,
                                  uint32_t width, uint32_t height,
                                  unsigned fps);
static expo_status_t open_file(film_t *f);
static expo_status_t open_frame(film_t *f);
static expo_status_t drain(film_t *f);
static void film_free(film_t *f);


const char *
film_format(const char *name)
{
    size_t len = strlen(name);
    const char *end = name + (len > 4 ? len - 4 : len);

    return strcmp(end, ".mp4") == 0   ? "mp4"
           : strcmp(end, ".mpg") == 0 ? "mpeg"
                                      : NULL;
}


expo_status_t
film_open(const char *path, const char *format, uint32_t width, uint32_t height,
          unsigned fps, film_t **out)
{
    const AVCodec *codec = codec_for(format);
    film_t *f = calloc(1, sizeof(*f));
    /* Else what is before a colon in it would name a protocol. */
    char *url = av_asprintf("file:%s", path);
    expo_status_t st;

    if (f == NULL || url == NULL) {
        st = EXPO_NO_MEMORY;
        goto done;
    }

    if (codec == NULL ||
        avformat_alloc_output_context2(&f->file, NULL, format, url) < 0) {
        st = EXPO_UNSUPPORTED;
        goto done;
    }

    st = open_encoder(f, codec, width, height, fps);
    if (st == EXPO_OK) {
        st = open_frame(f);
    }
    if (st == EXPO_OK) {
        st = open_file(f);
    }

done:

    av_free(url);

    if (st != EXPO_OK) {
        film_free(f);
        return st;
    }

    *out = f;

    return EXPO_OK;
}


const char *
film_codec(const film_t *f)
{
    return f->encoder->codec->name;
}


expo_status_t
film_picture(film_t *f, const uint8_t *rgba)
{
    const int stride = 4 * f->frame->width;

    if (av_frame_make_writable(f->frame) < 0) {
        return EXPO_NO_MEMORY;
    }

    sws_scale(f->scaler, &rgba, &stride, 0, f->frame->height, f->frame->data,
              f->frame->linesize);

    if (avcodec_send_frame(f->encoder, f->frame) < 0) {
        return EXPO_IO;
    }

    f->frame->pts++;

    return drain(f);
}


expo_status_t
film_close(film_t *f)
{
    expo_status_t st = EXPO_IO;

    if (avcodec_send_frame(f->encoder, NULL) >= 0 && drain(f) == EXPO_OK &&
        av_write_trailer(f->file) >= 0) {
        st = EXPO_OK;
    }

    if (avio_closep(&f->file->pb) < 0) {
        st = EXPO_IO;
    }

    film_free(f);

    return st;
}


static const AVCodec *
codec_for(const char *format)
{
    const AVCodec *codec;

    if (strcmp(format, "mp4") != 0) {
        return avcodec_find_encoder(AV_CODEC_ID_MPEG1VIDEO);
    }

    codec = avcodec_find_encoder_by_name("libx264");

    return codec != NULL ? codec : avcodec_find_encoder(AV_CODEC_ID_MPEG4);
}


static expo_status_t
open_encoder(film_t *f, const AVCodec *codec, uint32_t width, uint32_t height,
             unsigned fps)
{
    AVCodecContext *c = avcodec_alloc_context3(codec);

    f->encoder = c;

    if (c == NULL) {
        return EXPO_NO_MEMORY;
    }

    c->width = (int) width;
    c->height = (int) height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){1, (int) fps};
    c->framerate = (AVRational){(int) fps, 1};
    c->gop_size = (int) fps;
    c->color_primaries = AVCOL_PRI_BT709;
    c->color_trc = AVCOL_TRC_IEC61966_2_1;
    c->colorspace = AVCOL_SPC_BT709;
    c->color_range = AVCOL_RANGE_MPEG;

    if (f->file->oformat->flags & AVFMT_GLOBALHEADER) {
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    }

    if (codec->id == AV_CODEC_ID_H264) {
        av_opt_set(c->priv_data, "profile", "high", 0);
        av_opt_set(c->priv_data, "crf", "18", 0);

    } else {
        c->flags |= AV_CODEC_FLAG_QSCALE;
        c->global_quality = 2 * FF_QP2LAMBDA;
    }

    return avcodec_open2(c, codec, NULL) < 0 ? EXPO_UNSUPPORTED : EXPO_OK;
}


static expo_status_t
open_frame(film_t *f)
{
    const AVCodecContext *c = f->encoder;
    /* MPEG-1 cannot say its colours: players take those of old television. */
    int mpeg1 = c->codec_id == AV_CODEC_ID_MPEG1VIDEO;
    const int *matrix =
        sws_getCoefficients(mpeg1 ? SWS_CS_ITU601 : SWS_CS_ITU709);

    f->frame = av_frame_alloc();
    f->packet = av_packet_alloc();
    f->scaler =
        sws_getContext(c->width, c->height, AV_PIX_FMT_RGBA, c->width,
                       c->height, c->pix_fmt, SWS_BICUBIC, NULL, NULL, NULL);

    if (f->frame == NULL || f->packet == NULL || f->scaler == NULL) {
        return EXPO_NO_MEMORY;
    }

    /* From full range to 16..235. */
    sws_setColorspaceDetails(f->scaler, matrix, 1, matrix, 0, 0, 1 << 16,
                             1 << 16);

    f->frame->width = c->width;
    f->frame->height = c->height;
    f->frame->format = c->pix_fmt;
    f->frame->pts = 0;

    return av_frame_get_buffer(f->frame, 0) < 0 ? EXPO_NO_MEMORY : EXPO_OK;
}


static expo_status_t
open_file(film_t *f)
{
    AVDictionary *options = NULL;
    int rc;

    f->stream = avformat_new_stream(f->file, NULL);

    if (f->stream == NULL ||
        avcodec_parameters_from_context(f->stream->codecpar, f->encoder) < 0) {
        return EXPO_NO_MEMORY;
    }

    f->stream->time_base = f->encoder->time_base;
    f->stream->avg_frame_rate = f->encoder->framerate;

    if (avio_open(&f->file->pb, f->file->url, AVIO_FLAG_WRITE) < 0) {
        return EXPO_IO;
    }

    /* The index first, so that a browser shows it while it loads. */
    av_dict_set(&options, "movflags", "+faststart", 0);
    rc = avformat_write_header(f->file, &options);
    av_dict_free(&options);

    return rc < 0 ? EXPO_IO : EXPO_OK;
}


static expo_status_t
drain(film_t *f)
{
    int rc;

    while ((rc = avcodec_receive_packet(f->encoder, f->packet)) >= 0) {
        f->packet->stream_index = f->stream->index;
        f->packet->duration = 1;
        av_packet_rescale_ts(f->packet, f->encoder->time_base,
                             f->stream->time_base);

        if (av_interleaved_write_frame(f->file, f->packet) < 0) {
            return EXPO_IO;
        }
    }

    return rc == AVERROR(EAGAIN) || rc == AVERROR_EOF ? EXPO_OK : EXPO_IO;
}


static void
film_free(film_t *f)
{
    if (f == NULL) {
        return;
    }

    if (f->file != NULL) {
        avio_closep(&f->file->pb);
    }

    sws_freeContext(f->scaler);
    av_packet_free(&f->packet);
    av_frame_free(&f->frame);
    avcodec_free_context(&f->encoder);
    avformat_free_context(f->file);
    free(f);
}
