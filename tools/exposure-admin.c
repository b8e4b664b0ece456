/*
 * exposure-admin: what the operator does beside a running service; here the
 * table of commands and the smallest of them. Data folder and key folder are
 * the ones of conf/exposure.conf unless named. An error is one sentence on
 * standard error and exit status 1.
 */

#include "tools/admin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
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
static int run(admin_options_t *o, int argc, char **argv);
static int give_files(const char *path, const struct passwd *pw);
static int gc(const admin_options_t *o);
static int fsck(const admin_options_t *o);
static int tidy(const admin_options_t *o, int check, uint32_t *removed,
                expo_status_t *st);
static void say_wrong(void *data, const char *what);

/* A line of the usage text, and who is called with how many words. */
typedef struct {
    const char *command, *verb;
    int least, most; /* words behind them */
    expo_audit_verb_t audits;
    int (*run)(const admin_options_t *o);
} command_t;

static int run_one(const admin_options_t *o, const command_t *c);

static const command_t commands[] = {
    {"init", NULL, 0, 1, EXPO_AUDIT_NONE, admin_init},
    {"user", "add", 1, 1, EXPO_AUDIT_USER_ADD, admin_user},
    {"user", "disable", 1, 1, EXPO_AUDIT_USER_DISABLE, admin_user},
    {"user", "enable", 1, 1, EXPO_AUDIT_USER_ENABLE, admin_user},
    {"user", "invite", 0, 0, EXPO_AUDIT_USER_ADD, admin_user_invite},
    {"user", "list", 0, 0, EXPO_AUDIT_NONE, admin_user_list},
    {"user", "quota", 2, 2, EXPO_AUDIT_USER_CHANGE, admin_user_quota},
    {"token", NULL, 0, 0, EXPO_AUDIT_SIGN_IN, admin_token},
    {"erase", "user", 1, 1, EXPO_AUDIT_USER_DELETE, admin_erase_user},
    {"erase", "scan", 1, 1, EXPO_AUDIT_SCAN_DELETE, admin_erase_scan},
    {"erase", "list", 0, 0, EXPO_AUDIT_NONE, admin_erase_list},
    {"backup", NULL, 1, 1, EXPO_AUDIT_NONE, admin_backup},
    {"restore", NULL, 1, 1, EXPO_AUDIT_RESTORE, admin_restore},
    {"export", NULL, 1, 1, EXPO_AUDIT_USER_EXPORT, admin_export},
    {"key", "rewrap", 0, 0, EXPO_AUDIT_KEY_ROTATE, admin_key_rewrap},
    {"key", "rotate", 0, 0, EXPO_AUDIT_KEY_ROTATE, admin_key_rotate},
    {"key", "status", 0, 0, EXPO_AUDIT_NONE, admin_key_status},
    {"key", "retire", 1, 1, EXPO_AUDIT_KEY_ROTATE, admin_key_retire},
    {"recovery", "init", 0, 1, EXPO_AUDIT_NONE, admin_recovery_init},
    {"recovery", "seal", 0, 0, EXPO_AUDIT_KEY_RECOVER, admin_recovery_seal},
    {"recovery", "drill", 1, 1, EXPO_AUDIT_NONE, admin_recovery_drill},
    {"recovery", "restore", 1, 1, EXPO_AUDIT_NONE, admin_recovery_restore},
    {"audit", "verify", 0, 0, EXPO_AUDIT_NONE, admin_audit_verify},
    {"audit", "export", 0, 0, EXPO_AUDIT_NONE, admin_audit_export},
    {"audit", "tail", 0, 0, EXPO_AUDIT_NONE, admin_audit_tail},
    {"gc", NULL, 0, 0, EXPO_AUDIT_NONE, gc},
    {"fsck", NULL, 0, 1, EXPO_AUDIT_NONE, fsck},
    {"doctor", NULL, 0, 0, EXPO_AUDIT_NONE, admin_doctor},
};

static const char usage[] =
    "usage: exposure-admin COMMAND [options]\n"
    "\n"
    "  init [DIR]                 make data folder, keys and key set\n"
    "  user add NAME              make an account; prints a random password,\n"
    "                             or takes it with --password-stdin\n"
    "  user invite                print a secret that makes one account, "
    "once,\n"
    "                             within 7 days: for the portal's "
    "/enrol#SECRET\n"
    "  user disable|enable NAME\n"
    "  user list                  ids, what they have and may have\n"
    "  user quota WHO BYTES|default\n"
    "  token --name NAME          print an access token; password on stdin\n"
    "  erase user WHO             a person with all that they have\n"
    "  erase scan ID\n"
    "  erase list                 what was erased, for restore --erased\n"
    "  export FILE                all of one person as a tar: --name with the\n"
    "                             password on stdin, or --subject\n"
    "  backup DIR                 a copy of the store, which may be in use\n"
    "  restore DIR --erased FILE  the store from such a copy, with what the\n"
    "                             list has erased; `none`: there is no list\n"
    "  key rewrap                 the master key's file anew\n"
    "  key rotate                 another master key; users move as they come\n"
    "  key status                 how many have, and how many are left\n"
    "  key retire N [--force]     destroy a former one that nobody is left on\n"
    "  recovery init [FILE]       a key pair; its private half, to be kept on\n"
    "                             paper, is printed or goes into FILE\n"
    "  recovery seal              the master key to that pair\n"
    "  recovery drill FILE        does the private half open it, and with\n"
    "                             --name or --subject a scan? - is stdin\n"
    "  recovery restore FILE      a lost master key from it\n"
    "  audit verify [--end E]     is every line as it was written, and the "
    "one\n"
    "                             there that `audit tail` once printed\n"
    "  audit export [--after SEQ] lines as JSON, to be kept elsewhere\n"
    "  audit tail                 where it ends\n"
    "  gc                         remove what nobody refers to\n"
    "  fsck [DIR]                 finish what a crash cut off, then compare\n"
    "                             database, blobs and tombstones\n"
    "  doctor                     key protection, modes, versions\n"
    "\n"
    "  WHO is the name of a built-in account or an id of `user list`.\n"
    "\n"
    "  --data DIR                 default /var/lib/exposure-render/store\n"
    "  --keys DIR                 default /etc/exposure-render\n"
    "  --owner USER               init, restore: who owns the data folder\n"
    "  --issuer URL --audience A  token, export, drill: as in the nginx\n"
    "                             configuration\n"
    "  --subject SUB              export, drill: as that issuer calls them\n"
    "  --sealed FILE              drill, restore: default KEYS/master.sealed\n"
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

    return run(&o, argc - optind, argv + optind);
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


