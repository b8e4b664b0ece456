/*
 * What the vault costs on one core, for scripts/bench vault: CPU seconds of
 * this process, the better of alternating rounds, so that neighbours do not
 * count. Prints a JSON array of [label, value, printf format].
 */

#include "render-worker/blob_io.c"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/token.h"

#define MIB (1u << 20)
#define CHUNK MIB /* of a volume */
#define ROUNDS 15

static expo_blob_t blob;
static expo_id_t scan, id;
static uint8_t dek[32], salt[32];
static uint8_t *plain, *sealed;

static double cpu_s(void);
static void die(const char *what);
static void chunks(double *seal_mb, double *open_mb, double *raw_mb);
static double raw_gcm(int rounds);
static void volume(double *first_ms, double *whole_s);
static double random_read_ms(void);
static void verify(double *ours_us, double *bare_us);
static double keys_us(void);


int
main(void)
{
    double seal, open, raw, first, whole, ours, bare;

    if (sodium_init() < 0) {
        die("libsodium");
    }

    plain = malloc(CHUNK);
    sealed = malloc(CHUNK + EXPO_BLOB_TAG);
    if (plain == NULL || sealed == NULL) {
        die("memory");
    }

    randombytes_buf(plain, CHUNK);
    randombytes_buf(dek, sizeof(dek));
    randombytes_buf(salt, sizeof(salt));
    expo_vault_blob_new(&blob, dek, 1, &scan, &id, EXPO_BLOB_VOLUME, 20, salt);

    chunks(&seal, &open, &raw);
    volume(&first, &whole);
    verify(&ours, &bare);

    printf("[[\"seal mb per second\", %f, \"%%.0f\"],"
           "[\"open mb per second\", %f, \"%%.0f\"],"
           "[\"bare aes gcm mb per second\", %f, \"%%.0f\"],"
           "[\"seal of bare\", %f, \"%%.2f\"],"
           "[\"open of bare\", %f, \"%%.2f\"],",
           seal, open, raw, seal / raw, open / raw);
    printf("[\"512 mib first chunk ms\", %f, \"%%.2f\"],"
           "[\"512 mib whole s\", %f, \"%%.2f\"],"
           "[\"random 64 kib cpu ms\", %f, \"%%.3f\"],",
           first, whole, random_read_ms());
    printf("[\"keys of a blob us\", %f, \"%%.1f\"],"
           "[\"verify rs256 us\", %f, \"%%.1f\"],"
           "[\"bare verify us\", %f, \"%%.1f\"],"
           "[\"verify of bare\", %f, \"%%.2f\"]]\n",
           keys_us(), ours, bare, ours / bare);

    free(plain);
    free(sealed);

    return 0;
}


static double
cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}


static void
die(const char *what)
{
    fprintf(stderr, "vault: %s failed\n", what);
    exit(1);
}


static double
better(double a, double b)
{
    return a == 0 || b < a ? b : a;
}


/* 64 chunks sealed, opened, and encrypted with nothing around it, in turn. */
static void
chunks(double *seal_mb, double *open_mb, double *raw_mb)
{
    double seal = 0, open = 0, raw = 0, t;

    for (int round = 0; round < ROUNDS; round++) {
        t = cpu_s();
        for (uint64_t i = 0; i < 64; i++) {
            expo_vault_chunk_seal(&blob, i, 0, plain, CHUNK, sealed);
        }
        seal = better(seal, cpu_s() - t);

        t = cpu_s();
        for (int i = 0; i < 64; i++) {
            if (expo_vault_chunk_open(&blob, 63, 0, sealed,
                                      CHUNK + EXPO_BLOB_TAG,
                                      plain) != EXPO_OK) {
                die("opening a chunk");
            }
        }
        open = better(open, cpu_s() - t);
        raw = better(raw, raw_gcm(64));
    }

    *seal_mb = 64 * 1.048576 / seal;
    *open_mb = 64 * 1.048576 / open;
    *raw_mb = 64 * 1.048576 / raw;
}


static double
raw_gcm(int rounds)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t nonce[12] = {0};
    double t = cpu_s();
    int n;

    if (ctx == NULL ||
        EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, dek, nonce) != 1) {
        die("aes-256-gcm");
    }

    for (int i = 0; i < rounds; i++) {
        EVP_EncryptUpdate(ctx, sealed, &n, plain, CHUNK);
    }

    t = cpu_s() - t;
    EVP_CIPHER_CTX_free(ctx);

    return t;
}


