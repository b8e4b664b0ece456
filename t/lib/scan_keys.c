/*
 * scan_keys DATA MASTER ISS SUB SCAN: the scan's key and the keys of its blobs
 * in hex, a line each, for t/canary.t to look for in places where they must
 * not be.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/store.h"

static void
print(const uint8_t key[32])
{
    char text[65];

    puts(sodium_bin2hex(text, sizeof(text), key, 32));
}

static void
print_blob(expo_store_t *s, const expo_id_t *scan, const uint8_t dek[32],
           expo_blob_kind_t kind)
{
    uint8_t header[EXPO_BLOB_HEADER];
    expo_blob_t b;
    expo_id_t id;
    uint64_t bytes;
    int fd;

    if (expo_store_blob_open(s, scan, kind, &id, &fd, &bytes) == EXPO_OK) {
        if (pread(fd, header, sizeof(header), 0) == sizeof(header) &&
            expo_vault_blob_open(&b, header, dek, scan, &id, kind) == EXPO_OK) {
            print(b.key);
        }
        close(fd);
    }
}

int
main(int argc, char **argv)
{
    uint8_t master[32], tag[EXPO_TAG], pk[32], sk[32], dek[32];
    char error[256];
    expo_names_t names;
    expo_store_t *s;
    expo_user_t user;
    expo_scan_t scan;
    expo_id_t id;

    if (argc != 6 || sodium_init() < 0 ||
        expo_vault_master_load(master, argv[2], error, sizeof(error)) !=
            EXPO_OK ||
        expo_store_open(argv[1], 0, &s, error, sizeof(error)) != EXPO_OK ||
        expo_id_parse(&id, argv[5], strlen(argv[5])) != EXPO_OK ||
        expo_vault_names(&names, master) != EXPO_OK ||
        expo_vault_user_tag(tag, &names, argv[3], argv[4]) != EXPO_OK ||
        expo_store_user(s, tag, &user) != EXPO_OK ||
        expo_vault_user_keys(pk, sk, master, user.salt, argv[3], argv[4]) !=
            EXPO_OK ||
        expo_store_scan(s, tag, &id, 0, &scan) != EXPO_OK ||
        expo_vault_open_key(dek, scan.sealed, &id, tag, scan.epoch, scan.role,
                            pk, sk) != EXPO_OK) {
        fputs("scan_keys: no such scan of this user\n", stderr);
        return 1;
    }

    print(dek);
    print_blob(s, &id, dek, EXPO_BLOB_VOLUME);
    print_blob(s, &id, dek, EXPO_BLOB_THUMBNAIL);
    expo_store_scan_free(&scan);
    expo_store_close(s);

    return 0;
}
