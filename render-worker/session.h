/*
 * Sessions: one scan being looked at, by any number of viewers behind any
 * number of nginx workers. Main thread only; loading and rendering are
 * elsewhere.
 *
 *   loading ──▶ ready ──▶ ending ──▶ freed
 *        └──────────────────▲
 *
 * An ending session holds no slot and nobody finds it; it waits for the thread
 * that still borrows its memory.
 */

#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "render-worker/worker.h"

/* Handlers of the control messages of these names; message is schema-checked.
 */
void session_open(worker_t *w, uint64_t peer, const json_t *message,
                  const uint8_t *key, size_t key_bytes, int fd);
void session_join(worker_t *w, uint64_t peer, const json_t *message);
void session_leave(worker_t *w, uint64_t peer, const json_t *message);
void session_viewers(worker_t *w, uint64_t peer, const json_t *message);
void session_patch(worker_t *w, uint64_t peer, const json_t *message);
void session_pick(worker_t *w, uint64_t peer, const json_t *message);
void session_keyframe(worker_t *w, uint64_t peer, const json_t *message);
void session_stream(worker_t *w, uint64_t peer, const json_t *message);
void session_close(worker_t *w, uint64_t peer, const json_t *message);

/* A connection was lost. */
void session_peer_gone(worker_t *w, uint64_t peer);

void session_tick(worker_t *w, uint64_t now_us);
void session_end_all(worker_t *w, const char *reason);

/* Ids of those that hold a slot. */
json_t *session_list(const worker_t *w);

uint32_t session_slots(const worker_t *w); /* how many those are */

/* What the render thread tells; owner is a session. */
extern const serve_events_t session_events;

#endif
