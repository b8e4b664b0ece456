/*
 * exposure-admin: what the operator does beside a running service. Data folder
 * and key folder are the ones of conf/exposure.conf unless named. An error is
 * one sentence on standard error and exit status 1.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <linux/magic.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <sqlite3.h>

#include "lib/account.h"
#include "lib/store.h"
#include "lib/token.h"
#include "lib/vault.h"

#define SIGNING_BITS 2048
#define SIGNING_BYTES_MAX 16384
#define PASSWORD_CHARS 20 /* of a made one: 5 bits each */

typedef struct {
    const char *data, *keys;
    const char *issuer, *audience;
    const char *name;  /* of an account */
    const char *owner; /* who shall own the data folder */
    long lifetime_s;
    int password_stdin;
} options_t;

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void key_path(char path[PATH_MAX], const options_t *o, const char *name);
static int init(const options_t *o);
static int init_master(const options_t *o);
static int init_signing(const options_t *o);
static int init_jwks(const options_t *o);
static int init_owner(const options_t *o);
static int user(const options_t *o, const char *verb);
static int user_add(const options_t *o, expo_store_t *s,
                    const uint8_t master[32], const uint8_t tag[64]);
static int token(const options_t *o);
static int gc(const options_t *o);
static int fsck(const options_t *o);
static int doctor(const options_t *o);
static void doctor_versions(void);
static int doctor_keys(const options_t *o);
static int doctor_file(const char *path, mode_t forbidden);
static void doctor_swap(void);

static expo_store_t *open_store(const options_t *o);
static int load_master(const options_t *o, uint8_t master[32]);
static int load_signing(const options_t *o, char pem[SIGNING_BYTES_MAX],
                        size_t *len);
static int read_password(char password[EXPO_PASSWORD_MAX + 2], size_t *len);
static void make_password(char password[PASSWORD_CHARS + 1]);
static int write_file(const char *path, mode_t mode, const char *text,
                      size_t len);
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
    static const struct rlimit no_core;
    options_t o = {.data = "/var/lib/exposure-render/store",
                   .keys = "/etc/exposure-render",
                   .issuer = "https://exposure-render.local",
                   .audience = "exposure-render",
                   .lifetime_s = 3600};
    const char *command, *first, *second;
    char *end = "";
    int c;

    while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        switch (c) {
        case 'd':
            o.data = optarg;
            break;
        case 'k':
            o.keys = optarg;
            break;
        case 'i':
            o.issuer = optarg;
            break;
        case 'a':
            o.audience = optarg;
            break;
        case 'n':
            o.name = optarg;
            break;
        case 'o':
            o.owner = optarg;
            break;
        case 'l':
            o.lifetime_s = strtol(optarg, &end, 10);
            break;
        case 'p':
            o.password_stdin = 1;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 1;
        }
    }

    if (*end != '\0' || o.lifetime_s < 1 || o.lifetime_s > 86400) {
        return fail("--lifetime is 1 to 86400 seconds.");
    }

    if (sodium_init() < 0) {
        return fail("libsodium does not start.");
    }

    /* Secrets pass through this process. */
    setrlimit(RLIMIT_CORE, &no_core);
    umask(077);

    command = optind < argc ? argv[optind] : "";
    first = optind + 1 < argc ? argv[optind + 1] : NULL;
    second = optind + 2 < argc ? argv[optind + 2] : NULL;

    if (strcmp(command, "user") == 0 && first != NULL && second != NULL) {
        o.name = second;
        return user(&o, first);
    }

    if (strcmp(command, "init") == 0 || strcmp(command, "fsck") == 0) {
        o.data = first != NULL ? first : o.data;
        return command[0] == 'i' ? init(&o) : fsck(&o);
    }

    if (strcmp(command, "token") == 0 && o.name != NULL) {
        return token(&o);
    }

    if (strcmp(command, "gc") == 0) {
        return gc(&o);
    }

    if (strcmp(command, "doctor") == 0) {
        return doctor(&o);
    }

    fputs(usage, stderr);

    return 1;
}


static int
fail(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);

    return 1;
}


static void
key_path(char path[PATH_MAX], const options_t *o, const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", o->keys, name);
}


/* Each part is made where it is missing, so that init can be run again. */
static int
init(const options_t *o)
{
    char error[512];
    expo_store_t *s;

    if (mkdir(o->keys, 0700) < 0 && errno != EEXIST) {
        return fail("The folder %s cannot be made: %s.", o->keys,
                    strerror(errno));
    }

    if (init_master(o) || init_signing(o) || init_jwks(o)) {
        return 1;
    }

    if (expo_store_open(o->data, 1, &s, error, sizeof(error)) != EXPO_OK) {
        return fail("%s", error);
    }

    expo_store_close(s);

    return o->owner != NULL ? init_owner(o) : 0;
}


