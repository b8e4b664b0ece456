/*
 * Who waits, who has a session, which render-worker has a free slot: one flat
 * structure without pointers, laid into memory that several nginx workers
 * share. The caller holds one lock around expo_queue_enter … expo_queue_exit;
 * everything else is called between them. Time is passed in (milliseconds of a
 * clock that all processes share, and that never goes back).
 *
 * A process may die anywhere. Each entry appears and disappears by one store
 * of its state, nothing is counted that could be looked up, and enter notices
 * that the last holder never came to exit; then it drops what contradicts
 * itself. Entries of dead processes are found by expo_queue_sweep.
 *
 * First come, first served: only the oldest waiting ticket is given a slot.
 * One user has at most one ticket or session for one scan; asking again from
 * another tab takes it over (expo_queue_join), and the older tab finds its
 * number gone.
 */

#ifndef EXPO_QUEUE_H
#define EXPO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/status.h"

#define EXPO_QUEUE_TICKETS 1024
#define EXPO_QUEUE_SESSIONS 256
#define EXPO_QUEUE_WORKERS 16
#define EXPO_QUEUE_SLOTS 64   /* of one worker, at most */
#define EXPO_QUEUE_NONCES 1024
#define EXPO_QUEUE_IMPORTS 64
#define EXPO_QUEUE_CHANGES 1024
#define EXPO_QUEUE_STAGE 16

#define EXPO_QUEUE_USER 16      /* bytes of the user tag's hash */
#define EXPO_QUEUE_OPEN_MS 60000 /* a session that has not opened by then ends */
#define EXPO_QUEUE_END_MS 5000   /* an ending one is forgotten by then */
#define EXPO_QUEUE_SEEN_MS 3000  /* a worker silent for so long has no slots */

/* An nginx worker process. started tells it from a later one of the same pid. */
typedef struct {
    int64_t pid;
    uint64_t started;
} expo_owner_t;

typedef enum {
    EXPO_SESSION_NONE = 0,
    EXPO_SESSION_OPENING, /* assigned; the worker loads the volume */
    EXPO_SESSION_LIVE,
    EXPO_SESSION_GRACE,   /* nobody asks for it now; ends at expires_ms */
    EXPO_SESSION_ENDING   /* its user may no more; the worker was told */
} expo_session_state_t;

/* Of what is ending. */
typedef enum {
    EXPO_END_DELETED = 1, /* the scan */
    EXPO_END_REVOKED,     /* its user's permission */
    EXPO_END_EXPIRED,
    EXPO_END_CHANGED      /* its role: the user may ask again */
} expo_end_t;

#define EXPO_QUEUE_NOWHERE UINT32_MAX /* no worker has it, or has it any more */

typedef struct {
    uint32_t state;       /* expo_session_state_t */
    uint32_t worker;
    uint32_t role;        /* expo_role_t, of the user for the scan */
    uint32_t why;         /* expo_end_t, of an ending one */
    expo_id_t id;
    expo_id_t scan;
    uint8_t user[EXPO_QUEUE_USER];
    expo_owner_t owner;   /* the process whose client asks for it */
    uint64_t number;      /* that client's; 0 in grace */
    uint64_t order;       /* of the ticket that it was */
    uint64_t since_ms;    /* assigned */
    uint64_t opened_ms;   /* the worker said so; 0: it did not yet */
    uint64_t expires_ms;  /* opening, grace, ending */
    uint64_t token_ms;    /* of now_ms' clock: when its user's token ends */
    uint64_t access_s;    /* and their permission; 0: never */
} expo_session_t;

typedef struct {
    uint32_t waiting;     /* 0: free */
    expo_id_t scan;
    uint8_t user[EXPO_QUEUE_USER];
    expo_owner_t owner;
    uint64_t number;
    uint64_t order;       /* lowest is next */
} expo_queue_ticket_t;

typedef struct {
    uint32_t slots;
    uint32_t reported;    /* sessions in ids */
    uint64_t seen_ms;     /* 0: never */
    expo_id_t ids[EXPO_QUEUE_SLOTS];
} expo_queue_worker_t;

