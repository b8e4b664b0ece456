/*
 * What is sealed opens as it was; one changed byte anywhere, and nothing comes
 * out. Headers, tickets and metadata made of anything do no harm.
 *
 * Input: u8 chunk size, u8 xor, u32 place, then the plaintext.
 */

#include "lib/vault.c"
#include "lib/vault_blob.c"
#include "lib/vault_ticket.c"

#include <stdlib.h>

#define CHUNK_LOG2 12
#define CHUNK (1u << CHUNK_LOG2)

static const uint8_t key[32] = {7}, salt[32] = {9};
static const expo_names_t names = {.ticket = {8}};


static void
read_anything(const uint8_t *src, size_t len)
{
    expo_id_t scan, id;
    expo_blob_kind_t kind;
    expo_ticket_t ticket;
    uint64_t plain, chunks;
    uint32_t epoch;
    expo_blob_t b;
    uint8_t *dst;

    if (expo_vault_ticket_read(&ticket, &names, (const char *) src, len, 0) ==
        EXPO_OK) {
        abort();
    }

    dst = malloc(len + 1);
    if (expo_vault_meta_open(dst, key, src, len) == EXPO_OK) {
        abort();
    }
    free(dst);

    if (len < EXPO_BLOB_HEADER ||
        expo_vault_blob_about(src, &scan, &id, &kind, &epoch) != EXPO_OK) {
        return;
    }

    if (expo_vault_blob_open(&b, src, key, &scan, &id, kind) == EXPO_OK &&
        expo_vault_blob_length(&b, len, &plain, &chunks) == EXPO_OK &&
        (chunks == 0 || plain > len)) {
        abort();
    }
}


/* A whole file of one or more chunks. */
static uint8_t *
seal(expo_blob_t *b, const uint8_t *plain, size_t len, size_t *file_len)
{
    size_t chunks = len / CHUNK + (len % CHUNK != 0 || len == 0);
    uint8_t *file = malloc(EXPO_BLOB_HEADER + len + 16 * chunks), *p = file;

    memcpy(p, b->header, EXPO_BLOB_HEADER);
    p += EXPO_BLOB_HEADER;

    for (size_t i = 0; i < chunks; i++) {
        size_t n = i == chunks - 1 ? len - i * CHUNK : CHUNK;

        if (expo_vault_chunk_seal(b, i, i == chunks - 1, plain + i * CHUNK, n,
                                  p) != EXPO_OK) {
            abort();
        }
        p += n + 16;
    }

    *file_len = (size_t) (p - file);

    return file;
}


/* Whether the file opens to exactly these bytes. */
static int
opens(const uint8_t *file, size_t file_len, const expo_id_t *scan,
      const expo_id_t *id, const uint8_t *plain, size_t len)
{
    static uint8_t out[1 << 24];
    uint64_t plain_len, chunks;
    const uint8_t *p = file + EXPO_BLOB_HEADER;
    expo_blob_t b;
    size_t chunk, n;

    if (expo_vault_blob_open(&b, file, key, scan, id, EXPO_BLOB_VOLUME) !=
            EXPO_OK ||
        expo_vault_blob_length(&b, file_len, &plain_len, &chunks) != EXPO_OK ||
        plain_len != len) {
        return 0;
    }

    chunk = expo_vault_blob_chunk(&b);

    for (uint64_t i = 0; i < chunks; i++) {
        n = i == chunks - 1 ? (size_t) (file + file_len - p) : chunk + 16;

        if (expo_vault_chunk_open(&b, i, i == chunks - 1, p, n, out) !=
            EXPO_OK) {
            return 0;
        }

        if (memcmp(out, plain + i * chunk, n - 16) != 0) {
            abort();
        }
        p += n;
    }

    return 1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    expo_id_t scan = {{1}}, id = {{2}};
    size_t file_len, place;
    uint8_t *file;
    expo_blob_t b;
    int right;

    read_anything(data, size);

    if (size < 6) {
        return 0;
    }

    expo_vault_blob_new(&b, key, data[0], &scan, &id, EXPO_BLOB_VOLUME,
                        CHUNK_LOG2, salt);
    file = seal(&b, data + 6, size - 6, &file_len);

    place = expo_vault_get_be(data + 2, 4) % file_len;
    file[place] ^= data[1];

    right = opens(file, file_len, &scan, &id, data + 6, size - 6);
    if (right != (data[1] == 0)) {
        abort();
    }

    free(file);

    return 0;
}
