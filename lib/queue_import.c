/* Who imports what, and how far it is. */

#include "lib/queue_private.h"

#include <string.h>


expo_status_t
expo_queue_import_begin(expo_queue_t *q, const expo_owner_t *owner,
                        const expo_id_t *scan)
{
    expo_queue_import_t *i;

    if (expo_queue_import(q, scan) != NULL) {
        return EXPO_CONFLICT;
    }

    for (EACH(i, q->imports)) {
        if (!i->running) {
            i->fraction = 0;
            i->scan = *scan;
            i->owner = *owner;
            memset(i->stage, 0, sizeof(i->stage));
            queue_set(&i->running, 1);
            return EXPO_OK;
        }
    }

    return EXPO_FULL;
}


void
expo_queue_import_note(expo_queue_t *q, const expo_id_t *scan,
                       const char *stage, float fraction)
{
    expo_queue_import_t *i;

    i = (expo_queue_import_t *) expo_queue_import(q, scan);
    if (i == NULL) {
        return;
    }

    /* The last byte stays NUL. */
    memset(i->stage, 0, sizeof(i->stage));
    memcpy(i->stage, stage, strnlen(stage, sizeof(i->stage) - 1));
    i->fraction = fraction;
}


void
expo_queue_import_end(expo_queue_t *q, const expo_id_t *scan)
{
    expo_queue_import_t *i;

    i = (expo_queue_import_t *) expo_queue_import(q, scan);
    if (i != NULL) {
        queue_set(&i->running, 0);
    }
}


const expo_queue_import_t *
expo_queue_import(const expo_queue_t *q, const expo_id_t *scan)
{
    const expo_queue_import_t *i;

    for (EACH(i, q->imports)) {
        if (i->running && queue_same_id(&i->scan, scan)) {
            return i;
        }
    }

    return NULL;
}
