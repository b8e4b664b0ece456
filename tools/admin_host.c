/* What of the machine bears on the keys: swap, core dumps, the disk. */

#include "tools/admin.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define HOST_LOW 5 /* percent of the disk that should stay free */

static void host_swap(void);
static const char *host_swap_kind(const char *device);
static int host_cores(void);
static int host_line(const char *path, char *line, size_t bytes);
static int host_disk(const admin_options_t *o);


int
admin_doctor_host(const admin_options_t *o)
{
    int wrong;

    host_swap();
    wrong = host_cores();

    return host_disk(o) | wrong;
}


/* Keys are locked in memory, opened volumes are too large for that. */
static void
host_swap(void)
{
    FILE *f = fopen("/proc/swaps", "re");
    char line[256];
    int n = 0;

    /* Its first line is a heading. */
    if (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        while (fgets(line, sizeof(line), f) != NULL) {
            line[strcspn(line, " \t\n")] = '\0';
            printf("swap: %s%s\n", line, host_swap_kind(line));
            n++;
        }
    }

    if (f != NULL) {
        fclose(f);
    }

    if (n == 0) {
        puts("swap: none");
    }
}


static const char *
host_swap_kind(const char *device)
{
    const char *name = strrchr(device, '/');
    char path[300], uuid[64];

    name = name != NULL ? name + 1 : device;

    if (strncmp(name, "zram", 4) == 0) {
        return ", in memory";
    }

    snprintf(path, sizeof(path), "/sys/block/%s/dm/uuid", name);

    if (host_line(path, uuid, sizeof(uuid)) == 0 &&
        strncmp(uuid, "CRYPT-", 6) == 0) {
        return ", encrypted";
    }

    return " (warning: not encrypted, and may hold pixels)";
}


/*
 * Every process of the service says that it must not be dumped. Only this
 * setting overrules them.
 */
static int
host_cores(void)
{
    char line[16];
    int all =
        host_line("/proc/sys/fs/suid_dumpable", line, sizeof(line)) == 0 &&
        line[0] == '2';

    printf("core dumps: %s\n",
           all ? "of every process (warning: sysctl fs.suid_dumpable=0)"
               : "not of processes that hold keys");

    return all;
}


static int
host_line(const char *path, char *line, size_t bytes)
{
    FILE *f = fopen(path, "re");
    int ok;

    if (f == NULL) {
        return -1;
    }

    ok = fgets(line, (int) bytes, f) != NULL;
    fclose(f);

    return ok ? 0 : -1;
}


static int
host_disk(const admin_options_t *o)
{
    unsigned long long free_mib, percent;
    struct statvfs v;

    if (statvfs(o->data, &v) < 0 || v.f_blocks == 0) {
        return 0;
    }

    free_mib = (unsigned long long) v.f_bavail * v.f_frsize >> 20;
    percent = (unsigned long long) v.f_bavail * 100 / v.f_blocks;

    printf("disk: %llu MiB free, %llu %%%s\n", free_mib, percent,
           percent < HOST_LOW ? " (warning: uploads will be refused soon)"
                              : "");

    return percent < HOST_LOW;
}
