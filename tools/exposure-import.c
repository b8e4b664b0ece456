/* exposure-import: DICOM files to a volume, as the service does it. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "lib/nrrd.h"
#include "render-worker/import/child.h"
#include "render-worker/import/import.h"

enum { IMPORT_USAGE = 64, IMPORT_CHUNK = 1 << 16 };

static const char usage[] =
    "usage: exposure-import PATH... [--out volume.nrrd] "
    "[--report report.json] [--all-series]\n"
    "Folders are searched for DICOM files; one archive (zip, tar, tar.gz) is\n"
    "opened. Without --report the report goes "
    "to the output;\n"
    "with --out - our own volume does, for a program that reads it.\n"
    "exit: 0 imported, 2 nothing usable, 3 malformed\n";

typedef struct {
    const char *out, *report;
    int all_series, pipe;
    size_t series;
} options_t;

static char **import_paths;
static size_t import_path_count;

static int import_options(options_t *o, int argc, char **argv);
static int import_add(const char *path, const struct stat *st, int type,
                      struct FTW *where);
static int import_compare(const void *a, const void *b);
static void import_others(const options_t *o, json_t *report);
static void import_name(char *dst, size_t cap, const char *out, size_t series);
static int import_save(const char *path, const uint8_t *volume, size_t bytes);
static int import_put(FILE *f, const uint8_t *volume, size_t bytes);
static int import_is_output(const char *path);
static int import_tell(const char *path, const json_t *report);


int
main(int argc, char **argv)
{
    options_t o = {.series = IMPORT_CHOOSE};
    import_result_t result;
    uint8_t *volume;
    json_t *report;
    size_t bytes;

    if (!import_options(&o, argc, argv)) {
        fputs(usage, stderr);
        return IMPORT_USAGE;
    }

    if (o.pipe) {
        /* What runs at a normal exit may need calls that are gone by then. */
        _exit(import_pipe(o.series));
    }

    qsort(import_paths, import_path_count, sizeof *import_paths,
          import_compare);
    result = import_child(import_paths, import_path_count, o.series, &volume,
                          &bytes, &report);

    if (result == IMPORT_DONE && o.out != NULL &&
        !import_save(o.out, volume, bytes)) {
        fprintf(stderr, "exposure-import: cannot write the volume: %s\n",
                strerror(errno));
        return IMPORT_MALFORMED;
    }
    free(volume);

    if (result == IMPORT_DONE && o.all_series) {
        import_others(&o, report);
    }

    if (!(import_is_output(o.out) && o.report == NULL) &&
        !import_tell(o.report, report)) {
        fprintf(stderr, "exposure-import: cannot write the report: %s\n",
                strerror(errno));
        return IMPORT_MALFORMED;
    }

    if (json_object_get(report, "failure") != NULL) {
        fprintf(stderr, "exposure-import: %s\n",
                json_string_value(json_object_get(
                    json_object_get(report, "failure"), "detail")));
    }

    json_decref(report);
    return result;
}


static int
import_options(options_t *o, int argc, char **argv)
{
    int paths = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--pipe") == 0) {
            o->pipe = 1;

        } else if (strcmp(argv[i], "--all-series") == 0) {
            o->all_series = 1;

        } else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc) {
            o->out = argv[++i];

        } else if (strcmp(argv[i], "--report") == 0 && i + 1 < argc) {
            o->report = argv[++i];

        } else if (strcmp(argv[i], "--series") == 0 && i + 1 < argc) {
            o->series = (size_t) strtoll(argv[++i], NULL, 10);

        } else if (strncmp(argv[i], "--", 2) == 0) {
            return 0;

        } else {
            paths++;
            if (nftw(argv[i], import_add, 32, 0) != 0) {
                fprintf(stderr, "exposure-import: %s: %s\n", argv[i],
                        strerror(errno));
                return 0;
            }
        }
    }

    return o->pipe ? paths == 0 : paths > 0;
}


