#include "lib/deidentify.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define DEIDENTIFY_DEPTH 8 /* of values that are sequences */

typedef struct {
    uint32_t tag;
    int only_empty;
} deidentify_entry_t;

struct expo_deidentify_s {
    deidentify_entry_t *entry; /* by tag */
    size_t count, room;
};

/* The list lies between these labels, byte for byte. */
__asm__(".pushsection .rodata\n"
        "deidentify_text: .incbin \"api/deidentify.json\"\n"
        "deidentify_text_end: .byte 0\n"
        ".popsection\n");
#define HIDDEN __attribute__((visibility("hidden")))
extern const char deidentify_text[] HIDDEN;
extern const char deidentify_text_end[] HIDDEN;

static int deidentify_add(expo_deidentify_t *list, const json_t *elements,
                          int only_empty, int depth);
static int deidentify_put(expo_deidentify_t *list, uint32_t tag,
                          int only_empty);
static int deidentify_compare(const void *a, const void *b);


expo_status_t
expo_deidentify_open(expo_deidentify_t **out)
{
    static const char *const parts[] = {"keep", "sequences", "replace_uid",
                                        "set", "empty"};
    expo_deidentify_t *list = calloc(1, sizeof(*list));
    json_t *json = json_loadb(deidentify_text,
                              (size_t) (deidentify_text_end - deidentify_text),
                              JSON_REJECT_DUPLICATES, NULL);
    int ok = list != NULL && json != NULL;

    for (size_t i = 0; ok && i < sizeof(parts) / sizeof(*parts); i++) {
        ok = deidentify_add(list, json_object_get(json, parts[i]),
                            strcmp(parts[i], "empty") == 0, 0);
    }

    json_decref(json);

    if (!ok) {
        expo_deidentify_close(list);
        return EXPO_NO_MEMORY;
    }

    qsort(list->entry, list->count, sizeof(*list->entry), deidentify_compare);
    *out = list;

    return EXPO_OK;
}


void
expo_deidentify_close(expo_deidentify_t *list)
{
    if (list != NULL) {
        free(list->entry);
        free(list);
    }
}


int
expo_deidentify_allows(const expo_deidentify_t *list, uint32_t tag, int empty)
{
    const deidentify_entry_t key = {.tag = tag}, *e;

    if ((tag & 0xffff) == 0) {
        return 1;
    }

    e = bsearch(&key, list->entry, list->count, sizeof(*list->entry),
                deidentify_compare);

    return e != NULL && (empty || !e->only_empty);
}


/* A value that is a sequence brings the elements of its items. */
static int
deidentify_add(expo_deidentify_t *list, const json_t *elements, int only_empty,
               int depth)
{
    const json_t *element, *item, *value;
    size_t i, k;
    uint32_t tag;

    json_array_foreach(elements, i, element)
    {
        tag = (uint32_t) strtoul(
            json_string_value(json_object_get(element, "tag")), NULL, 16);

        /* What is filled with something of no meaning need not be empty. */
        if (!deidentify_put(list, tag,
                            only_empty &&
                                json_object_get(element, "fill") == NULL)) {
            return 0;
        }

        value = json_object_get(element, "value");
        json_array_foreach(value, k, item)
        {
            if (depth < DEIDENTIFY_DEPTH &&
                !deidentify_add(list, item, 0, depth + 1)) {
                return 0;
            }
        }
    }

    return 1;
}


static int
deidentify_put(expo_deidentify_t *list, uint32_t tag, int only_empty)
{
    void *grown;

    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 128;
        grown = reallocarray(list->entry, list->room, sizeof(*list->entry));
        if (grown == NULL) {
            return 0;
        }

        list->entry = grown;
    }

    list->entry[list->count++] = (deidentify_entry_t){tag, only_empty};
    return 1;
}


static int
deidentify_compare(const void *a, const void *b)
{
    const deidentify_entry_t *x = a, *y = b;

    return (x->tag > y->tag) - (x->tag < y->tag);
}
