/*
 * exposure-admin's parts: a file a subject, each command returns the exit
 * status. What goes wrong is one sentence on standard error.
 */

#ifndef TOOLS_ADMIN_H
#define TOOLS_ADMIN_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/account.h"
#include "lib/store.h"
#include "lib/vault.h"
#include "lib/vault_answer.h"

#define ADMIN_PEM_MAX 16384

typedef struct {
    const char *data, *keys;
    const char *issuer, *audience;
    const char *name;    /* of an account */
    const char *owner;   /* who shall own the data folder */
    const char *subject; /* of a token */
    const char *sealed;  /* file of a sealed master secret */
    const char *erased;  /* a list that `erase list` has printed, or none */
    const char *end;     /* as `audit tail` has printed it */
    const char *after;   /* seq of a line */
    long lifetime_s;
    int password_stdin;
    int force;
    const char *verb;     /* of the command, or NULL */
    const char *words[2]; /* what follows it */
} admin_options_t;

/* --- commands --- */
int admin_init(const admin_options_t *o);
int admin_user(const admin_options_t *o);
int admin_user_invite(const admin_options_t *o);
int admin_user_list(const admin_options_t *o);
int admin_user_quota(const admin_options_t *o);
int admin_erase_user(const admin_options_t *o);
int admin_erase_scan(const admin_options_t *o);
int admin_erase_list(const admin_options_t *o);
int admin_backup(const admin_options_t *o);
int admin_restore(const admin_options_t *o);
int admin_export(const admin_options_t *o);
int admin_recovery_init(const admin_options_t *o);
int admin_recovery_seal(const admin_options_t *o);
int admin_recovery_drill(const admin_options_t *o);
int admin_recovery_restore(const admin_options_t *o);
int admin_key_rewrap(const admin_options_t *o);
int admin_key_rotate(const admin_options_t *o);
int admin_key_status(const admin_options_t *o);
int admin_key_retire(const admin_options_t *o);
int admin_audit_verify(const admin_options_t *o);
int admin_audit_export(const admin_options_t *o);
int admin_audit_tail(const admin_options_t *o);
int admin_token(const admin_options_t *o);
int admin_doctor(const admin_options_t *o);

/* --- what they share: 0, or 1 after admin_fail --- */

/* Prints the sentence; always 1. */
int admin_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Writes that a command is about to be done, or came to nothing. who: an id, an
 * account's name, or NULL.
 */
int admin_audit(const admin_options_t *o, expo_audit_verb_t verb,
                const char *who, expo_audit_outcome_t outcome);

/* A file of the key folder. */
void admin_key_path(char path[PATH_MAX], const admin_options_t *o,
                    const char *name);

/* What comes back is the caller's to wipe. */
int admin_load_master(const admin_options_t *o, uint8_t master[32]);
int admin_load_masters(const admin_options_t *o,
                       expo_master_t masters[EXPO_MASTERS], size_t *n);
int admin_load_names(const admin_options_t *o, expo_names_t names[EXPO_MASTERS],
                     size_t *n);
/* In place of the newest one's file, with its owner. */
int admin_replace_master(const admin_options_t *o, const uint8_t master[32]);
/* By any of n names; EXPO_INVALID: no name. */
expo_status_t admin_find_account(expo_store_t *s, const expo_names_t *names,
                                 size_t n, const char *name,
                                 expo_account_row_t *row);
/* What exposure-vault would answer, in this process. */
int admin_open_keys(const admin_options_t *o, expo_vault_t **vault,
                    expo_keys_t **keys);
/* One for each master secret alone, the oldest first. */
int admin_open_each(const admin_options_t *o,
                    expo_vault_t *vaults[EXPO_MASTERS],
                    expo_keys_t *keys[EXPO_MASTERS], size_t *n);
void admin_close_keys(expo_vault_t *vault, expo_keys_t *keys);
int admin_load_signing(const admin_options_t *o, char pem[ADMIN_PEM_MAX],
                       size_t *len);

/* A new file, on the disk when it returns; never over another one. */
int admin_write(const char *path, mode_t mode, const void *src, size_t len);

/* A fresh RSA key; pem is the caller's to wipe. */
int admin_make_signing(char pem[ADMIN_PEM_MAX], size_t *len);

/* One line of standard input; a terminal does not show it. */
#define ADMIN_PASSWORD (EXPO_PASSWORD_MAX + 2)
int admin_read_password(char password[ADMIN_PASSWORD], size_t *len);

/* Somebody for whom keys are asked, with a vault of their own. */
typedef struct {
    expo_vault_t *vault;
    expo_keys_t *keys;
    expo_trust_t *trust;
    char *token;
    uint8_t tag[EXPO_TAG];
} admin_person_t;
/* By o->name and a password, or by o->subject. */
int admin_person_open(const admin_options_t *o, expo_store_t *s,
                      const expo_master_t *masters, size_t n,
                      admin_person_t *p);
void admin_person_close(admin_person_t *p);
/* Does the first of their volumes open, all of it? *volumes: they have. */
int admin_opens(expo_store_t *s, const admin_person_t *p, size_t *volumes);

/* The part of doctor that looks at the machine: 1 if something is wrong. */
int admin_doctor_host(const admin_options_t *o);

/* What the store has refused. */
int admin_refused(expo_status_t st);

/*
 * A user by their account's name or their id. EXPO_NOT_FOUND and -1, without
 * admin_fail: nobody.
 */
int admin_find_user(const admin_options_t *o, expo_store_t *s, const char *who,
                    uint8_t tag[EXPO_TAG]);

/* Gives the data folder with all that is in it to o->owner, if there is one. */
int admin_give(const admin_options_t *o);

/* NULL after admin_fail. */
expo_store_t *admin_open_store(const admin_options_t *o);

#endif
