/*
 * exposure-admin's parts: a file a subject, each command returns the exit
 * status. What goes wrong is one sentence on standard error.
 */

#ifndef TOOLS_ADMIN_H
#define TOOLS_ADMIN_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/store.h"

#define ADMIN_PEM_MAX 16384

typedef struct {
    const char *data, *keys;
    const char *issuer, *audience;
    const char *name;  /* of an account */
    const char *owner; /* who shall own the data folder */
    long lifetime_s;
    int password_stdin;
} admin_options_t;

/* --- commands --- */
int admin_init(const admin_options_t *o);
int admin_user(const admin_options_t *o, const char *verb);
int admin_token(const admin_options_t *o);
int admin_doctor(const admin_options_t *o);

/* --- what they share: 0, or 1 after admin_fail --- */

/* Prints the sentence; always 1. */
int admin_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A file of the key folder. */
void admin_key_path(char path[PATH_MAX], const admin_options_t *o,
                    const char *name);

/* What comes back is the caller's to wipe. */
int admin_load_master(const admin_options_t *o, uint8_t master[32]);
int admin_load_signing(const admin_options_t *o, char pem[ADMIN_PEM_MAX],
                       size_t *len);

/* NULL after admin_fail. */
expo_store_t *admin_open_store(const admin_options_t *o);

#endif