int
admin_refused(expo_status_t st)
{
    return admin_fail("The store refused: %s.", expo_status_name(st));
}


int
admin_give(const admin_options_t *o)
{
    static const char *const names[] = {"", "/store.db", "/store.db-wal",
                                        "/store.db-shm", "/blobs"};
    char path[PATH_MAX];
    const struct passwd *pw;
    int wrong = 0;

    if (o->owner == NULL) {
        return 0;
    }

    pw = getpwnam(o->owner);
    if (pw == NULL) {
        return admin_fail("There is no user %s.", o->owner);
    }

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !wrong; i++) {
        snprintf(path, sizeof(path), "%s%s", o->data, names[i]);
        wrong = lchown(path, pw->pw_uid, pw->pw_gid) < 0 && errno != ENOENT;
    }

    if (!wrong) {
        wrong = give_files(path, pw);
    }

    return wrong ? admin_fail("%s cannot be given to %s: %s.", path, o->owner,
                              strerror(errno))
                 : 0;
}


static int
give_files(const char *path, const struct passwd *pw)
{
    struct dirent *e;
    int wrong = 0;
    DIR *d;

    d = opendir(path);
    if (d == NULL) {
        return 1;
    }

    while ((e = readdir(d)) != NULL && !wrong) {
        wrong = strcmp(e->d_name, "..") != 0 &&
                fchownat(dirfd(d), e->d_name, pw->pw_uid, pw->pw_gid,
                         AT_SYMLINK_NOFOLLOW) < 0;
    }
    closedir(d);

    return wrong;
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
        {"erased", required_argument, NULL, 'e'},
        {"subject", required_argument, NULL, 's'},
        {"sealed", required_argument, NULL, 'S'},
        {"end", required_argument, NULL, 'E'},
        {"after", required_argument, NULL, 'A'},
        {"lifetime", required_argument, NULL, 'l'},
        {"password-stdin", no_argument, NULL, 'p'},
        {"force", no_argument, NULL, 'f'},
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
        case 's':
            o->subject = optarg;
            break;
        case 'S':
            o->sealed = optarg;
            break;
        case 'e':
            o->erased = optarg;
            break;
        case 'E':
            o->end = optarg;
            break;
        case 'A':
            o->after = optarg;
            break;
        case 'l':
            o->lifetime_s = strtol(optarg, &end, 10);
            break;
        case 'p':
            o->password_stdin = 1;
            break;
        case 'f':
            o->force = 1;
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
run(admin_options_t *o, int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const command_t *c = &commands[i];
        int named = c->verb != NULL ? 2 : 1;

        if (argc < named || strcmp(argv[0], c->command) != 0 ||
            (c->verb != NULL && strcmp(argv[1], c->verb) != 0)) {
            continue;
        }

        if (argc - named < c->least || argc - named > c->most) {
            break;
        }

        o->verb = c->verb;
        for (int n = 0; n < argc - named; n++) {
            o->words[n] = argv[named + n];
        }

        return run_one(o, c);
    }

    fputs(usage, stderr);

    return 1;
}


/* A line of the audit first; of a restore into what was restored. */
static int
run_one(const admin_options_t *o, const command_t *c)
{
    const char *who = o->name != NULL ? o->name : o->words[0];
    int rc;

    /* By subject: no name is known, and the word is a file. */
    if (o->subject != NULL) {
        who = NULL;
    }

    if (c->audits == EXPO_AUDIT_NONE) {
        return c->run(o);
    }

    if (c->audits == EXPO_AUDIT_RESTORE) {
        rc = c->run(o);
        return rc != 0 ? rc
                       : admin_audit(o, c->audits, NULL, EXPO_AUDIT_PERMITTED);
    }

    if (admin_audit(o, c->audits, who, EXPO_AUDIT_PERMITTED)) {
        return 1;
    }

    rc = c->run(o);
    if (rc != 0) {
        admin_audit(o, c->audits, who, EXPO_AUDIT_FAILED);
    }

    return rc;
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
        return admin_refused(st);
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
    admin_options_t here = *o;
    expo_store_t *s;

    here.data = o->words[0] != NULL ? o->words[0] : o->data;

    s = admin_open_store(&here);
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
