/* exposure-admin as an operator calls it: each command a process of its own. */

#define main admin_main
#include "tools/exposure-admin.c"
#undef main
#include "tools/admin_audit.c"
#include "tools/admin_backup.c"
#include "tools/admin_doctor.c"
#include "tools/admin_export.c"
#include "tools/admin_host.c"
#include "tools/admin_init.c"
#include "tools/admin_master.c"
#include "tools/admin_people.c"
#include "tools/admin_person.c"
#include "tools/admin_recovery.c"
#include "tools/admin_user.c"

#include <ftw.h>
#include <sys/wait.h>

#include "t/unit/check.h"

static char top[64], data[80], keys[80], copy[80], list[80];
static char out[8192]; /* both streams of the last command */


/* Its exit status. words: up to 8, split at spaces. */
static int
admin(const char *input, const char *words)
{
    char line[512],
        *argv[16] = {"exposure-admin", "--data", data, "--keys", keys}, *word,
        *rest = NULL;
    int in[2], ends[2], status = 0, argc = 5;
    ssize_t n, len = 0;
    pid_t pid;

    snprintf(line, sizeof(line), "%s", words);
    for (word = strtok_r(line, " ", &rest); word != NULL && argc < 15;
         word = strtok_r(NULL, " ", &rest)) {
        argv[argc++] = word;
    }

    fflush(stdout);
    if (pipe(in) < 0 || pipe(ends) < 0) {
        return -1;
    }

    pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(in[1]);
        close(ends[0]);
        exit(admin_main(argc, argv));
    }

    close(in[0]);
    close(ends[1]);
    n = write(in[1], input, strlen(input));
    close(in[1]);

    while ((n = read(ends[0], out + len, sizeof(out) - 1 - (size_t) len)) > 0) {
        len += n;
    }
    out[len] = '\0';
    close(ends[0]);
    waitpid(pid, &status, 0);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    (void) sb;
    (void) type;
    (void) ftw;

    return remove(path);
}

static char *
in_keys(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", keys, name);

    return path;
}

static mode_t
mode_of(const char *path)
{
    struct stat sb;

    return stat(path, &sb) == 0 ? sb.st_mode & 07777 : 0;
}

static void
before_init_everything_says_what_is_missing(void)
{
    check(admin("", "user add ann") == 1);
    check(strstr(out, "master.key cannot be opened") != NULL);
    check(admin("", "fsck") == 1);
    check(admin("", "gc") == 1);
    check(admin("", "doctor") == 1);
    check(admin("", "") == 1 && strstr(out, "usage:") != NULL);
    check(admin("", "nonsense") == 1 && strstr(out, "usage:") != NULL);
    check(admin("", "user add") == 1 && strstr(out, "usage:") != NULL);
}

static void
init_makes_what_is_missing_and_keeps_what_is_there(void)
{
    char master[36], again[36];
    FILE *f;

    check(admin("", "init") == 0 && out[0] == '\0');
    check(mode_of(keys) == 0700 && mode_of(data) == 0700);
    check(mode_of(in_keys("master.key")) == 0600);
    check(mode_of(in_keys("signing.pem")) == 0600);
    check(mode_of(in_keys("jwks.json")) == 0644);

    f = fopen(in_keys("master.key"), "r");
    check(fread(master, 1, 36, f) == 36);
    fclose(f);

    unlink(in_keys("jwks.json"));
    check(admin("", "init") == 0);
    check(mode_of(in_keys("jwks.json")) == 0644);

    f = fopen(in_keys("master.key"), "r");
    check(fread(again, 1, 36, f) == 36 && memcmp(master, again, 36) == 0);
    fclose(f);

    check(admin("", "init --owner no-such-user") == 1);
    check(strstr(out, "no user no-such-user") != NULL);
}