static int
init_master(const options_t *o)
{
    char path[PATH_MAX];
    uint8_t master[32];
    expo_status_t st;
    int rc;

    key_path(path, o, "master.key");

    if (access(path, F_OK) == 0) {
        rc = load_master(o, master);
        sodium_memzero(master, sizeof(master));

        return rc;
    }

    randombytes_buf(master, sizeof(master));
    st = expo_vault_master_save(master, path);
    sodium_memzero(master, sizeof(master));

    if (st != EXPO_OK) {
        return fail("The master key %s cannot be written: %s.", path,
                    strerror(errno));
    }

    return 0;
}


static int
init_signing(const options_t *o)
{
    char path[PATH_MAX], *text;
    EVP_PKEY *key;
    BIO *bio;
    long len;
    int rc = 1;

    key_path(path, o, "signing.pem");

    if (access(path, F_OK) == 0) {
        return 0;
    }

    key = EVP_RSA_gen(SIGNING_BITS);
    bio = BIO_new(BIO_s_secmem());

    if (key != NULL && bio != NULL &&
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
        len = BIO_get_mem_data(bio, &text);
        rc = write_file(path, 0600, text, (size_t) len);

    } else {
        fail("No signing key can be made.");
    }

    BIO_free(bio);
    EVP_PKEY_free(key);

    return rc;
}


static int
init_jwks(const options_t *o)
{
    char path[PATH_MAX], pem[SIGNING_BYTES_MAX], *json;
    expo_status_t st;
    size_t len;
    int rc;

    if (load_signing(o, pem, &len)) {
        return 1;
    }

    st = expo_token_jwks(pem, len, &json);
    sodium_memzero(pem, sizeof(pem));

    if (st != EXPO_OK) {
        return fail("The signing key in %s is not an RSA key of %d bits.",
                    o->keys, SIGNING_BITS);
    }

    key_path(path, o, "jwks.json");
    unlink(path);
    rc = write_file(path, 0644, json, strlen(json));
    free(json);

    return rc;
}


static int
init_owner(const options_t *o)
{
    static const char *const names[] = {"", "/blobs", "/store.db",
                                        "/store.db-wal", "/store.db-shm"};
    const struct passwd *pw = getpwnam(o->owner);
    char path[PATH_MAX];

    if (pw == NULL) {
        return fail("There is no user %s.", o->owner);
    }

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", o->data, names[i]);

        if (lchown(path, pw->pw_uid, pw->pw_gid) < 0 && errno != ENOENT) {
            return fail("%s cannot be given to %s: %s.", path, o->owner,
                        strerror(errno));
        }
    }

    return 0;
}


static int
user(const options_t *o, const char *verb)
{
    uint8_t master[32], tag[64];
    expo_store_t *s;
    expo_status_t st;
    int rc;

    if (strcmp(verb, "add") != 0 && strcmp(verb, "disable") != 0 &&
        strcmp(verb, "enable") != 0) {
        return fail("user %s is no command: add, disable, enable.", verb);
    }

    if (load_master(o, master)) {
        return 1;
    }

    if (expo_account_name_tag(tag, master, o->name, strlen(o->name)) !=
        EXPO_OK) {
        sodium_memzero(master, sizeof(master));
        return fail("A name is 1 to %d letters, digits or . _ - @ +",
                    EXPO_NAME_MAX);
    }

    s = open_store(o);

    if (s == NULL) {
        rc = 1;

    } else if (verb[0] == 'a') {
        rc = user_add(o, s, master, tag);

    } else {
        st = expo_store_account_disable(s, tag, verb[0] == 'd');
        rc = st == EXPO_OK
                 ? 0
                 : fail(st == EXPO_NOT_FOUND ? "There is no such account."
                                             : "The store refused: %s.",
                        expo_status_name(st));
    }

    expo_store_close(s);
    sodium_memzero(master, sizeof(master));

    return rc;
}


static int
user_add(const options_t *o, expo_store_t *s, const uint8_t master[32],
         const uint8_t tag[64])
{
    char password[EXPO_PASSWORD_MAX + 2], sub[EXPO_ID_TEXT + 1];
    expo_account_row_t row;
    uint8_t random[56];
    expo_status_t st;
    size_t len;

    if (o->password_stdin) {
        if (read_password(password, &len)) {
            return 1;
        }
    } else {
        make_password(password);
        len = strlen(password);
    }

    randombytes_buf(random, sizeof(random));

    st = expo_account_make(&row, password, len, random, sub);
    if (st == EXPO_OK) {
        memcpy(row.name_tag, tag, sizeof(row.name_tag));
        st = expo_account_sub_tag(row.sub_tag, master, sub);
    }
    if (st == EXPO_OK) {
        st = expo_store_account_put(s, &row);
    }

    if (st == EXPO_OK && !o->password_stdin) {
        puts(password);
    }

    sodium_memzero(password, sizeof(password));
    sodium_memzero(random, sizeof(random));

    switch (st) {
    case EXPO_OK:
        return 0;
    case EXPO_INVALID:
        return fail("A password has %d to %d bytes.", EXPO_PASSWORD_MIN,
                    EXPO_PASSWORD_MAX);
    case EXPO_CONFLICT:
        return fail("There is such an account already.");
    default:
        return fail("The account cannot be made: %s.", expo_status_name(st));
    }
}


