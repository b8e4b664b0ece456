#include "render-worker/encode/film.c"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "t/unit/check.h"

#define WIDTH 64
#define HEIGHT 48
#define PICTURES 7

static char path[] = "/tmp/expo-film-XXXXXX";

/* Picture k: the left half (60 k, 255 - 30 k, 128), the right half grey. */
static void
paint(uint8_t *rgba, int k)
{
    int x, y;

    for (y = 0; y < HEIGHT; y++) {
        for (x = 0; x < WIDTH; x++, rgba += 4) {
            rgba[0] = (uint8_t) (x < WIDTH / 2 ? 36 * k : 100);
            rgba[1] = (uint8_t) (x < WIDTH / 2 ? 255 - 30 * k : 100);
            rgba[2] = x < WIDTH / 2 ? 128 : 100;
            rgba[3] = 255;
        }
    }
}

static expo_status_t
make(const char *format, unsigned fps)
{
    static uint8_t rgba[WIDTH * HEIGHT * 4];
    expo_status_t st;
    film_t *f;
    int k;

    st = film_open(path, format, WIDTH, HEIGHT, fps, &f);

    for (k = 0; st == EXPO_OK && k < PICTURES; k++) {
        paint(rgba, k);
        st = film_picture(f, rgba);
    }

    return st == EXPO_OK ? film_close(f) : st;
}

/* The largest error of one picture's two halves' middles. */
static int
error_of(struct SwsContext *scaler, const AVFrame *frame, int k)
{
    static uint8_t shown[WIDTH * HEIGHT * 4], want[WIDTH * HEIGHT * 4];
    uint8_t *dst[4] = {shown};
    int stride[4] = {4 * WIDTH}, i, x, worst = 0, e;

    sws_scale(scaler, (const uint8_t *const *) frame->data, frame->linesize, 0,
              HEIGHT, dst, stride);
    paint(want, k);

    for (x = WIDTH / 4; x < WIDTH; x += WIDTH / 2) {
        for (i = 0; i < 3; i++) {
            e = abs(shown[4 * (HEIGHT / 2 * WIDTH + x) + i] -
                    want[4 * (HEIGHT / 2 * WIDTH + x) + i]);
            worst = e > worst ? e : worst;
        }
    }

    return worst;
}

/* Pictures that come out of the file, or -1; *fps and the largest error. */
static int
read_back(double *fps, int *worst)
{
    const int *matrix;
    AVFormatContext *file = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    struct SwsContext *scaler;
    AVCodecContext *c;
    int n = 0, e, ended = 0;

    *worst = 0;

    if (avformat_open_input(&file, path, NULL, NULL) < 0 ||
        avformat_find_stream_info(file, NULL) < 0) {
        return -1;
    }

    c = avcodec_alloc_context3(
        avcodec_find_decoder(file->streams[0]->codecpar->codec_id));
    avcodec_parameters_to_context(c, file->streams[0]->codecpar);
    avcodec_open2(c, NULL, NULL);
    *fps = av_q2d(file->streams[0]->avg_frame_rate);
    scaler = sws_getContext(WIDTH, HEIGHT, AV_PIX_FMT_YUV420P, WIDTH, HEIGHT,
                            AV_PIX_FMT_RGBA, SWS_BICUBIC, NULL, NULL, NULL);
    matrix = sws_getCoefficients(
        c->codec_id == AV_CODEC_ID_MPEG1VIDEO ? SWS_CS_ITU601 : SWS_CS_ITU709);
    sws_setColorspaceDetails(scaler, matrix, 0, matrix, 1, 0, 1 << 16, 1 << 16);

    while (!ended) {
        ended = av_read_frame(file, packet) < 0;
        avcodec_send_packet(c, ended ? NULL : packet);
        av_packet_unref(packet);

        while (avcodec_receive_frame(c, frame) >= 0) {
            e = error_of(scaler, frame, n++);
            *worst = e > *worst ? e : *worst;
        }
    }

    sws_freeContext(scaler);
    avcodec_free_context(&c);
    avformat_close_input(&file);
    av_frame_free(&frame);
    av_packet_free(&packet);

    return n;
}

static void
every_picture_comes_back(const char *format)
{
    double fps = 0;
    int worst;

    check(make(format, 25) == EXPO_OK);
    check(read_back(&fps, &worst) == PICTURES);
    check(fps == 25);
    check(worst <= 6);
    printf("# %s: off by at most %d of 255\n", format, worst);
}

/* "moov" before "mdat". */
static void
the_index_of_an_mp4_comes_first(void)
{
    static uint8_t bytes[1 << 20];
    FILE *f;
    size_t n;

    check(make("mp4", 30) == EXPO_OK);
    f = fopen(path, "rb");
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    check(memmem(bytes, n, "moov", 4) != NULL);
    check(memmem(bytes, n, "moov", 4) < memmem(bytes, n, "mdat", 4));
}

static void
names_say_which_format(void)
{
    check(strcmp(film_format("a.mp4"), "mp4") == 0);
    check(strcmp(film_format("a.b.mpg"), "mpeg") == 0);
    check(film_format(".mp4") == NULL && film_format("a.mp") == NULL);
    check(film_format("a.png") == NULL && film_format("") == NULL);
}

/* For FFmpeg "a:" could be a protocol; here it is part of a name. */
static void
a_name_may_hold_a_colon(void)
{
    char folder[] = "/tmp/expo-film-XXXXXX";
    int here = open(".", O_RDONLY);
    film_t *f;

    check(mkdtemp(folder) != NULL && chdir(folder) == 0);
    check(film_open("a:b.mp4", "mp4", WIDTH, HEIGHT, 25, &f) == EXPO_OK &&
          film_close(f) == EXPO_OK);
    check(unlink("a:b.mp4") == 0 && rmdir(folder) == 0);
    check(fchdir(here) == 0);
    close(here);
}

static void
what_cannot_be_encoded_is_refused(void)
{
    film_t *f;

    /* MPEG-1 knows few rates. */
    check(make("mpeg", 17) == EXPO_UNSUPPORTED);
    check(film_open("/nowhere/x", "mp4", 64, 48, 25, &f) == EXPO_IO);
}

int
main(void)
{
    close(mkstemp(path));
    av_log_set_level(AV_LOG_QUIET);

    every_picture_comes_back("mp4");
    every_picture_comes_back("mpeg");
    the_index_of_an_mp4_comes_first();
    names_say_which_format();
    a_name_may_hold_a_colon();
    what_cannot_be_encoded_is_refused();
    unlink(path);

    return done();
}