static void
an_invitation_is_a_secret_that_the_store_knows_by_its_hash(void)
{
    char error[256], first[EXPO_ID_TEXT + 1];
    uint8_t hash[32];
    expo_store_t *s;
    expo_id_t id;

    check(admin("", "user invite") == 0);
    check(strlen(out) == EXPO_ID_TEXT + 1 &&
          expo_id_parse(&id, out, EXPO_ID_TEXT) == EXPO_OK);
    memcpy(first, out, EXPO_ID_TEXT);
    check(admin("", "user invite") == 0 &&
          memcmp(first, out, EXPO_ID_TEXT) != 0);

    check(expo_account_secret_hash(hash, first, EXPO_ID_TEXT) == EXPO_OK);
    check(expo_store_open(data, 0, &s, error, sizeof(error)) == EXPO_OK);
    check(expo_store_enrolment(s, hash, (uint64_t) time(NULL) + 600000) ==
          EXPO_OK);
    check(expo_store_enrolment(s, hash, (uint64_t) time(NULL) + 605000) ==
          EXPO_NOT_FOUND);
    expo_store_close(s);
}

static void
an_account_gives_tokens_that_its_key_set_verifies(void)
{
    static char set[4096];
    char error[128], password[64];
    expo_claims_t claims;
    expo_jwks_t *k;
    FILE *f;

    check(admin("", "user add Ann@x.org") == 0);
    check(strlen(out) == PASSWORD_CHARS + 1);
    snprintf(password, sizeof(password), "%.*s", PASSWORD_CHARS + 1, out);

    check(admin("", "user add ann@X.org") == 1);
    check(strstr(out, "already") != NULL);
    check(admin("", "user add a/b") == 1);
    check(admin("short\n", "user add bob --password-stdin") == 1);
    check(admin("", "user add bob --password-stdin") == 1);
    check(admin("quite a long one\n", "user add bob --password-stdin") == 0);
    check(out[0] == '\0');

    check(admin(password, "token --name ann@x.org --lifetime 60") == 0);

    f = fopen(in_keys("jwks.json"), "r");
    set[fread(set, 1, sizeof(set) - 1, f)] = '\0';
    fclose(f);
    check(expo_jwks_load(set, strlen(set), &k, error, sizeof(error)) ==
          EXPO_OK);
    check(expo_token_verify(k, "https://exposure-render.local",
                            "exposure-render", (uint64_t) time(NULL), out,
                            strcspn(out, "\n"), &claims) == EXPO_OK);
    check(claims.expires <= (uint64_t) time(NULL) + 60);
    expo_jwks_free(k);

    check(admin("quite a long one\n", "token --name ann@x.org") == 1);
    check(admin("quite a long one\n", "token --name nobody") == 1);
    check(strstr(out, "do not fit") != NULL);
    check(admin("quite a long one\n", "token --name bob --lifetime 0") == 1);

    check(admin("", "user disable bob") == 0);
    check(admin("quite a long one\n", "token --name bob") == 1);
    check(admin("", "user enable bob") == 0);
    check(admin("quite a long one\n", "token --name bob") == 0);
    check(admin("", "user disable carol") == 1);
    check(admin("", "user rename bob") == 1);
}

static void
fsck_removes_leftovers_and_reports_damage(void)
{
    char path[128];
    FILE *f;

    check(admin("", "fsck") == 0 && strstr(out, "clean, 0") == out);

    snprintf(path, sizeof(path), "%s/blobs/aaaaaaaaaaaaaaaaaaaaaaaaaa", data);
    f = fopen(path, "w");
    fclose(f);
    check(admin("", "fsck") == 0 && strstr(out, "clean, 1") == out);
    check(access(path, F_OK) < 0);

    snprintf(path, sizeof(path), "%s/blobs/something", data);
    f = fopen(path, "w");
    fclose(f);
    check(admin("", "fsck") == 1 && strstr(out, "damaged") != NULL);
    check(admin("", "gc") == 0 && strstr(out, "0 files") == out);
    unlink(path);
}

