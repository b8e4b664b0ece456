#include "render-worker/import/index.h"

#include <stdlib.h>
#include <string.h>

#include "render-worker/import/report.h"

static json_t *index_file(const import_file_t *f);
static const char *index_code(const import_file_t *f);
static int index_series(const import_files_t *files, json_t *list);


int
index_write(const import_sink_t *sink, const import_files_t *files)
{
    json_t *list = json_array(), *index;
    char *text;
    int ok;

    for (size_t i = 0; i < files->count; i++) {
        json_array_append_new(list, index_file(&files->file[i]));
    }

    index = json_pack("{s:i, s:o}", "series", index_series(files, list),
                      "files", list);
    text = json_dumps(index, JSON_COMPACT);
    json_decref(index);

    ok = text != NULL && sink->volume(sink->data, text, strlen(text));
    free(text);

    return ok;
}


static json_t *
index_file(const import_file_t *f)
{
    int inside = f->packed == NULL && f->entry.data != NULL;
    json_t *class = json_string(f->header.sop_class);
    json_t *instance = json_string(f->header.sop_instance);

    /* What is no text is no UID either. */
    return json_pack("{s:I, s:I, s:o, s:o, s:i, s:s}", "at",
                     (json_int_t) (inside ? f->entry.data - f->input->data : 0),
                     "bytes", (json_int_t) (inside ? f->entry.bytes : 0),
                     "class", class ? class : json_string(""), "instance",
                     instance ? instance : json_string(""), "series", -1,
                     "code", index_code(f));
}


/* Files that are no pictures of a volume have been understood: "". */
static const char *
index_code(const import_file_t *f)
{
    if (!f->dicom) {
        return "no_dicom";
    }

    switch (f->reason) {
    case REASON_TRUNCATED:
        return "truncated";
    case REASON_UNSUPPORTED:
        return "unsupported_syntax";
    case REASON_DAMAGED:
        return "damaged";
    case REASON_TOO_LARGE:
        return "too_large";
    default:
        return "";
    }
}


/* Numbers the usable series and marks their files; how many there are. */
static int
index_series(const import_files_t *files, json_t *list)
{
    const expo_plan_t *plan = files->plan;
    const expo_group_t *g;
    const import_file_t *f;
    int n = 0;

    for (size_t i = 0; plan != NULL && i < plan->count; i++) {
        g = &plan->groups[i];
        if (g->drop != EXPO_DROP_NONE) {
            continue;
        }

        for (size_t k = 0; k < g->count; k++) {
            f = files->picture[files->of[g->members[k]]].file;
            json_object_set_new(
                json_array_get(list, (size_t) (f - files->file)), "series",
                json_integer(n));
        }
        n++;
    }

    return n;
}