static int
import_add(const char *path, const struct stat *st, int type, struct FTW *where)
{
    char **grown;

    (void) where;

    if (type != FTW_F || !S_ISREG(st->st_mode)) {
        return 0;
    }

    grown = reallocarray(import_paths, import_path_count + 1, sizeof *grown);
    if (grown == NULL) {
        return -1;
    }

    import_paths = grown;
    import_paths[import_path_count] = strdup(path);
    return import_paths[import_path_count++] == NULL ? -1 : 0;
}


static int
import_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


/* Every other series that could have been chosen, one process each. */
static void
import_others(const options_t *o, json_t *report)
{
    json_t *series = json_object_get(report, "series"), *entry, *other;
    const char *reason;
    char path[4096];
    uint8_t *volume;
    size_t bytes, i;

    json_array_foreach(series, i, entry)
    {
        reason = json_string_value(json_object_get(entry, "reason"));
        if (reason == NULL || (strcmp(reason, "fewer_slices") != 0 &&
                               strcmp(reason, "other_time") != 0)) {
            continue;
        }

        if (import_child(import_paths, import_path_count, i, &volume, &bytes,
                         &other) == IMPORT_DONE) {
            json_array_set(series, i,
                           json_array_get(json_object_get(other, "series"), i));
            import_name(path, sizeof path, o->out ? o->out : "", i);

            if (o->out != NULL && !import_save(path, volume, bytes)) {
                fprintf(stderr, "exposure-import: cannot write series %zu\n",
                        i);
            }
        }

        free(volume);
        json_decref(other);
    }
}


/* volume.nrrd and 2 make volume-2.nrrd. */
static void
import_name(char *dst, size_t cap, const char *out, size_t series)
{
    const char *dot = strrchr(out, '.');
    int stem = dot != NULL && strchr(dot, '/') == NULL ? (int) (dot - out)
                                                       : (int) strlen(out);

    snprintf(dst, cap, "%.*s-%zu%s", stem, out, series, out + stem);
}


static int
import_save(const char *path, const uint8_t *volume, size_t bytes)
{
    char tmp[4096];
    FILE *f;
    int ok;

    if (import_is_output(path)) {
        return fwrite(volume, 1, bytes, stdout) == bytes && fflush(stdout) == 0;
    }

    snprintf(tmp, sizeof tmp, "%s.%d.tmp", path, (int) getpid());

    f = fopen(tmp, "wbxe");
    if (f == NULL) {
        return 0;
    }

    ok = import_put(f, volume, bytes);
    ok = fclose(f) == 0 && ok && rename(tmp, path) == 0;

    if (!ok) {
        unlink(tmp);
    }

    return ok;
}


static int
import_put(FILE *f, const uint8_t *volume, size_t bytes)
{
    static uint8_t values[IMPORT_CHUNK * 4];
    char header[EXPO_NRRD_HEADER_MAX];
    const uint8_t *p = volume + EXPO_VOLUME_HEADER;
    expo_nrrd_type_t type;
    expo_volume_t v;
    uint64_t left;
    size_t n;

    if (expo_volume_read(&v, volume, bytes) != EXPO_OK) {
        return 0;
    }

    type = expo_nrrd_type(&v);

    if (expo_nrrd_header(header, sizeof header, &n, &v, type) != EXPO_OK ||
        fwrite(header, 1, n, f) != n) {
        return 0;
    }

    for (left = expo_volume_voxels(&v); left > 0; left -= n) {
        n = left < IMPORT_CHUNK ? (size_t) left : IMPORT_CHUNK;
        expo_nrrd_values(values, p, n, &v, type);
        p += 2 * n;

        if (fwrite(values, expo_nrrd_bytes(type), n, f) != n) {
            return 0;
        }
    }

    return 1;
}


static int
import_is_output(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}


static int
import_tell(const char *path, const json_t *report)
{
    FILE *f = path != NULL ? fopen(path, "we") : stdout;
    int ok;

    if (f == NULL) {
        return 0;
    }

    ok = json_dumpf(report, f, JSON_INDENT(2)) == 0 && fputc('\n', f) != EOF;

    return f == stdout ? fflush(f) == 0 && ok : fclose(f) == 0 && ok;
}