/* A user with a scan, as the service makes them; their id in text. */
static expo_id_t
user_with_scan(const char *account, char id[EXPO_ID_TEXT + 1])
{
    static const uint8_t dek[32];
    uint8_t sealed[16 + 1000], master[32], name_tag[64];
    char error[256];
    expo_blob_file_t f;
    expo_scan_t scan = {.epoch = 1, .revision = 1, .meta = sealed};
    expo_account_row_t row;
    expo_names_t names;
    expo_user_t u = {0};
    expo_store_t *s;
    expo_id_t blob;
    expo_blob_t b;

    randombytes_buf(&u, sizeof(u.tag) + sizeof(u.salt) + sizeof(u.pk));
    randombytes_buf(&scan.id, sizeof(scan.id));
    randombytes_buf(&blob, sizeof(blob));

    check(expo_store_open(data, 0, &s, error, sizeof(error)) == EXPO_OK);
    check(expo_vault_master_load(master, in_keys("master.key"), error,
                                 sizeof(error)) == EXPO_OK);
    if (account != NULL) {
        check(expo_vault_names(&names, master) == EXPO_OK &&
              expo_account_name_tag(name_tag, &names, account,
                                    strlen(account)) == EXPO_OK &&
              expo_store_account(s, name_tag, &row) == EXPO_OK);
        memcpy(u.account, row.sub_tag, sizeof(u.account));
    }

    check(expo_store_user_add(s, &u, 20000) == EXPO_OK);
    check(expo_vault_blob_new(&b, dek, 1, &scan.id, &blob, EXPO_BLOB_ORIGINAL,
                              20, dek) == EXPO_OK &&
          expo_vault_chunk_seal(&b, 0, 1, sealed, 1000, sealed) == EXPO_OK);
    check(expo_store_blob_create(s, &blob, EXPO_BLOB_ORIGINAL, &f) == EXPO_OK);
    check(pwrite(f.fd, b.header, 128, 0) == 128 &&
          pwrite(f.fd, sealed, 1016, 128) == 1016);
    f.bytes = 1144;
    check(expo_store_scan_add(s, u.tag, &scan, &f) == EXPO_OK);
    close(f.fd);
    expo_store_close(s);

    expo_store_user_id(&blob, u.tag);
    expo_id_print(id, &blob);

    return scan.id;
}

static void
words(const char *format, const char *word)
{
    static char line[200];

    snprintf(line, sizeof(line), format, word);
    check(admin("", line) == 0);
}

static void
a_quota_is_given_by_name_or_id(void)
{
    char ann[EXPO_ID_TEXT + 1], line[128];

    user_with_scan("ann@x.org", ann);

    check(admin("", "user list") == 0 && strstr(out, ann) != NULL);
    check(strstr(out, "2024-10-04") != NULL && strstr(out, "65536") != NULL &&
          strstr(out, "default  account") != NULL);
    check(admin("", "user quota ann@x.org 123456789") == 0);
    check(admin("", "user list") == 0 && strstr(out, " 123456789") != NULL);
    snprintf(line, sizeof(line), "user quota %s default", ann);
    check(admin("", line) == 0);
    check(admin("", "user list") == 0 && strstr(out, " default") != NULL);

    check(admin("", "user quota bob 1") == 1); /* has never signed in */
    check(admin("", "user quota ann@x.org -1") == 1);
    check(admin("", "user quota ann@x.org 0") == 1);
    check(admin("", "user quota ann@x.org 1x") == 1);
    check(admin("", "user quota ann@x.org") == 1);
}

