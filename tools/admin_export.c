/* exposure-admin export: all that the service has of one person, as a tar. */

#include "tools/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "lib/outgoing.h"

static int export_all(expo_store_t *s, const admin_person_t *p, int fd);
static int export_pieces(expo_outgoing_t *out, int fd);


int
admin_export(const admin_options_t *o)
{
    const char *path = o->words[0];
    expo_master_t masters[EXPO_MASTERS];
    admin_person_t p;
    size_t n;
    expo_store_t *s;
    int fd, rc;

    if (admin_load_masters(o, masters, &n)) {
        return 1;
    }

    s = admin_open_store(o);
    rc = s == NULL || admin_person_open(o, s, masters, n, &p);
    sodium_memzero(masters, sizeof(masters));

    if (rc) {
        expo_store_close(s);
        return 1;
    }

    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        rc = admin_fail("%s cannot be made: %s.", path, strerror(errno));
    } else {
        rc = export_all(s, &p, fd);
        if (close(fd) < 0 || rc) {
            unlink(path);
            rc = 1;
        }
    }

    admin_person_close(&p);
    expo_store_close(s);

    return rc;
}


int
admin_opens(expo_store_t *s, const admin_person_t *p, size_t *volumes)
{
    expo_takeout_volume_t *list = NULL;
    expo_outgoing_t out;
    json_t *json = NULL;
    expo_takeout_t t = {s,
                        p->keys,
                        &p->vault->secrets[0].names,
                        p->token,
                        strlen(p->token),
                        p->tag,
                        (uint64_t) time(NULL)};
    expo_status_t st;
    uint8_t *piece;
    size_t len;

    st = expo_takeout(&t, &json, &list, volumes);
    json_decref(json);

    if (st == EXPO_OK && *volumes > 0) {
        st = expo_outgoing_volume(&out, s, p->keys, &list[0], EXPO_EXPORT_NIFTI,
                                  0);
        while (st == EXPO_OK) {
            st = expo_outgoing_next(&out, &piece, &len);
        }
        expo_outgoing_close(&out);
        st = st == EXPO_NOT_FOUND ? EXPO_OK : st;
    }

    if (list != NULL) {
        sodium_memzero(list, *volumes * sizeof(*list));
        free(list);
    }

    return st == EXPO_OK ? 0
                         : admin_fail("A volume does not open: %s.",
                                      expo_status_name(st));
}


static int
export_all(expo_store_t *s, const admin_person_t *p, int fd)
{
    expo_takeout_volume_t *volumes = NULL;
    expo_takeout_t t = {s,
                        p->keys,
                        &p->vault->secrets[0].names,
                        p->token,
                        strlen(p->token),
                        p->tag,
                        (uint64_t) time(NULL)};
    expo_outgoing_t out;
    json_t *json = NULL;
    expo_status_t st;
    size_t n;
    int rc;

    st = expo_takeout(&t, &json, &volumes, &n);
    if (st == EXPO_OK) {
        st = expo_outgoing_archive(&out, s, p->keys, json, volumes, n);
        if (st != EXPO_OK) {
            free(volumes);
        }
    }
    json_decref(json);

    if (st != EXPO_OK) {
        return admin_fail("Nothing can be exported: %s.", expo_status_name(st));
    }

    rc = export_pieces(&out, fd);
    expo_outgoing_close(&out);

    return rc;
}


static int
export_pieces(expo_outgoing_t *out, int fd)
{
    expo_status_t st;
    uint8_t *piece;
    ssize_t n;
    size_t len;

    while ((st = expo_outgoing_next(out, &piece, &len)) == EXPO_OK) {
        for (; len > 0; piece += n, len -= (size_t) n) {
            n = write(fd, piece, len);
            if (n < 0 && errno != EINTR) {
                return admin_fail("It cannot be written: %s.", strerror(errno));
            }
            n = n < 0 ? 0 : n;
        }
    }

    return st == EXPO_NOT_FOUND && fsync(fd) == 0
               ? 0
               : admin_fail("It broke off: %s.", expo_status_name(st));
}
