/*
 * exposure-vault: the one process that has the master secret and the built-in
 * issuer's signing key. It reads them, gives up every right that it does not
 * need, and answers lib/vault_answer.h's questions on a socket until SIGTERM.
 * docs/vault.md «Who holds what».
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/rand.h>
#include <sodium.h>

#include "exposure-vault/load.h"
#include "exposure-vault/sandbox.h"
#include "exposure-vault/serve.h"

typedef struct {
    load_options_t load;
    const char *socket;
    const char *user;
    uid_t peers[SERVE_PEERS];
    size_t npeers;
} main_options_t;

static const char main_usage[] =
    "usage: exposure-vault --socket PATH --master FILE --data DIR [options]\n"
    "  --socket PATH        where nginx workers ask\n"
    "  --master FILE        the master secret: exposure-admin init; former "
    "ones\n"
    "                       are FILE.1, FILE.2 … beside it\n"
    "  --data DIR           the store, to see that the secret is not on its "
    "disk\n"
    "  --key-beside-data    it may be: for a demo\n"
    "  --signing-key FILE   built-in accounts: an RSA private key in PEM\n"
    "  --issuer TEXT        their iss (default https://exposure-render.local)\n"
    "  --audience TEXT      their aud (default exposure-render)\n"
    "  --trust 'ISSUER AUDIENCE FILE'   another issuer and its JWK Set, "
    "repeatable\n"
    "  --trust 'ISSUER AUDIENCE nginx'  the same, its keys as nginx brings "
    "them\n"
    "  --peer UID           who may ask, repeatable (default: who runs this)\n"
    "  --user NAME          who to be once everything is read\n";

static int main_options(int argc, char **argv, main_options_t *o);
static int main_peer(main_options_t *o, const char *text);
static int main_signals(void);
static void main_warm_up(expo_vault_t *v);
static int main_fail(const char *what);


int
main(int argc, char **argv)
{
    main_options_t o = {.load = {.issuer = "https://exposure-render.local",
                                 .audience = "exposure-render"}};
    char error[LOAD_ERROR] = "";
    int listener, stop, locked = 0;
    expo_vault_t *v;

    if (main_options(argc, argv, &o) < 0) {
        fputs(main_usage, stderr);
        return 2;
    }

    sandbox_no_dumps();

    if (load_vault(&v, &o.load, error) < 0) {
        fprintf(stderr, "vault: %s\n", error);
        return 1;
    }

    stop = main_signals();
    listener = stop < 0 ? -1 : serve_listen(o.socket);
    if (listener < 0) {
        return main_fail(o.socket);
    }

    if (sandbox_lock(o.user, &locked) < 0) {
        return main_fail(o.user != NULL ? o.user : "no_new_privs");
    }

    if (!locked) {
        fputs("vault: warning: memory cannot be locked whole, only the pages "
              "of keys are; raise RLIMIT_MEMLOCK\n",
              stderr);
    }

    if (o.npeers == 0) {
        o.peers[o.npeers++] = geteuid();
    }

    main_warm_up(v);

    if (sandbox_enter() < 0) {
        return main_fail("seccomp");
    }

    fprintf(stderr, "vault: ready on %s, key_protection %s%s\n", o.socket,
            v->protection,
            strcmp(v->protection, "same-disk") == 0
                ? " (warning: who steals this disk opens every scan)"
                : "");

    serve(v, listener, stop, o.peers, o.npeers);

    sodium_memzero(v, sizeof(*v));
    fputs("vault: stopped\n", stderr);

    return 0;
}


static int
main_options(int argc, char **argv, main_options_t *o)
{
    static const struct option known[] = {
        {"socket", required_argument, NULL, 's'},
        {"master", required_argument, NULL, 'm'},
        {"signing-key", required_argument, NULL, 'k'},
        {"issuer", required_argument, NULL, 'i'},
        {"audience", required_argument, NULL, 'a'},
        {"trust", required_argument, NULL, 't'},
        {"data", required_argument, NULL, 'd'},
        {"key-beside-data", no_argument, NULL, 'b'},
        {"peer", required_argument, NULL, 'p'},
        {"user", required_argument, NULL, 'u'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    load_options_t *l = &o->load;
    int c, rc = 0;

    while (rc == 0 && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (c) {
        case 's':
            o->socket = optarg;
            break;
        case 'm':
            l->master = optarg;
            break;
        case 'k':
            l->signing_key = optarg;
            break;
        case 'i':
            l->issuer = optarg;
            break;
        case 'a':
            l->audience = optarg;
            break;
        case 't':
            rc = l->trusts < EXPO_TRUST_MAX ? 0 : -1;
            if (rc == 0) {
                l->trust[l->trusts++] = optarg;
            }
            break;
        case 'd':
            l->data = optarg;
            break;
        case 'b':
            l->key_beside_data = 1;
            break;
        case 'p':
            rc = main_peer(o, optarg);
            break;
        case 'u':
            o->user = optarg;
            break;
        case 'h':
            fputs(main_usage, stdout);
            exit(0);
        default:
            rc = -1;
        }
    }

    return rc < 0 || optind != argc || o->socket == NULL || l->master == NULL ||
                   l->data == NULL
               ? -1
               : 0;
}


static int
main_peer(main_options_t *o, const char *text)
{
    char *end;
    unsigned long uid = strtoul(text, &end, 10);

    if (o->npeers == SERVE_PEERS || text[0] < '0' || text[0] > '9' ||
        *end != '\0' || uid >= UINT32_MAX) {
        return -1;
    }

    o->peers[o->npeers++] = (uid_t) uid;

    return 0;
}


static int
main_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);

    return sigprocmask(SIG_BLOCK, &set, NULL) < 0
               ? -1
               : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}


/* What libraries look up in files when they are first used is looked up now. */
static void
main_warm_up(expo_vault_t *v)
{
    uint8_t salt[32] = {0}, tag[EXPO_TAG], pk[32];
    expo_keys_user_t u = {.salt = salt};
    expo_keys_t *k;
    char *token;

    json_object_seed(0);
    RAND_bytes(salt, sizeof(salt));

    if (expo_keys_local(&k, v) != EXPO_OK) {
        return;
    }

    if (expo_keys_sign(k, "nobody", 1, &token) == EXPO_OK) {
        u.token = token;
        u.token_bytes = strlen(token);
        (void) expo_keys_user(k, &u, tag, pk);
        free(token);
    }

    expo_keys_close(k);
}


static int
main_fail(const char *what)
{
    fprintf(stderr, "vault: %s: %s\n", what, strerror(errno));

    return 1;
}