static void
a_backup_comes_back_without_what_was_erased(void)
{
    char id[EXPO_ID_TEXT + 1], scan[EXPO_ID_TEXT + 1], line[400];
    expo_id_t hers;
    FILE *f;

    hers = user_with_scan(NULL, id);
    expo_id_print(scan, &hers);
    words("backup %s", copy);
    check(strncmp(out, "2 scans, 2 files", 16) == 0);
    snprintf(line, sizeof(line), "backup %s", copy);
    check(admin("", line) == 1 && strstr(out, "something in it") != NULL);

    words("erase scan %s", scan);
    words("erase user %s", "ann@x.org");
    snprintf(line, sizeof(line), "erase user %s", scan);
    check(admin("", line) == 1);
    check(admin("", "erase user nobody") == 1);
    check(admin("", "erase scan nothing") == 1);
    check(admin("quite a long one\n", "token --name ann@x.org") == 1);

    check(admin("", "erase list") == 0);
    f = fopen(list, "w");
    fputs(out, f);
    fclose(f);

    snprintf(line, sizeof(line), "restore %s", copy);
    check(admin("", line) == 1 && strstr(out, "--erased") != NULL);
    snprintf(line, sizeof(line), "restore %s --erased %s", copy, list);
    check(admin("", line) == 1 && strstr(out, "something in it") != NULL);

    snprintf(line, sizeof(line), "rm -r %s", data);
    check(system(line) == 0);
    snprintf(line, sizeof(line), "restore %s --erased %s", copy, list);
    check(admin("", line) == 0 && strstr(out, "0 scans, 0 files") == out);
    check(strstr(out, "of 3 erasures were done again") != NULL);
    check(admin("", "fsck") == 0 && strstr(out, "clean, 0") == out);
    check(admin("", "user list") == 0 && strstr(out, id) != NULL);

    f = fopen(list, "a");
    fputs("0011 1 2\n", f);
    fclose(f);
    check(admin("", line) == 1 && strstr(out, "line 4 is none") != NULL);
    words("erase user %s", id);
    check(admin("", "erase user bob") == 0); /* an account that was not used */
    check(admin("", "erase user bob") == 1);
}

static void
a_lost_master_secret_comes_back_from_paper(void)
{
    char paper[EXPO_RECOVERY_TEXT], line[400];
    uint8_t before[36], after[36];
    FILE *f;

    check(admin("", "recovery seal") == 1);
    check(admin("", "recovery init") == 0 && strlen(out) == 90);
    snprintf(paper, sizeof(paper), "%s", out);
    check(admin("", "recovery init") == 1); /* there is one */
    check(admin(paper, "recovery drill -") == 1);
    check(strstr(out, "no sealed master secret") != NULL);

    check(admin("", "recovery seal") == 0);
    check(admin("", "recovery seal") == 0);
    check(admin(paper, "recovery drill -") == 0);
    check(strstr(out, "is the one in use") != NULL);
    check(admin("", "doctor") == 0 && strstr(out, "recovery: sealed") != NULL);

    paper[0] = paper[0] == '1' ? '2' : '1';
    check(admin(paper, "recovery drill -") == 1);
    check(strstr(out, "a digit of the key is wrong") != NULL);
    check(admin("1234", "recovery drill -") == 1);
    paper[0] = '\0';

    f = fopen(in_keys("master.key"), "r");
    check(fread(before, 1, 36, f) == 36);
    fclose(f);

    /* Another pair's private half does not open it. */
    check(rename(in_keys("recovery.pub"), list) == 0);
    snprintf(line, sizeof(line), "recovery init %s.key", list);
    check(admin("", line) == 0 && out[0] == '\0');
    snprintf(line, sizeof(line), "recovery drill %s.key", list);
    check(admin("", line) == 1 && strstr(out, "another key") != NULL);
    check(admin("", "recovery seal") == 0);
    check(admin("", line) == 0);

    check(admin("", "key rewrap") == 0);
    f = fopen(in_keys("master.key"), "r");
    check(fread(after, 1, 36, f) == 36 && memcmp(before, after, 36) == 0);
    fclose(f);
    check(mode_of(in_keys("master.key")) == 0600);

    snprintf(line, sizeof(line), "recovery restore %s.key", list);
    check(admin("", line) == 1 && strstr(out, "already") != NULL);
    check(unlink(in_keys("master.key")) == 0);
    check(admin("", line) == 0);
    f = fopen(in_keys("master.key"), "r");
    check(fread(after, 1, 36, f) == 36 && memcmp(before, after, 36) == 0);
    fclose(f);
}