static int
token(const options_t *o)
{
    char password[EXPO_PASSWORD_MAX + 2], sub[EXPO_ID_TEXT + 1];
    char pem[SIGNING_BYTES_MAX], *text = NULL;
    uint8_t master[32], tag[64], jti[16];
    expo_status_t st, found;
    expo_account_row_t row;
    size_t pem_len, len;
    expo_store_t *s;

    if (load_master(o, master)) {
        return 1;
    }

    st = expo_account_name_tag(tag, master, o->name, strlen(o->name));
    sodium_memzero(master, sizeof(master));

    s = open_store(o);
    if (s == NULL) {
        return 1;
    }

    found = st == EXPO_OK ? expo_store_account(s, tag, &row) : st;
    expo_store_close(s);

    if (load_signing(o, pem, &pem_len) || read_password(password, &len)) {
        sodium_memzero(pem, sizeof(pem));
        return 1;
    }

    st = expo_account_check(found == EXPO_OK ? &row : NULL, password, len, sub);
    sodium_memzero(password, sizeof(password));

    if (st == EXPO_OK) {
        randombytes_buf(jti, sizeof(jti));
        st = expo_token_issue(pem, pem_len, o->issuer, o->audience, sub,
                              (uint64_t) time(NULL), (uint32_t) o->lifetime_s,
                              jti, &text);
    }

    sodium_memzero(pem, sizeof(pem));

    if (st != EXPO_OK) {
        return fail(st == EXPO_DENIED
                        ? "Name and password do not fit an active account."
                        : "No token can be made: %s.",
                    expo_status_name(st));
    }

    puts(text);
    sodium_memzero(text, strlen(text));
    free(text);

    return 0;
}


static int
gc(const options_t *o)
{
    expo_store_t *s = open_store(o);
    uint32_t removed = 0;
    expo_status_t st;

    if (s == NULL) {
        return 1;
    }

    st = expo_store_reap(s, &removed);
    expo_store_close(s);

    if (st != EXPO_OK) {
        return fail("The store refused: %s.", expo_status_name(st));
    }

    printf("%u files removed\n", removed);

    return 0;
}


static int
fsck(const options_t *o)
{
    expo_store_t *s = open_store(o);
    uint32_t removed = 0;
    expo_status_t st;

    if (s == NULL) {
        return 1;
    }

    st = expo_store_reap(s, &removed);
    if (st == EXPO_OK) {
        st = expo_store_check(s, say_wrong, NULL);
    }

    expo_store_close(s);

    if (st != EXPO_OK && st != EXPO_CORRUPT) {
        return fail("The store cannot be checked: %s.", expo_status_name(st));
    }

    printf("%s, %u files left over from a crash removed\n",
           st == EXPO_OK ? "clean" : "damaged", removed);

    return st != EXPO_OK;
}


static int
doctor(const options_t *o)
{
    static const char *const data[] = {"", "/blobs", "/store.db"};
    char path[PATH_MAX], error[512];
    expo_store_t *s;
    int wrong;

    doctor_versions();
    wrong = doctor_keys(o);

    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", o->data, data[i]);
        wrong |= doctor_file(path, 077);
    }

    if (expo_store_open(o->data, 0, &s, error, sizeof(error)) == EXPO_OK) {
        printf("store: opens\n");
        expo_store_close(s);
    } else {
        printf("store: %s\n", error);
        wrong = 1;
    }

    doctor_swap();

    return wrong;
}


static void
doctor_versions(void)
{
    printf("OpenSSL %s, libsodium %s, SQLite %s, jansson %s\n",
           OpenSSL_version(OPENSSL_VERSION_STRING), sodium_version_string(),
           sqlite3_libversion(), jansson_version_str());
}


