/*
 * Bodies of several parts (multipart/form-data, multipart/related), read as
 * they come: any split of the bytes gives the same parts. No I/O, no
 * allocation; one state of some KiB, however large the body.
 * Source: RFC 2046, section 5.1; RFC 7578; RFC 2387.
 */

#ifndef EXPO_MULTIPART_H
#define EXPO_MULTIPART_H

#include <stddef.h>
#include <stdint.h>

#include "lib/status.h"

#define EXPO_MULTIPART_BOUNDARY 128 /* RFC 2046 has 70, Orthanc sends 73 */
#define EXPO_MULTIPART_HEADERS 8192 /* bytes of a part's; of a preamble */
#define EXPO_MULTIPART_PARTS 65535

typedef enum {
    EXPO_MULTIPART_MORE, /* all bytes are used: come again with the next */
    EXPO_MULTIPART_PART, /* one begins; its headers can be asked for */
    EXPO_MULTIPART_DATA, /* some bytes of it */
    EXPO_MULTIPART_PART_END
} expo_multipart_event_t;

typedef struct {
    char delimiter[4 + EXPO_MULTIPART_BOUNDARY]; /* CR LF - - boundary */
    size_t delimiter_len;
    size_t matched; /* bytes of it that have come last ... */
    size_t assumed; /* ... and so many of them never did */
    int state;
    int blank; /* what follows the delimiter so far */
    char headers[EXPO_MULTIPART_HEADERS];
    size_t headers_len;
    size_t preamble;
    uint32_t parts;
} expo_multipart_t;

/*
 * type: the value of Content-Type. EXPO_UNSUPPORTED: not multipart/subtype.
 * EXPO_INVALID: no boundary, or not one.
 */
expo_status_t expo_multipart_open(expo_multipart_t *m, const char *subtype,
                                  const char *type, size_t len);

/*
 * Reads from *at, which moves, to what is to be told next. data and len are
 * set for EXPO_MULTIPART_DATA and hold until the next call.
 *
 * EXPO_INVALID: not as the RFC has it. EXPO_TOO_LARGE: over a limit.
 */
expo_status_t expo_multipart_next(expo_multipart_t *m, const uint8_t **at,
                                  const uint8_t *end,
                                  expo_multipart_event_t *event,
                                  const uint8_t **data, size_t *len);

/* Has the closing delimiter come? */
int expo_multipart_whole(const expo_multipart_t *m);

/* The value of a header of the part, by its name; NULL: it has none. */
const char *expo_multipart_header(const expo_multipart_t *m, const char *name,
                                  size_t *len);

/*
 * A parameter of a header's value (name=value or name="value"), without its
 * quotes. EXPO_NOT_FOUND. EXPO_INVALID: badly written, or there twice.
 * EXPO_TOO_LARGE: over cap bytes.
 */
expo_status_t expo_multipart_parameter(char *dst, size_t cap, size_t *bytes,
                                       const char *name, const char *value,
                                       size_t len);

#endif