/* link, rename, number: it may be cut off before each, and is run again. */
static void
a_rotation_that_was_cut_off_goes_on(void)
{
    char key[PATH_MAX], former[PATH_MAX], before[36], after[36];
    char line[512];
    FILE *f;

    snprintf(key, sizeof(key), "%s", in_keys("master.key"));
    snprintf(former, sizeof(former), "%s", in_keys("master.key.1"));

    check(admin("", "key retire 1") == 1 && strstr(out, "no former") != NULL);
    check(link(key, former) == 0);
    check(admin("", "key status") == 1 && strstr(out, "number 2") != NULL);
    check(admin("", "key rotate") == 0 && strstr(out, "secret 2\n") != NULL);
    check(admin("", "key status") == 0);

    f = fopen(former, "r");
    check(fread(before, 1, 36, f) == 36);
    fclose(f);
    f = fopen(key, "r");
    check(fread(after, 1, 36, f) == 36 && memcmp(before, after, 36) != 0);
    fclose(f);

    check(admin("", "audit verify") == 0);
    check(admin("", "key retire 2") == 1 && strstr(out, "goes first") != NULL);
    check(admin("", "key retire 1 --force") == 0);
    check(admin("", "key status") == 0 && strstr(out, "former") == NULL);
    check(admin("", "audit verify") == 0 && strstr(out, "from line") != NULL);

    /* What comes back from paper is number 2 again. */
    check(admin("", "recovery seal") == 0);
    check(unlink(key) == 0 && unlink(former) == 0);
    snprintf(line, sizeof(line), "recovery restore %s.key", list);
    check(admin("", line) == 0 && admin("", "key status") == 0);

    /* The file that keeps the count is missing. */
    check(rename(former, in_keys("1")) == 0);
    check(admin("", "key rotate") == 1 && strstr(out, "number 1") != NULL);
    check(rename(in_keys("1"), former) == 0);
}

static void
doctor_tells_where_the_key_lies_and_who_may_read_it(void)
{
    check(admin("", "doctor") == 0);
    check(strstr(out, "key_protection: ") != NULL);
    check(strstr(out, "OpenSSL 3") != NULL);
    check(strstr(out, "store: opens, schema ") != NULL);
    check(strstr(out, "recovery: sealed") != NULL);
    check(strstr(out, "swap: ") != NULL);
    check(strstr(out, "core dumps: ") != NULL);
    check(strstr(out, "disk: ") != NULL);

    check(chmod(in_keys("signing.pem"), 0644) == 0);
    check(admin("", "doctor") == 1 && strstr(out, "open to others") != NULL);
    check(admin("", "token --name bob") == 1);
    check(chmod(in_keys("signing.pem"), 0600) == 0);

    check(chmod(in_keys("master.key"), 0604) == 0);
    check(admin("", "doctor") == 1 && strstr(out, "0604") != NULL);
    check(admin("", "init") == 1);
    check(admin("", "user add dora") == 1);
}

int
main(void)
{
    strcpy(top, "/tmp/expo-admin-XXXXXX");
    check(mkdtemp(top) != NULL);
    snprintf(data, sizeof(data), "%s/data", top);
    snprintf(keys, sizeof(keys), "%s/keys", top);
    snprintf(copy, sizeof(copy), "%s/copy", top);
    snprintf(list, sizeof(list), "%s/list", top);

    before_init_everything_says_what_is_missing();
    init_makes_what_is_missing_and_keeps_what_is_there();
    an_invitation_is_a_secret_that_the_store_knows_by_its_hash();
    an_account_gives_tokens_that_its_key_set_verifies();
    fsck_removes_leftovers_and_reports_damage();
    a_quota_is_given_by_name_or_id();
    a_backup_comes_back_without_what_was_erased();
    a_lost_master_secret_comes_back_from_paper();
    a_rotation_that_was_cut_off_goes_on();
    doctor_tells_where_the_key_lies_and_who_may_read_it();

    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);

    return done();
}
