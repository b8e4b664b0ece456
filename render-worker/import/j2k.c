#include "render-worker/import/j2k.h"

#include <stdlib.h>
#include <string.h>

#include <openjpeg-2.5/openjpeg.h>

/* The code of one frame, read as if its fragments were one file. */
typedef struct {
    const dicom_piece_t *piece;
    size_t pieces;
    uint64_t bytes; /* of all */
    uint64_t at;
} j2k_source_t;

static opj_stream_t *j2k_stream(j2k_source_t *source);
static OPJ_SIZE_T j2k_read(void *dst, OPJ_SIZE_T n, void *data);
static OPJ_OFF_T j2k_skip(OPJ_OFF_T n, void *data);
static OPJ_BOOL j2k_seek(OPJ_OFF_T at, void *data);
static int j2k_fits(const opj_image_t *image, const dicom_shape_t *shape);
static dicom_status_t j2k_planes(int32_t **dst, const opj_image_t *image,
                                 const dicom_shape_t *shape);


dicom_status_t
j2k_decode(int32_t **dst, uint32_t *bits, const dicom_piece_t *piece,
           size_t pieces, const dicom_shape_t *shape)
{
    j2k_source_t source = {.piece = piece, .pieces = pieces};
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;
    opj_codec_t *codec = NULL;
    opj_stream_t *stream;
    dicom_status_t st = DICOM_NO_MEMORY;
    uint8_t magic[4] = {0};

    for (size_t i = 0; i < pieces; i++) {
        source.bytes += piece[i].bytes;
    }

    /* Some put a whole JP2 file where only its code belongs. */
    j2k_read(magic, sizeof magic, &source);
    source.at = 0;

    stream = j2k_stream(&source);
    codec = opj_create_decompress(memcmp(magic, "\xff\x4f\xff\x51", 4) == 0
                                      ? OPJ_CODEC_J2K
                                      : OPJ_CODEC_JP2);
    opj_set_default_decoder_parameters(&parameters);

    if (stream == NULL || codec == NULL ||
        !opj_setup_decoder(codec, &parameters)) {
        goto done;
    }

    st = DICOM_DAMAGED;
    if (!opj_read_header(stream, codec, &image) || !j2k_fits(image, shape)) {
        goto done;
    }

    if (opj_decode(codec, stream, image) && opj_end_decompress(codec, stream)) {
        st = j2k_planes(dst, image, shape);
        *bits = image->comps[0].prec;
    }

done:

    opj_image_destroy(image);
    opj_destroy_codec(codec);
    opj_stream_destroy(stream);

    return st;
}


/* --- its input --- */

static opj_stream_t *
j2k_stream(j2k_source_t *source)
{
    opj_stream_t *s = opj_stream_create(1 << 16, OPJ_TRUE);

    if (s != NULL) {
        opj_stream_set_user_data(s, source, NULL);
        opj_stream_set_user_data_length(s, source->bytes);
        opj_stream_set_read_function(s, j2k_read);
        opj_stream_set_skip_function(s, j2k_skip);
        opj_stream_set_seek_function(s, j2k_seek);
    }

    return s;
}


static OPJ_SIZE_T
j2k_read(void *dst, OPJ_SIZE_T n, void *data)
{
    j2k_source_t *s = data;
    uint8_t *p = dst;
    uint64_t at = s->at;
    size_t part, got = 0;

    for (size_t i = 0; i < s->pieces && got < n; i++) {
        if (at >= s->piece[i].bytes) {
            at -= s->piece[i].bytes;
            continue;
        }

        part = s->piece[i].bytes - (size_t) at;
        part = part < n - got ? part : n - got;
        memcpy(p + got, s->piece[i].data + at, part);
        got += part;
        at = 0;
    }

    s->at += got;
    return got > 0 ? got : (OPJ_SIZE_T) -1;
}


static OPJ_OFF_T
j2k_skip(OPJ_OFF_T n, void *data)
{
    j2k_source_t *s = data;

    if (n < 0 || (uint64_t) n > s->bytes - s->at) {
        return -1;
    }

    s->at += (uint64_t) n;
    return n;
}


static OPJ_BOOL
j2k_seek(OPJ_OFF_T at, void *data)
{
    j2k_source_t *s = data;

    if (at < 0 || (uint64_t) at > s->bytes) {
        return OPJ_FALSE;
    }

    s->at = (uint64_t) at;
    return OPJ_TRUE;
}


/* --- its output --- */

static int
j2k_fits(const opj_image_t *image, const dicom_shape_t *shape)
{
    if (image->numcomps != shape->samples ||
        image->x1 - image->x0 != shape->cols ||
        image->y1 - image->y0 != shape->rows) {
        return 0;
    }

    for (OPJ_UINT32 c = 0; c < image->numcomps; c++) {
        const opj_image_comp_t *comp = &image->comps[c];

        if (comp->dx != 1 || comp->dy != 1 || comp->prec == 0 ||
            comp->prec > shape->bits_allocated ||
            comp->prec != image->comps[0].prec) {
            return 0;
        }
    }

    return 1;
}


static dicom_status_t
j2k_planes(int32_t **dst, const opj_image_t *image, const dicom_shape_t *shape)
{
    const size_t n = (size_t) shape->rows * shape->cols;

    *dst = malloc(n * image->numcomps * sizeof **dst);
    if (*dst == NULL) {
        return DICOM_NO_MEMORY;
    }

    for (OPJ_UINT32 c = 0; c < image->numcomps; c++) {
        if (image->comps[c].data == NULL || image->comps[c].w != shape->cols ||
            image->comps[c].h != shape->rows) {
            free(*dst);
            *dst = NULL;
            return DICOM_DAMAGED;
        }
        memcpy(*dst + c * n, image->comps[c].data, n * sizeof **dst);
    }

    return DICOM_OK;
}