/* As from the disk's cache. The clock on the wall: a person waits for these. */
static void
volume(double *first_ms, double *whole_s)
{
    int fd = memfd_create("bench", MFD_CLOEXEC);
    size_t size = 512u * MIB, n;
    uint8_t *all = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t header[EXPO_BLOB_HEADER];
    struct timespec a, b;
    blob_reader_t r;
    expo_blob_t opened;
    uint64_t bytes;

    if (fd < 0 || all == MAP_FAILED ||
        blob_save(&blob, fd, all, size, &bytes) != EXPO_OK) {
        die("512 MiB in memory");
    }

    *first_ms = *whole_s = 0;

    for (int round = 0; round < 3; round++) {
        size_t at = 0;

        clock_gettime(CLOCK_MONOTONIC, &a);
        if (pread(fd, header, sizeof(header), 0) != sizeof(header) ||
            expo_vault_blob_open(&opened, header, dek, &scan, &id,
                                 EXPO_BLOB_VOLUME) != EXPO_OK ||
            blob_reader_open(&r, &opened, fd) != EXPO_OK ||
            blob_read(&r, all, &n) != EXPO_OK) {
            die("opening 512 MiB");
        }
        clock_gettime(CLOCK_MONOTONIC, &b);
        *first_ms =
            better(*first_ms, 1e3 * (double) (b.tv_sec - a.tv_sec) +
                                  1e-6 * (double) (b.tv_nsec - a.tv_nsec));

        do {
            at += n;
            if (blob_read(&r, all + at, &n) != EXPO_OK) {
                die("reading 512 MiB");
            }
        } while (n > 0);

        clock_gettime(CLOCK_MONOTONIC, &b);
        *whole_s =
            better(*whole_s, (double) (b.tv_sec - a.tv_sec) +
                                 1e-9 * (double) (b.tv_nsec - a.tv_nsec));
        blob_reader_close(&r);
    }

    munmap(all, size);
    close(fd);
}


/* Two chunks of the 64 KiB that all but volumes have, as a range anywhere. */
static double
random_read_ms(void)
{
    enum { SMALL = 65536, READS = 500 };
    int fd = memfd_create("bench", MFD_CLOEXEC);
    uint8_t *all = calloc(64, SMALL), out[SMALL];
    expo_blob_t b;
    uint64_t bytes;
    double t;

    expo_vault_blob_new(&b, dek, 1, &scan, &id, EXPO_BLOB_ORIGINAL, 16, salt);
    if (fd < 0 || all == NULL ||
        blob_save(&b, fd, all, 64 * SMALL, &bytes) != EXPO_OK) {
        die("a blob of small chunks");
    }

    t = cpu_s();
    for (int i = 0; i < READS; i++) {
        for (uint32_t c = randombytes_uniform(62), end = c + 2; c < end; c++) {
            if (pread(fd, sealed, SMALL + EXPO_BLOB_TAG,
                      EXPO_BLOB_HEADER + (off_t) c * (SMALL + EXPO_BLOB_TAG)) <
                    0 ||
                expo_vault_chunk_open(&b, c, 0, sealed, SMALL + EXPO_BLOB_TAG,
                                      out) != EXPO_OK) {
                die("a range");
            }
        }
    }
    t = cpu_s() - t;

    free(all);
    close(fd);

    return 1e3 * t / READS;
}


static double
keys_us(void)
{
    enum { TIMES = 2000 };
    expo_blob_t b;
    double best = 0, t;

    for (int round = 0; round < ROUNDS; round++) {
        t = cpu_s();
        for (int i = 0; i < TIMES; i++) {
            expo_vault_blob_open(&b, blob.header, dek, &scan, &id,
                                 EXPO_BLOB_VOLUME);
        }
        best = better(best, cpu_s() - t);
    }

    return 1e6 * best / TIMES;
}


/* The same key and token; bare: the signature alone, its key at hand. */
static void
verify(double *ours_us, double *bare_us)
{
    enum { TIMES = 500 };
    static const uint8_t jti[16];
    static char pem[4096];
    char error[128], *set, *token;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    uint8_t signature[256];
    size_t n = sizeof(signature), signed_bytes;
    expo_claims_t claims;
    expo_jwks_t *keys;
    double ours = 0, bare = 0, t;
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    if (BIO_read(bio, pem, sizeof(pem) - 1) < 1000 ||
        expo_token_jwks(pem, strlen(pem), &set) != EXPO_OK ||
        expo_jwks_load(set, strlen(set), &keys, error, sizeof(error)) !=
            EXPO_OK ||
        expo_token_issue(pem, strlen(pem), "https://issuer.test/", "audience",
                         "auth0|0123456789abcdef01234567", 1000, 600, jti,
                         &token) != EXPO_OK) {
        die("a token");
    }

    signed_bytes = (size_t) (strrchr(token, '.') - token);
    EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key);
    EVP_DigestSign(md, signature, &n, (uint8_t *) token, signed_bytes);

    for (int round = 0; round < ROUNDS; round++) {
        t = cpu_s();
        for (int i = 0; i < TIMES; i++) {
            if (expo_token_verify(keys, "https://issuer.test/", "audience",
                                  1000, token, strlen(token),
                                  &claims) != EXPO_OK) {
                die("a verification");
            }
        }
        ours = better(ours, cpu_s() - t);

        t = cpu_s();
        for (int i = 0; i < TIMES; i++) {
            EVP_MD_CTX_reset(md);
            if (EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) != 1 ||
                EVP_DigestVerify(md, signature, n, (uint8_t *) token,
                                 signed_bytes) != 1) {
                die("a bare verification");
            }
        }
        bare = better(bare, cpu_s() - t);
    }

    *ours_us = 1e6 * ours / TIMES;
    *bare_us = 1e6 * bare / TIMES;

    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    BIO_free(bio);
    expo_jwks_free(keys);
    free(set);
    free(token);
}
