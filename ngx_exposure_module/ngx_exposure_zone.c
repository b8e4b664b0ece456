/*
 * The shared memory zone: queue and session tables, login tries. Its one mutex
 * is the slab pool's, which nginx unlocks for a process that died; the tables
 * then repair themselves (lib/queue.h).
 */

#include "ngx_exposure_oidc.h"
#include "ngx_exposure_socket.h"


struct ngx_exposure_zone_s {
    expo_queue_t        queue;
    expo_tries_t        tries;
    ngx_exposure_set_t  sets[EXPO_TRUST_MAX];
};


static ngx_slab_pool_t *ngx_exposure_zone_slab(void);
static uint64_t ngx_exposure_zone_start_time(ngx_pid_t pid);


ngx_int_t
ngx_exposure_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t      *shpool;
    ngx_exposure_zone_t  *zone;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data) {
        shm_zone->data = data;
        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        shm_zone->data = shpool->data;
        return NGX_OK;
    }

    zone = ngx_slab_calloc(shpool, sizeof(ngx_exposure_zone_t));
    if (zone == NULL) {
        return NGX_ERROR;
    }

    expo_queue_init(&zone->queue);

    shpool->data = zone;
    shm_zone->data = zone;

    return NGX_OK;
}


ngx_exposure_zone_t *
ngx_exposure_zone(void)
{
    return ngx_exposure_main_conf()->zone->data;
}


void
ngx_exposure_zone_lock(ngx_exposure_zone_t *zone)
{
    ngx_shmtx_lock(&ngx_exposure_zone_slab()->mutex);

    if (expo_queue_enter(&zone->queue)) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "zone: a process died inside, tables repaired");
    }
}


void
ngx_exposure_zone_unlock(ngx_exposure_zone_t *zone)
{
    expo_queue_exit(&zone->queue);

    ngx_shmtx_unlock(&ngx_exposure_zone_slab()->mutex);
}


expo_tries_t *
ngx_exposure_zone_tries(ngx_exposure_zone_t *zone)
{
    return &zone->tries;
}


expo_queue_t *
ngx_exposure_zone_queue(ngx_exposure_zone_t *zone)
{
    return &zone->queue;
}


const expo_owner_t *
ngx_exposure_zone_owner(void)
{
    static expo_owner_t  owner;

    if (owner.pid != ngx_pid) {
        owner.pid = ngx_pid;
        owner.started = ngx_exposure_zone_start_time(ngx_pid);
    }

    return &owner;
}


bool
ngx_exposure_zone_alive(const expo_owner_t *owner)
{
    uint64_t  started;

    if (owner->pid == ngx_pid) {
        return owner->started == ngx_exposure_zone_owner()->started;
    }

    if (kill((pid_t) owner->pid, 0) == -1 && ngx_errno == ESRCH) {
        return false;
    }

    started = ngx_exposure_zone_start_time((ngx_pid_t) owner->pid);

    /* /proc may be closed to us (hidepid): then the pid has to do */

    return started == 0 || started == owner->started;
}


ngx_int_t
ngx_exposure_zone_import_begin(expo_id_t *scan)
{
    expo_status_t         st;
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    st = expo_queue_import_begin(&zone->queue, ngx_exposure_zone_owner(),
                                 scan);
    ngx_exposure_zone_unlock(zone);

    if (st == EXPO_OK) {
        return NGX_OK;
    }

    return st == EXPO_CONFLICT ? NGX_DECLINED : NGX_BUSY;
}


void
ngx_exposure_zone_import_note(expo_id_t *scan, const char *stage,
    float fraction)
{
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    expo_queue_import_note(&zone->queue, scan, stage, fraction);
    ngx_exposure_zone_unlock(zone);
}


void
ngx_exposure_zone_import_end(expo_id_t *scan)
{
    ngx_exposure_zone_t  *zone;

    zone = ngx_exposure_zone();

    ngx_exposure_zone_lock(zone);
    expo_queue_import_end(&zone->queue, scan);
    ngx_exposure_zone_unlock(zone);
}


float
ngx_exposure_zone_import_get(expo_id_t *scan, char stage[NGX_EXPOSURE_STAGE])
{
    float                       fraction;
    ngx_exposure_zone_t        *zone;
    const expo_queue_import_t  *import;

    zone = ngx_exposure_zone();
    fraction = -1;

    ngx_exposure_zone_lock(zone);

    import = expo_queue_import(&zone->queue, scan);

    if (import) {
        fraction = import->fraction;

        if (stage) {
            ngx_memcpy(stage, import->stage, NGX_EXPOSURE_STAGE);
        }
    }

    ngx_exposure_zone_unlock(zone);

    return fraction;
}


/* Where there is no place, an issuer's that is configured no more is taken. */

ngx_exposure_set_t *
ngx_exposure_zone_set(ngx_exposure_zone_t *zone, const char *issuer)
{
    ngx_uint_t           i;
    ngx_exposure_set_t  *set, *oldest;

    oldest = &zone->sets[0];

    for (i = 0; i < EXPO_TRUST_MAX; i++) {
        set = &zone->sets[i];

        if (ngx_strcmp(set->issuer, issuer) == 0) {
            return set;
        }

        if (set->issuer[0] == '\0') {
            oldest = set;
            break;
        }

        if (set->refresh.began_ms < oldest->refresh.began_ms) {
            oldest = set;
        }
    }

    if (oldest->json) {
        ngx_slab_free_locked(ngx_exposure_zone_slab(), oldest->json);
    }

    ngx_memzero(oldest, sizeof(ngx_exposure_set_t));
    (void) ngx_cpystrn((u_char *) oldest->issuer, (u_char *) issuer,
                       sizeof(oldest->issuer));

    return oldest;
}


ngx_int_t
ngx_exposure_zone_set_put(ngx_exposure_set_t *set, u_char *json, size_t len)
{
    u_char  *copy;

    copy = ngx_slab_alloc_locked(ngx_exposure_zone_slab(), len);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy, json, len);

    if (set->json) {
        ngx_slab_free_locked(ngx_exposure_zone_slab(), set->json);
    }

    set->json = copy;
    set->len = len;
    set->version++;

    return NGX_OK;
}


static ngx_slab_pool_t *
ngx_exposure_zone_slab(void)
{
    return (ngx_slab_pool_t *) ngx_exposure_main_conf()->zone->shm.addr;
}


/* In clock ticks since the boot; 0 when it cannot be read. */

static uint64_t
ngx_exposure_zone_start_time(ngx_pid_t pid)
{
    char                 path[sizeof("/proc//stat") + NGX_INT64_LEN];
    char                 text[512], *p;
    int                  fd, i;
    ssize_t              n;
    unsigned long long   started;

    *ngx_sprintf((u_char *) path, "/proc/%P/stat", pid) = '\0';

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    /* field 22; the second one, in brackets, may hold anything */

    p = strrchr(text, ')');

    for (i = 2; p && i < 22; i++) {
        p = strchr(p + 1, ' ');
    }

    if (p == NULL || sscanf(p, " %llu", &started) != 1) {
        return 0;
    }

    return started;
}
