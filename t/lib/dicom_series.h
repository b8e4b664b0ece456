/* A small CT series as a tar, made from nothing: for tests of imports. */

#ifndef DICOM_SERIES_H
#define DICOM_SERIES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tar.h"

#define DICOM_EDGE 64 /* pixels along a slice's edge */

/* One element, explicit little-endian; the value is padded to even. */
static inline void
dicom_element(FILE *f, uint16_t group, uint16_t number, const char *vr,
        const void *value, size_t len)
{
    uint16_t tag[2] = {group, number}, len16 = (uint16_t) ((len + 1) & ~1u);
    uint32_t len32 = (uint32_t) ((len + 1) & ~1u);

    fwrite(tag, 2, 2, f);
    fwrite(vr, 1, 2, f);

    if (strcmp(vr, "OW") == 0 || strcmp(vr, "OB") == 0) {
        fwrite("\0", 1, 2, f);
        fwrite(&len32, 4, 1, f);
    } else {
        fwrite(&len16, 2, 1, f);
    }

    fwrite(value, 1, len, f);

    if (len & 1) {
        fputc(strcmp(vr, "UI") == 0 || strcmp(vr, "OB") == 0 ? 0 : ' ', f);
    }
}

static inline void
dicom_text(FILE *f, uint16_t group, uint16_t number, const char *vr, const char *t)
{
    dicom_element(f, group, number, vr, t, strlen(t));
}

static inline void
dicom_word(FILE *f, uint16_t group, uint16_t number, uint16_t n)
{
    dicom_element(f, group, number, "US", &n, 2);
}

/* One axial CT slice of DICOM_EDGE x DICOM_EDGE pixels: a disc of 1000 HU. */
static inline void
dicom_slice(FILE *f, int z)
{
    static int16_t pixels[DICOM_EDGE * DICOM_EDGE];
    const char *const ct = "1.2.840.10008.5.1.4.1.1.2";
    char uid[64], position[64], number[16];
    uint32_t group_bytes;
    int i;

    snprintf(uid, sizeof(uid), "1.2.3.4.%d", z + 1);
    snprintf(position, sizeof(position), "0\\0\\%d", z * 2);
    snprintf(number, sizeof(number), "%d", z + 1);

    for (i = 0; i < DICOM_EDGE * DICOM_EDGE; i++) {
        int x = i % DICOM_EDGE - DICOM_EDGE / 2, y = i / DICOM_EDGE - DICOM_EDGE / 2;

        pixels[i] = x * x + y * y < 400 ? 1000 : -1000;
    }

    fwrite((char[128]) {0}, 1, 128, f);
    fwrite("DICM", 1, 4, f);
    /* 14 of version, 8 and the padded UIDs of the three others. */
    group_bytes =
        14 + 3 * 8 + 26 + (uint32_t) ((strlen(uid) + 1) & ~1u) + 20;
    dicom_element(f, 2, 0x00, "UL", &group_bytes, 4);
    dicom_element(f, 2, 0x01, "OB", "\0\1", 2);
    dicom_text(f, 2, 0x02, "UI", ct);
    dicom_text(f, 2, 0x03, "UI", uid);
    dicom_text(f, 2, 0x10, "UI", "1.2.840.10008.1.2.1");
    dicom_text(f, 8, 0x16, "UI", ct);
    dicom_text(f, 8, 0x18, "UI", uid);
    dicom_text(f, 8, 0x60, "CS", "CT");
    dicom_text(f, 0x18, 0x50, "DS", "2");
    dicom_text(f, 0x20, 0x0d, "UI", "1.2.3.5");
    dicom_text(f, 0x20, 0x0e, "UI", "1.2.3.6");
    dicom_text(f, 0x20, 0x13, "IS", number);
    dicom_text(f, 0x20, 0x32, "DS", position);
    dicom_text(f, 0x20, 0x37, "DS", "1\\0\\0\\0\\1\\0");
    dicom_text(f, 0x20, 0x52, "UI", "1.2.3.7");
    dicom_word(f, 0x28, 0x02, 1);
    dicom_text(f, 0x28, 0x04, "CS", "MONOCHROME2");
    dicom_word(f, 0x28, 0x10, DICOM_EDGE);
    dicom_word(f, 0x28, 0x11, DICOM_EDGE);
    dicom_text(f, 0x28, 0x30, "DS", "1\\1");
    dicom_word(f, 0x28, 0x100, 16);
    dicom_word(f, 0x28, 0x101, 16);
    dicom_word(f, 0x28, 0x102, 15);
    dicom_word(f, 0x28, 0x103, 1);
    dicom_text(f, 0x28, 0x1052, "DS", "0");
    dicom_text(f, 0x28, 0x1053, "DS", "1");
    dicom_element(f, 0x7fe0, 0x10, "OW", pixels, sizeof(pixels));
}

/* A tar of n slices, or of one text file when n is 0. */
static inline uint8_t *
dicom_series(int n, size_t *bytes)
{
    char *tar = NULL, *file;
    uint8_t header[EXPO_TAR_BLOCK];
    char name[24];
    size_t len;
    FILE *out = open_memstream(&tar, bytes), *f;
    int i;

    for (i = 0; i < (n ? n : 1); i++) {
        f = open_memstream(&file, &len);

        if (n > 0) {
            dicom_slice(f, i);
        } else {
            fputs("This is no picture.", f);
        }

        fclose(f);
        snprintf(name, sizeof(name), "%d.dcm", i);
        expo_tar_header(header, name, len);
        fwrite(header, 1, sizeof(header), out);
        fwrite(file, 1, len, out);
        fwrite((char[EXPO_TAR_BLOCK]) {0}, 1, expo_tar_padding(len), out);
        free(file);
    }

    fwrite((char[2 * EXPO_TAR_BLOCK]) {0}, 1, sizeof(char[2 * 512]), out);
    fclose(out);

    return (uint8_t *) tar;
}

#endif
