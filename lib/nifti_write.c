#include "lib/nifti_write.h"

#include <string.h>

#define NIFTI_BYTES 348 /* as the header says of itself */
#define NIFTI_INT16 4
#define NIFTI_FLOAT 16
#define NIFTI_MM 2
#define NIFTI_SCANNER 1 /* what the sform is relative to */

static void put_i16(uint8_t *p, unsigned v);
static void put_f32(uint8_t *p, double v);


void
expo_nifti_header(uint8_t dst[EXPO_NIFTI_HEADER], const expo_volume_t *v,
                  expo_nrrd_type_t type)
{
    memset(dst, 0, EXPO_NIFTI_HEADER);

    put_i16(dst, NIFTI_BYTES);
    dst[38] = 'r';

    put_i16(dst + 40, 3);
    for (int i = 0; i < 7; i++) {
        put_i16(dst + 42 + 2 * i, i < 3 ? v->dims[i] : 1);
    }

    put_i16(dst + 70, type == EXPO_NRRD_INT16 ? NIFTI_INT16 : NIFTI_FLOAT);
    put_i16(dst + 72, 8 * (unsigned) expo_nrrd_bytes(type));

    put_f32(dst + 76, 1);
    for (int i = 0; i < 3; i++) {
        put_f32(dst + 80 + 4 * i, expo_volume_spacing(v, i));
    }

    put_f32(dst + 108, EXPO_NIFTI_HEADER);
    put_f32(dst + 112, 1); /* slope; the intercept is 0 */
    dst[123] = NIFTI_MM;

    put_i16(dst + 254, NIFTI_SCANNER);
    for (int i = 0; i < 12; i++) {
        put_f32(dst + 280 + 4 * i, i < 8 ? -v->affine[i] : v->affine[i]);
    }

    memcpy(dst + 344, "n+1", 4);
}


static void
put_i16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t) v;
    p[1] = (uint8_t) (v >> 8);
}


static void
put_f32(uint8_t *p, double v)
{
    float f = (float) v;
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));

    for (int b = 0; b < 4; b++) {
        p[b] = (uint8_t) (bits >> (8 * b));
    }
}
