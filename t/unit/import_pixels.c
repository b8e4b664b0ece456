/* Import: where pixels lie in a file, and codes that lie about themselves. */

#include "t/unit/import.h"

#include <openjpeg-2.5/openjpeg.h>

#include "render-worker/import/j2k.h"
#include "render-worker/import/pixel_data.h"

enum { HEAD = 12, ITEM = 8 };

static uint8_t bytes[1 << 12];
static size_t len;

/* The head of an explicit little-endian element of undefined length. */
static void
encapsulated(void)
{
    memcpy(bytes, "\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff", HEAD);
    len = HEAD;
}

static void
item(const void *data, uint32_t n)
{
    memcpy(bytes + len, "\xfe\xff\x00\xe0", 4);
    memcpy(bytes + len + 4, &n, 4);
    memcpy(bytes + len + ITEM, data, n);
    len += ITEM + n;
}

static void
delimiter(void)
{
    memcpy(bytes + len, "\xfe\xff\xdd\xe0\0\0\0", ITEM);
    len += ITEM;
}

static dicom_status_t
found(pixel_data_t *p, uint32_t frames)
{
    return pixel_data_open(p, bytes, len, 0, 1, 0, frames);
}

static void
plain_numbers_lie_behind_their_length(void)
{
    pixel_data_t p;

    memcpy(bytes, "\xe0\x7f\x10\0OW\0\0\x08\0\0\0" "abcdefgh", 20);
    len = 20;
    check(found(&p, 1) == DICOM_OK && !p.encapsulated && !p.cut);
    check(p.bytes == 8 && p.value == bytes + 12 && p.words);
    pixel_data_close(&p);

    len = 17;
    check(found(&p, 1) == DICOM_OK && p.bytes == 5 && p.cut);
    pixel_data_close(&p);

    len = 12;
    check(found(&p, 1) == DICOM_CUT);
    pixel_data_close(&p);

    /* Implicit big-endian, behind the group's length. */
    memcpy(bytes, "\x7f\xe0\0\0\0\0\0\4\0\0\0\x0c\x7f\xe0\0\x10\0\0\0\2ab", 22);
    check(pixel_data_open(&p, bytes, 22, 0, 0, 1, 1) == DICOM_OK);
    check(p.bytes == 2 && p.value == bytes + 20);
    pixel_data_close(&p);

    memcpy(bytes, "\xe0\x7f\x09\0OD\0\0\x08\0\0\0" "abcdefgh", 20);
    len = 20;
    check(found(&p, 1) == DICOM_OK && p.kind == PIXEL_DOUBLE);
    pixel_data_close(&p);
}

static void
fragments_become_frames(void)
{
    const uint32_t offsets[3] = {0, 2 * ITEM + 8, 3 * ITEM + 12};
    pixel_data_t p;

    encapsulated();
    item(offsets, sizeof offsets);
    for (int i = 0; i < 5; i++) {
        item("abcd", 4);
    }
    delimiter();

    check(found(&p, 5) == DICOM_OK && p.pieces == 5 && p.start[5] == 5);
    pixel_data_close(&p);

    check(found(&p, 1) == DICOM_OK && p.start[0] == 0 && p.start[1] == 5);
    pixel_data_close(&p);

    /* By the table: two, one and two. */
    check(found(&p, 3) == DICOM_OK);
    check(p.start[1] == 2 && p.start[2] == 3 && p.start[3] == 5);
    pixel_data_close(&p);

    /* Neither table nor marks say which are whose. */
    check(found(&p, 2) == DICOM_DAMAGED);
    pixel_data_close(&p);
    check(found(&p, 6) == DICOM_DAMAGED);
    pixel_data_close(&p);

    encapsulated();
    item("", 0);
    item("\xff\xd8\xff\xe0", 4);
    item("more", 4);
    item("\xff\x4f\xff\x51", 4);
    delimiter();
    check(found(&p, 2) == DICOM_OK && p.start[1] == 2 && p.start[2] == 3);
    pixel_data_close(&p);
}

static void
whatever_is_cut_or_changed_stays_within(void)
{
    const uint32_t offsets[2] = {0, 0xfffffff0};
    uint8_t keep;
    pixel_data_t p;
    size_t whole;
    int sound = 1;

    encapsulated();
    item(offsets, sizeof offsets);
    item("abcd", 4);
    item("efgh", 4);
    item("ijkl", 4);
    delimiter();
    whole = len;

    for (size_t i = 0; i < 256 * whole; i++) {
        len = i % 3 ? whole : i / 256;
        keep = bytes[i / 256];
        bytes[i / 256] = (uint8_t) i;

        for (uint32_t frames = 0; frames < 4; frames++) {
            if (found(&p, frames) == DICOM_OK) {
                for (size_t k = 0; k < p.pieces; k++) {
                    sound = sound && p.piece[k].data >= bytes &&
                            p.piece[k].data + p.piece[k].bytes <= bytes + len;
                }
                for (size_t k = 0; p.encapsulated && k < frames; k++) {
                    sound = sound && p.start[k] <= p.start[k + 1] &&
                            p.start[k + 1] <= p.pieces;
                }
            }
            pixel_data_close(&p);
        }

        bytes[i / 256] = keep;
    }
    check(sound);
}

/* --- JPEG 2000 --- */

static uint8_t code[1 << 16];
static OPJ_SIZE_T code_len, code_at;