/* Where the master key lies decides what a stolen disk opens. */
static int
doctor_keys(const options_t *o)
{
    char path[PATH_MAX], error[512];
    const char *protection = "other-disk";
    struct stat key, data;
    struct statfs fs;
    uint8_t master[32];
    int wrong = 0;

    key_path(path, o, "master.key");

    if (expo_vault_master_load(master, path, error, sizeof(error)) != EXPO_OK) {
        printf("master key: %s\n", error);
        wrong = 1;
    }
    sodium_memzero(master, sizeof(master));

    if (stat(path, &key) == 0 && statfs(path, &fs) == 0 &&
        stat(o->data, &data) == 0) {
        if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC) {
            protection = "memory";
        } else if (key.st_dev == data.st_dev) {
            protection = "same-disk";
        }

        printf("key_protection: %s%s\n", protection,
               strcmp(protection, "same-disk") == 0
                   ? " (warning: who steals this disk opens every scan)"
                   : "");
    }

    key_path(path, o, "signing.pem");
    wrong |= doctor_file(path, 077);
    key_path(path, o, "jwks.json");
    wrong |= doctor_file(path, 022);

    return wrong;
}


static int
doctor_file(const char *path, mode_t forbidden)
{
    struct stat sb;

    if (stat(path, &sb) < 0) {
        printf("%s: %s\n", path, strerror(errno));
        return 1;
    }

    printf("%s: mode %04o, user number %u%s\n", path, sb.st_mode & 07777,
           (unsigned) sb.st_uid,
           sb.st_mode & forbidden ? " (warning: open to others)" : "");

    return (sb.st_mode & forbidden) != 0;
}


static void
doctor_swap(void)
{
    FILE *f = fopen("/proc/swaps", "re");
    char line[256];
    int n = -1; /* its first line is a heading */

    if (f == NULL) {
        return;
    }

    while (fgets(line, sizeof(line), f) != NULL) {
        n++;
    }
    fclose(f);

    printf("swap: %s\n",
           n > 0 ? "on (warning: it must be encrypted, for it may hold keys)"
                 : "none");
}


static expo_store_t *
open_store(const options_t *o)
{
    char error[512];
    expo_store_t *s;

    if (expo_store_open(o->data, 0, &s, error, sizeof(error)) != EXPO_OK) {
        fail("%s", error);
        return NULL;
    }

    return s;
}


static int
load_master(const options_t *o, uint8_t master[32])
{
    char path[PATH_MAX], error[512];

    key_path(path, o, "master.key");

    if (expo_vault_master_load(master, path, error, sizeof(error)) != EXPO_OK) {
        return fail("%s", error);
    }

    return 0;
}


static int
load_signing(const options_t *o, char pem[SIGNING_BYTES_MAX], size_t *len)
{
    char path[PATH_MAX];
    struct stat sb;
    ssize_t n = -1;
    int fd;

    key_path(path, o, "signing.pem");

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &sb) == 0) {
        if (sb.st_mode & 077) {
            close(fd);
            return fail("The signing key %s is open to others: chmod 0600.",
                        path);
        }
        n = read(fd, pem, SIGNING_BYTES_MAX);
    }

    if (fd >= 0) {
        close(fd);
    }

    if (n <= 0 || n == SIGNING_BYTES_MAX) {
        return fail("The signing key %s cannot be read.", path);
    }

    *len = (size_t) n;

    return 0;
}


/* One line of standard input; a terminal does not show it. */
static int
read_password(char password[EXPO_PASSWORD_MAX + 2], size_t *len)
{
    struct termios shown, hidden;
    int terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    char *line;

    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t) ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        fputs("Password: ", stderr);
    }

    /* Unbuffered: stdio's own buffer would keep a copy. */
    setvbuf(stdin, NULL, _IONBF, 0);
    line = fgets(password, EXPO_PASSWORD_MAX + 2, stdin);

    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }

    if (line == NULL) {
        return fail("The password is expected on standard input.");
    }

    *len = strcspn(password, "\r\n");
    password[*len] = '\0';

    return 0;
}


/* Letters that are not mistaken for another when copied by hand. */
static void
make_password(char password[PASSWORD_CHARS + 1])
{
    static const char letters[] = "abcdefghijkmnopqrstuvwxyz2345678";

    _Static_assert(sizeof(letters) == 33, "5 bits a letter");

    for (int i = 0; i < PASSWORD_CHARS; i++) {
        password[i] = letters[randombytes_uniform(32)];
    }
    password[PASSWORD_CHARS] = '\0';
}


static int
write_file(const char *path, mode_t mode, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int ok;

    if (fd < 0) {
        return fail("%s cannot be made: %s.", path, strerror(errno));
    }

    ok = fchmod(fd, mode) == 0 && write(fd, text, len) == (ssize_t) len &&
         fsync(fd) == 0;

    close(fd);

    if (!ok) {
        unlink(path);
        return fail("%s cannot be written: %s.", path, strerror(errno));
    }

    return 0;
}


static void
say_wrong(void *data, const char *what)
{
    (void) data;
    puts(what);
}
