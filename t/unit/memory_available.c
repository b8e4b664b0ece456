/* What memory a worker may take, by its cgroup's files. */

#include "render-worker/memory.c"

#include <stdlib.h>
#include <unistd.h>

#include "t/unit/check.h"

static const char *const files[] = {"memory.max", "memory.current",
                                    "memory.stat"};

/* What is left when the files say this; NULL: there is no such file. */
static uint64_t
left(const char *max, const char *current, const char *stat)
{
    const char *text[] = {max, current, stat};
    char folder[] = "/tmp/expo-memory-XXXXXX", path[64];
    uint64_t n;
    FILE *f;
    int i;

    check(mkdtemp(folder) != NULL);

    for (i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        f = text[i] != NULL ? fopen(path, "w") : NULL;

        if (f != NULL) {
            fputs(text[i], f);
            fclose(f);
        }
    }

    n = memory_left(folder);

    for (i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }

    rmdir(folder);

    return n;
}

static void
a_cgroup_leaves_its_limit_less_what_is_used(void)
{
    check(left("1000\n", "400\n", "anon 400\n") == 600);
    check(left("1000\n", "1000\n", "anon 1000\n") == 0);
    check(left("1000\n", "1200\n", NULL) == 0);
    check(left("max\n", "400\n", "anon 400\n") == UINT64_MAX);
    check(left(NULL, NULL, NULL) == UINT64_MAX);
}

static void
files_that_were_read_do_not_count_as_used(void)
{
    check(left("1000\n", "1000\n",
               "anon 100\nfile 900\ninactive_anon 0\nactive_anon 100\n"
               "inactive_file 700\nactive_file 200\n") == 900);
    check(left("1000\n", "50\n", "inactive_file 80\nactive_file 1\n") == 1000);
}

static void
something_is_available_here(void)
{
    check(memory_available() > 0);
}

int
main(void)
{
    a_cgroup_leaves_its_limit_less_what_is_used();
    files_that_were_read_do_not_count_as_used();
    something_is_available_here();

    return done();
}