static OPJ_SIZE_T
code_write(void *src, OPJ_SIZE_T n, void *unused)
{
    (void) unused;
    memcpy(code + code_at, src, n);
    code_at += n;
    code_len = code_at > code_len ? code_at : code_len;
    return n;
}

static OPJ_BOOL
code_seek(OPJ_OFF_T at, void *unused)
{
    (void) unused;
    code_at = (OPJ_SIZE_T) at;
    return OPJ_TRUE;
}

static OPJ_OFF_T
code_skip(OPJ_OFF_T n, void *unused)
{
    (void) unused;
    code_at += (OPJ_SIZE_T) n;
    return n;
}

/* One sample of 12 bits, w x h, value 16 x + y. */
static void
encode(uint32_t w, uint32_t h)
{
    opj_image_cmptparm_t component = {
        .dx = 1, .dy = 1, .w = w, .h = h, .prec = 12, .bpp = 12};
    opj_image_t *image = opj_image_create(1, &component, OPJ_CLRSPC_GRAY);
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_FALSE);
    opj_cparameters_t parameters;

    image->x1 = w;
    image->y1 = h;
    for (uint32_t i = 0; i < w * h; i++) {
        image->comps[0].data[i] = (int32_t) (16 * (i % w) + i / w);
    }

    code_len = code_at = 0;
    opj_stream_set_write_function(stream, code_write);
    opj_stream_set_seek_function(stream, code_seek);
    opj_stream_set_skip_function(stream, code_skip);
    opj_set_default_encoder_parameters(&parameters);
    parameters.numresolution = 3;
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    check(opj_setup_encoder(codec, &parameters, image) &&
          opj_start_compress(codec, image, stream) &&
          opj_encode(codec, stream) && opj_end_compress(codec, stream));
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
}

static dicom_status_t
decoded(const dicom_piece_t *piece, size_t pieces, uint32_t rows, uint32_t cols,
        uint32_t samples, uint32_t bits_allocated)
{
    const dicom_shape_t shape = {.rows = rows,
                                 .cols = cols,
                                 .samples = samples,
                                 .bits_allocated = bits_allocated};
    dicom_status_t st;
    int32_t *numbers = NULL;
    uint32_t bits = 0;

    st = j2k_decode(&numbers, &bits, piece, pieces, &shape);
    if (st == DICOM_OK) {
        check(bits == 12 && numbers[1] == 16 && numbers[cols] == 1);
    }
    check((st == DICOM_OK) == (numbers != NULL));
    free(numbers);
    return st;
}

static void
a_code_of_another_size_is_not_decoded(void)
{
    dicom_piece_t whole;

    encode(40, 24);
    whole = (dicom_piece_t){code, code_len};
    check(decoded(&whole, 1, 24, 40, 1, 16) == DICOM_OK);
    check(decoded(&whole, 1, 40, 24, 1, 16) == DICOM_DAMAGED);
    check(decoded(&whole, 1, 24, 41, 1, 16) == DICOM_DAMAGED);
    check(decoded(&whole, 1, 24, 40, 3, 16) == DICOM_DAMAGED);
    check(decoded(&whole, 1, 24, 40, 1, 8) == DICOM_DAMAGED);

    /* 2^31 pixels an edge: refused before anything is allocated for them. */
    memcpy(code + 8, "\x7f\xff\xff\xff\x7f\xff\xff\xff", 8);
    check(decoded(&whole, 1, 24, 40, 1, 16) == DICOM_DAMAGED);
}

static void
pieces_of_a_code_are_one(void)
{
    dicom_piece_t piece[64];
    size_t n = 0, part;

    encode(40, 24);
    for (size_t at = 0; at < code_len; at += part) {
        part = n == 63 || code_len - at < 3 ? code_len - at : 1 + n % 9;
        piece[n++] = (dicom_piece_t){code + at, part};
    }
    check(decoded(piece, n, 24, 40, 1, 16) == DICOM_OK);
    check(decoded(piece, n - 1, 24, 40, 1, 16) == DICOM_DAMAGED);
    check(decoded(piece, 0, 24, 40, 1, 16) == DICOM_DAMAGED);
}

static void
a_code_with_any_byte_changed_is_survived(void)
{
    dicom_piece_t whole;
    int32_t *numbers;
    uint32_t bits;
    const dicom_shape_t shape = {
        .rows = 24, .cols = 40, .samples = 1, .bits_allocated = 16};

    encode(40, 24);
    whole = (dicom_piece_t){code, code_len};

    for (size_t i = 0; i < code_len; i++) {
        code[i] ^= (uint8_t) (1 + i * 37 % 255);
        numbers = NULL;
        if (j2k_decode(&numbers, &bits, &whole, 1, &shape) == DICOM_OK &&
            numbers == NULL) {
            check(!"numbers where it says so");
        }
        free(numbers);
        code[i] ^= (uint8_t) (1 + i * 37 % 255);
    }
    check(decoded(&whole, 1, 24, 40, 1, 16) == DICOM_OK);
}

int
main(void)
{
    plain_numbers_lie_behind_their_length();
    fragments_become_frames();
    whatever_is_cut_or_changed_stays_within();
    a_code_of_another_size_is_not_decoded();
    pieces_of_a_code_are_one();
    a_code_with_any_byte_changed_is_survived();

    return done();
}