typedef struct {
    uint64_t expires_s;   /* Unix seconds; 0: free */
    uint8_t nonce[16];
} expo_queue_nonce_t;

typedef struct {
    uint32_t running;     /* 0: free */
    float fraction;
    expo_id_t scan;
    expo_owner_t owner;
    char stage[EXPO_QUEUE_STAGE];
} expo_queue_import_t;

typedef struct {
    uint64_t turn;        /* odd: somebody is inside */
    uint64_t next;        /* number and order given out last */
    uint64_t mean_ms;     /* how long sessions last; a guess at first */
    expo_queue_ticket_t tickets[EXPO_QUEUE_TICKETS];
    expo_session_t sessions[EXPO_QUEUE_SESSIONS];
    expo_queue_worker_t workers[EXPO_QUEUE_WORKERS];
    expo_queue_nonce_t nonces[EXPO_QUEUE_NONCES];
    expo_queue_import_t imports[EXPO_QUEUE_IMPORTS];
    uint32_t changes[EXPO_QUEUE_CHANGES]; /* of permissions, by scan */
} expo_queue_t;

/* q: zeroed memory. */
void expo_queue_init(expo_queue_t *q);

/* true: the last one inside died there, and the tables were repaired. */
bool expo_queue_enter(expo_queue_t *q);
void expo_queue_exit(expo_queue_t *q);


/* --- asking --- */

/*
 * The user wants the scan. *number is the asker's from now on. EXPO_OK: it
 * waits. EXPO_CONFLICT: there is a session already, *session is a copy of it,
 * now the asker's. EXPO_FULL: no place in the table.
 */
expo_status_t expo_queue_join(expo_queue_t *q, const expo_owner_t *owner,
                              const uint8_t user[EXPO_QUEUE_USER],
                              const expo_id_t *scan, uint64_t now_ms,
                              uint64_t *number, expo_session_t *session);

/*
 * Where a waiting number stands. position: from 1. ahead: how many are in
 * front. estimate_s: from how long sessions last and how many slots there are.
 * EXPO_NOT_FOUND: it does not wait (any more).
 */
expo_status_t expo_queue_place(const expo_queue_t *q, uint64_t number,
                               uint64_t now_ms, uint32_t *position,
                               uint32_t *ahead, uint32_t *estimate_s);

/*
 * Turns the number's ticket into an opening session on the worker with most
 * free slots. reachable: bit n says that the caller can talk to worker n.
 * EXPO_AGAIN: somebody else is next, or no slot is free. EXPO_FULL: no place
 * in the table. EXPO_NOT_FOUND: it does not wait.
 */
expo_status_t expo_queue_assign(expo_queue_t *q, uint64_t number,
                                uint32_t reachable, const expo_id_t *id,
                                uint32_t role, uint64_t now_ms,
                                expo_session_t *session);

/*
 * The asker is gone: its ticket goes; its session waits for grace_ms for the
 * same user to ask again. What another asker has taken over stays.
 */
void expo_queue_leave(expo_queue_t *q, uint64_t number, uint64_t now_ms,
                      uint64_t grace_ms);

/* What became of a number that neither waits nor has a session: true when the
   same user asks for the same scan elsewhere. */
bool expo_queue_is_replaced(const expo_queue_t *q,
                            const uint8_t user[EXPO_QUEUE_USER],
                            const expo_id_t *scan);


/* --- sessions --- */

/* By id, or of an asker; NULL. The pointer is good until expo_queue_exit. */
const expo_session_t *expo_queue_session(const expo_queue_t *q,
                                         const expo_id_t *id);
const expo_session_t *expo_queue_session_of(const expo_queue_t *q,
                                            uint64_t number);

/* The worker has opened it: live, or still in grace. EXPO_NOT_FOUND. */
expo_status_t expo_queue_opened(expo_queue_t *q, const expo_id_t *id,
                                uint64_t now_ms);

