/*
 * exposure-admin: what the operator does beside a running service. Data folder
 * and key folder are the ones of conf/exposure.conf unless named. An error is
 * one sentence on standard error and exit status 1.
 */

#include "tools/admin.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>
#include <time.h>

#include "lib/vault.h"

static int options(admin_options_t *o, int argc, char **argv);
static int run(admin_options_t *o, const char *command, const char *first,
               const char *second);
static int gc(const admin_options_t *o);
static int fsck(const admin_options_t *o);
static int tidy(const admin_options_t *o, int check, uint32_t *removed,
                expo_status_t *st);
static void say_wrong(void *data, const char *what);

static const char usage[] =
    "usage: exposure-admin COMMAND [options]\n"
    "\n"
    "  init [DIR]                 make data folder, keys and key set\n"
    "  user add NAME              make an account; prints a random password,\n"
    "                             or takes it with --password-stdin\n"
    "  user disable|enable NAME\n"
    "  token --name NAME          print an access token; password on stdin\n"
    "  gc                         remove what nobody refers to\n"
    "  fsck [DIR]                 finish what a crash cut off, then compare\n"
    "                             database, blobs and tombstones\n"
    "  doctor                     key protection, modes, versions\n"
    "\n"
    "  --data DIR                 default /var/lib/exposure-render/store\n"
    "  --keys DIR                 default /etc/exposure-render\n"
    "  --owner USER               init: who owns the data folder\n"
    "  --issuer URL --audience A  token: as in the nginx configuration\n"
    "  --lifetime SECONDS         token: default 3600\n";


int
main(int argc, char **argv)
{
    static const struct rlimit no_core;
    admin_options_t o = {.data = "/var/lib/exposure-render/store",
                         .keys = "/etc/exposure-render",
                         .issuer = "https://exposure-render.local",
                         .audience = "exposure-render",
                         .lifetime_s = 3600};
    int rc;

    rc = options(&o, argc, argv);
    if (rc >= 0) {
        return rc;
    }

    if (sodium_init() < 0) {
        return admin_fail("libsodium does not start.");
    }

    /* Secrets pass through this process. */
    setrlimit(RLIMIT_CORE, &no_core);
    umask(077);

    return run(&o, optind < argc ? argv[optind] : "",
               optind + 1 < argc ? argv[optind + 1] : NULL,
               optind + 2 < argc ? argv[optind + 2] : NULL);
}


int
admin_fail(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);

    return 1;
}


void
admin_key_path(char path[PATH_MAX], const admin_options_t *o, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", o->keys, name);
}


expo_store_t *
admin_open_store(const admin_options_t *o)
{
    char error[512];
    expo_store_t *s;

    if (expo_store_open(o->data, 0, &s, error, sizeof(error)) != EXPO_OK) {
        admin_fail("%s", error);
        return NULL;
    }

    return s;
}


int
admin_load_master(const admin_options_t *o, uint8_t master[32])
{
    char path[PATH_MAX], error[512];

    admin_key_path(path, o, "master.key");

    if (expo_vault_master_load(master, path, error, sizeof(error)) != EXPO_OK) {
        return admin_fail("%s", error);
    }

    return 0;
}


int
admin_load_signing(const admin_options_t *o, char pem[ADMIN_PEM_MAX],
                   size_t *len)
{
    char path[PATH_MAX];
    struct stat sb;
    ssize_t n = -1;
    int fd;

    admin_key_path(path, o, "signing.pem");

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &sb) == 0) {
        if (sb.st_mode & 077) {
            close(fd);
            return admin_fail(
                "The signing key %s is open to others: chmod 0600.", path);
        }
        n = read(fd, pem, ADMIN_PEM_MAX);
    }

    if (fd >= 0) {
        close(fd);
    }

    if (n <= 0 || n == ADMIN_PEM_MAX) {
        return admin_fail("The signing key %s cannot be read.", path);
    }

    *len = (size_t) n;

    return 0;
}


/* -1, or the exit status when there is nothing more to do. */
static int
options(admin_options_t *o, int argc, char **argv)
{
    static const struct option names[] = {
        {"data", required_argument, NULL, 'd'},
        {"keys", required_argument, NULL, 'k'},
        {"issuer", required_argument, NULL, 'i'},
        {"audience", required_argument, NULL, 'a'},
        {"name", required_argument, NULL, 'n'},
        {"owner", required_argument, NULL, 'o'},
        {"lifetime", required_argument, NULL, 'l'},
        {"password-stdin", no_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    char *end = "";
    int c;

    while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        switch (c) {
        case 'd':
            o->data = optarg;
            break;
        case 'k':
            o->keys = optarg;
            break;
        case 'i':
            o->issuer = optarg;
            break;
        case 'a':
            o->audience = optarg;
            break;
        case 'n':
            o->name = optarg;
            break;
        case 'o':
            o->owner = optarg;
            break;
        case 'l':
            o->lifetime_s = strtol(optarg, &end, 10);
            break;
        case 'p':
            o->password_stdin = 1;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 1;
        }
    }

    if (*end != '\0' || o->lifetime_s < 1 || o->lifetime_s > 86400) {
        return admin_fail("--lifetime is 1 to 86400 seconds.");
    }

    return -1;
}


static int
run(admin_options_t *o, const char *command, const char *first,
    const char *second)
{
    if (strcmp(command, "user") == 0 && first != NULL && second != NULL) {
        o->name = second;
        return admin_user(o, first);
    }

    if (strcmp(command, "init") == 0) {
        o->data = first != NULL ? first : o->data;
        return admin_init(o);
    }

    if (strcmp(command, "fsck") == 0) {
        o->data = first != NULL ? first : o->data;
        return fsck(o);
    }

    if (strcmp(command, "token") == 0 && o->name != NULL) {
        return admin_token(o);
    }

    if (strcmp(command, "gc") == 0) {
        return gc(o);
    }

    if (strcmp(command, "doctor") == 0) {
        return admin_doctor(o);
    }

    fputs(usage, stderr);

    return 1;
}


static int
gc(const admin_options_t *o)
{
    uint32_t removed = 0;
    expo_status_t st;

    if (tidy(o, 0, &removed, &st) != 0) {
        return 1;
    }

    if (st != EXPO_OK) {
        return admin_fail("The store refused: %s.", expo_status_name(st));
    }

    printf("%u files removed\n", removed);

    return 0;
}


static int
fsck(const admin_options_t *o)
{
    uint32_t removed = 0;
    expo_status_t st;

    if (tidy(o, 1, &removed, &st) != 0) {
        return 1;
    }

    if (st != EXPO_OK && st != EXPO_CORRUPT) {
        return admin_fail("The store cannot be checked: %s.",
                          expo_status_name(st));
    }

    printf("%s, %u files left over from a crash removed\n",
           st == EXPO_OK ? "clean" : "damaged", removed);

    return st != EXPO_OK;
}


/* Removes what nobody refers to, then looks at the rest; 1: not opened. */
static int
tidy(const admin_options_t *o, int check, uint32_t *removed, expo_status_t *st)
{
    expo_store_t *s = admin_open_store(o);

    if (s == NULL) {
        return 1;
    }

    *st = expo_store_reap(s, (uint64_t) time(NULL), removed);
    if (*st == EXPO_OK && check) {
        *st = expo_store_check(s, say_wrong, NULL);
    }

    expo_store_close(s);

    return 0;
}


static void
say_wrong(void *data, const char *what)
{
    (void) data;
    puts(what);
}
