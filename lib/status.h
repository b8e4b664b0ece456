/* What a function of lib/ can answer. Nothing in lib/ logs or exits. */

#ifndef EXPO_STATUS_H
#define EXPO_STATUS_H

typedef enum {
    EXPO_OK = 0,
    EXPO_AGAIN,       /* nothing there yet; ask again later */
    EXPO_INVALID,     /* malformed or out of range: the caller's input */
    EXPO_TOO_LARGE,   /* over a stated limit */
    EXPO_FULL,        /* a fixed-size table has no place left */
    EXPO_NOT_FOUND,   /* no such thing, or not yours */
    EXPO_DENIED,      /* known, and not permitted */
    EXPO_EXPIRED,     /* was valid once */
    EXPO_CONFLICT,    /* somebody else changed it first, or it exists already */
    EXPO_CORRUPT,     /* stored bytes that do not verify */
    EXPO_UNSUPPORTED, /* well formed, and not something we handle */
    EXPO_NO_SPACE,    /* disk or quota */
    EXPO_NO_MEMORY,
    EXPO_IO           /* the system refused; errno says why */
} expo_status_t;

/* The status as a short lower-case word, "ok", "no-space"; for logs. */
const char *expo_status_name(expo_status_t st);

#endif