/*
 * Its user has shown a token that is good until token_ms of the clock of
 * now_ms, which nobody sets; the latest counts.
 */
void expo_queue_vouch(expo_queue_t *q, const expo_id_t *id, uint64_t token_ms);

/*
 * It is over: the slot is free. One that is ending stays known for its time,
 * so that everybody can see why.
 */
void expo_queue_release(expo_queue_t *q, const expo_id_t *id, uint64_t now_ms);

/*
 * Removes one session whose time is up and copies it, so that the caller can
 * tell its worker; false when there is none.
 */
bool expo_queue_expire(expo_queue_t *q, uint64_t now_ms,
                       expo_session_t *session);


/* --- permissions, while people wait and look: lib/queue_end.c --- */

/*
 * Tickets and sessions of the scan, of this user or (NULL) of everybody, are
 * ending. Call again until it returns false; *session is the next one whose
 * worker must be told.
 */
bool expo_queue_end(expo_queue_t *q, const expo_id_t *scan,
                    const uint8_t *user, expo_end_t why, uint64_t now_ms,
                    expo_session_t *session);

/* The same of one session whose user's permission has ended. */
bool expo_queue_lapse(expo_queue_t *q, uint64_t now_s, uint64_t now_ms,
                      expo_session_t *session);

/* The session's user may look until access_s; 0: for ever. */
void expo_queue_admit(expo_queue_t *q, const expo_id_t *id, uint64_t access_s);
/* From now on; of all sessions of this user and scan. */
void expo_queue_permit(expo_queue_t *q, const expo_id_t *scan,
                       const uint8_t user[EXPO_QUEUE_USER], uint64_t access_s);

/* Copies of those that this process's clients ask for, and nothing has ended. */
size_t expo_queue_asked(const expo_queue_t *q, const expo_owner_t *owner,
                        expo_session_t sessions[EXPO_QUEUE_SESSIONS]);

/*
 * Whoever looks a permission up without the lock, and then joins, assigns or
 * admits, asks before and after: while this is the same, no expo_queue_end or
 * _permit of the scan came in between.
 */
uint32_t expo_queue_changes(const expo_queue_t *q, const expo_id_t *scan);


/* --- workers and processes --- */

/*
 * A status of worker n. Sessions of it that opened EXPO_QUEUE_SEEN_MS ago and
 * are not reported (any more) are over.
 */
void expo_queue_worker(expo_queue_t *q, uint32_t n, uint32_t slots,
                       const expo_id_t *ids, uint32_t count, uint64_t now_ms);

/* This process lost worker n: its own sessions there and those in grace go. */
void expo_queue_worker_lost(expo_queue_t *q, uint32_t n,
                            const expo_owner_t *owner, uint64_t now_ms);

/* Drops what belongs to processes that are not alive; sessions that they had
   opened go into grace. */
void expo_queue_sweep(expo_queue_t *q,
                      bool (*alive)(const expo_owner_t *owner), uint64_t now_ms,
                      uint64_t grace_ms);


/* --- tickets of WebSockets are used once --- */

/* EXPO_CONFLICT: used before. EXPO_FULL: no place to remember it. */
expo_status_t expo_queue_redeem(expo_queue_t *q, const uint8_t nonce[16],
                                uint64_t expires_s, uint64_t now_s);


/* --- imports --- */

/* EXPO_CONFLICT: one of this scan runs. EXPO_FULL. */
expo_status_t expo_queue_import_begin(expo_queue_t *q,
                                      const expo_owner_t *owner,
                                      const expo_id_t *scan);
void expo_queue_import_note(expo_queue_t *q, const expo_id_t *scan,
                            const char *stage, float fraction);
void expo_queue_import_end(expo_queue_t *q, const expo_id_t *scan);
/* NULL: none runs. Good until expo_queue_exit. */
const expo_queue_import_t *expo_queue_import(const expo_queue_t *q,
                                             const expo_id_t *scan);

#endif
