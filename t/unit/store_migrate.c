/*
 * Databases as every older program left them, with a row in each table of
 * theirs, opened by this one.
 */

#include "t/unit/store.h"

#include <sys/wait.h>

#define H16(h) h h h h h h h h h h h h h h h h
#define B16(h) "x'" H16(h) "'"
#define B32(h) "x'" H16(h) H16(h) "'"
#define B64(h) "x'" H16(h) H16(h) H16(h) H16(h) "'"
#define B80(h) "x'" H16(h) H16(h) H16(h) H16(h) H16(h) "'"
#define B112(h) "x'" H16(h) H16(h) H16(h) H16(h) H16(h) H16(h) H16(h) "'"

/*
 * A row that a program of schema `since` or later may have left. A migration
 * that adds a table adds one here; one that adds a column adds a row that has
 * it; one that changes a value says so by `until`, the last schema that had it.
 */
typedef struct {
    int since, until;
    const char *table, *columns, *values;
    const char *become; /* the values after `until`; NULL: the same */
} row_t;

static const row_t rows[] = {
    {1, 0, "users", "tag, salt, pk, master_no, state, quota, created_day",
     B64("a1") ", " B32("a2") ", " B32("a3") ", 1, 0, 0, 19000", NULL},
    {1, 1, "users", "tag, salt, pk, master_no, state, quota, created_day",
     B64("b1") ", " B32("b2") ", " B32("b3") ", 1, 1, 21474836480, 19001",
     B64("b1") ", " B32("b2") ", " B32("b3") ", 1, 1, 0, 19001"},
    {1, 0, "accounts", "name_tag, sub_tag, salt, verifier, sub_sealed, state",
     B64("a4") ", " B64("a5") ", " B16("a6") ", " B32("a7") ", " B80(
         "a8") ", 0",
     NULL},
    {1, 0, "scans",
     "id, owner_tag, epoch, state, attempts, revision, bytes_64k, created_day,"
     " meta",
     B16("c1") ", " B64("a1") ", 1, 2, 1, 3, 2, 19002, x'0102'", NULL},
    {1, 0, "scan_keys", "scan_id, user_tag, role, epoch, sealed",
     B16("c1") ", " B64("a1") ", 1, 1, " B112("c2"), NULL},
    {1, 0, "scan_keys", "scan_id, user_tag, role, epoch, sealed",
     B16("c1") ", " B64("b1") ", 3, 1, " B112("c3"), NULL},
    {1, 0, "blobs", "id, scan_id, kind, epoch, bytes",
     B16("c4") ", " B16("c1") ", 1, 1, 70144", NULL},
    {1, 0, "blob_gc", "blob_id", B16("c5"), NULL},
    {1, 0, "configurations", "id, scan_id, author_tag, revision, enc",
     B16("c6") ", " B16("c1") ", " B64("a1") ", 7, x'0304'", NULL},
    {3, 0, "uploads",
     "id, owner_tag, epoch, sealed, blob_id, length, received, expires, meta,"
     " tail",
     B16("d1") ", " B64("b1") ", 1, " B112("d2") ", " B16(
         "d3") ", 4000000, 1000, 2000000000, x'05', x''",
     NULL},
    {3, 0, "uploads",
     "id, owner_tag, epoch, sealed, blob_id, length, received, expires, meta,"
     " tail",
     B16("c1") ", " B64("a1") ", 1, " B112(
         "d4") ", NULL, 5000, 5000, 2000000001, x'06', x''",
     NULL},
    {4, 0, "erasures", "what, times, day", B64("e1") ", 2, 19003", NULL},
    {4, 0, "users",
     "tag, salt, pk, master_no, state, quota, created_day, account",
     B64("e2") ", " B32("e3") ", " B32("e4") ", 1, 0, 0, 19004, " B64("a5"),
     NULL},
    {5, 0, "scan_keys",
     "scan_id, user_tag, role, epoch, sealed, expires_at, since_day, label_id,"
     " label_enc",
     B16("c1") ", " B64("e2") ", 2, 1, " B112("f1") ", 2000000002, 19003, " B16(
         "f2") ", x'0708'",
     NULL},
    {5, 0, "invitations",
     "id, scan_id, salt, pk, sealed, role, epoch, created_day, expires_at,"
     " access_expires_at, label_enc",
     B16("f2") ", " B16("c1") ", " B32("f3") ", " B32("f4") ", " B112(
         "f5") ", 3, 1, 19003, 2000000003, 0, x'09'",
     NULL},
    {6, 0, "audit", "seq, at, actor, verb, object, outcome, mac",
     "1, 1700000000, " B32("f6") ", 14, " B16("c1") ", 1, " B32("f7"), NULL},
    {7, 0, "accounts",
     "name_tag, sub_tag, salt, verifier, sub_sealed, state, master_no",
     B64("f1") ", " B64("f2") ", " B16("f3") ", " B32("f4") ", " B80(
         "f5") ", 0, 2",
     NULL},
    {8, 0, "accounts",
     "name_tag, sub_tag, salt, verifier, sub_sealed, state, recovery, since",
     B64("07") ", " B64("08") ", " B16("09") ", " B32("0a") ", " B80(
         "0b") ", 1, " B64("0c") ", 1700000001",
     NULL},
    {8, 0, "enrolments", "hash, expires_at", B32("0d") ", 1700000002", NULL}};

#define ROWS (sizeof(rows) / sizeof(rows[0]))


static void
run(sqlite3 *db, const char *sql)
{
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        printf("# %s: %s\n", sql, why);
        check(!"the statement runs");
    }
}

static int
number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int n = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW) {
        n = sqlite3_column_int(q, 0);
    }
    sqlite3_finalize(q);

    return n;
}

/* The file of a row above, `size` plaintext bytes long. */
static void
put_blob(uint8_t scan_byte, uint8_t blob_byte, expo_blob_kind_t kind,
         size_t size)
{
    static const uint8_t dek[32];
    static uint8_t zeros[70144];
    char path[128], name[EXPO_ID_TEXT + 1];
    expo_id_t scan, id;
    expo_blob_t b;
    FILE *f;

    memset(&scan, scan_byte, sizeof(scan));
    memset(&id, blob_byte, sizeof(id));
    expo_id_print(name, &id);
    snprintf(path, sizeof(path), "%s/blobs/%s", dir, name);

    f = fopen(path, "w");
    check(expo_vault_blob_new(&b, dek, 1, &scan, &id, kind, 20, dek) ==
              EXPO_OK &&
          fwrite(b.header, 1, sizeof(b.header), f) == sizeof(b.header) &&
          fwrite(zeros, 1, size + 16, f) == size + 16);
    fclose(f);
}

static int
every_table_has_a_row(sqlite3 *db)
{
    char sql[256];
    sqlite3_stmt *q;
    int all = 1;

    sqlite3_prepare_v2(db,
                       "SELECT name FROM sqlite_schema WHERE type = 'table'",
                       -1, &q, NULL);
    while (sqlite3_step(q) == SQLITE_ROW) {
        snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s",
                 (const char *) sqlite3_column_text(q, 0));
        if (number(db, sql) < 1) {
            printf("# no row in %s\n",
                   (const char *) sqlite3_column_text(q, 0));
            all = 0;
        }
    }
    sqlite3_finalize(q);

    return all;
}

/* A data folder as the last program of this schema left it. */
static void
leave(int schema)
{
    char path[128], sql[4096];
    sqlite3 *db;

    strcpy(dir, "/tmp/expo-store-XXXXXX");
    check(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/blobs", dir);
    check(mkdir(path, 0700) == 0);
    snprintf(path, sizeof(path), "%s/store.db", dir);
    check(sqlite3_open(path, &db) == SQLITE_OK);

    run(db, "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON");
    for (int i = 0; i < schema; i++) {
        run(db, store_migrations[i]);
    }
    snprintf(sql, sizeof(sql), "UPDATE meta SET schema = %d", schema);
    run(db, sql);

    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].since <= schema) {
            snprintf(sql, sizeof(sql), "INSERT INTO %s (%s) VALUES (%s)",
                     rows[i].table, rows[i].columns,
                     rows[i].become != NULL && rows[i].until < schema
                         ? rows[i].become
                         : rows[i].values);
            run(db, sql);
        }
    }
    check(every_table_has_a_row(db));
    sqlite3_close(db);

    put_blob(0xc1, 0xc4, EXPO_BLOB_VOLUME, 70000);
    put_blob(0xc1, 0xc5, EXPO_BLOB_ORIGINAL, 10);
    if (schema >= 3) {
        put_blob(0xd1, 0xd3, EXPO_BLOB_ORIGINAL, 1000);
    }
}

static int
rows_are_there(int schema)
{
    char sql[4096];
    int all = 1;

    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].since > schema) {
            continue;
        }

        snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE (%s) IS (%s)",
                 rows[i].table, rows[i].columns,
                 rows[i].become != NULL ? rows[i].become : rows[i].values);
        if (number(s->db, sql) != 1) {
            printf("# lost since schema %d: %s\n", schema, sql);
            all = 0;
        }
    }

    return all;
}

static void
each_older_schema_keeps_its_rows_and_is_clean(void)
{
    expo_user_t u;
    uint8_t tag[EXPO_TAG];

    memset(tag, 0xa1, sizeof(tag));

    for (int schema = 1; schema <= STORE_SCHEMA; schema++) {
        leave(schema);
        open_again(0);

        check(number(s->db, "SELECT schema FROM meta") == STORE_SCHEMA);
        check(rows_are_there(schema));
        check(is_clean());
        check(expo_store_user(s, tag, &u) == EXPO_OK &&
              u.quota_bytes == EXPO_QUOTA_DEFAULT &&
              u.used_bytes == 2 * STORE_UNIT);
        end();
    }
}

/* What is only the newest program's looks the same however it came about. */
static void
a_migrated_database_has_the_tables_of_a_new_one(void)
{
    static const char sum[] =
        "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema"
        " WHERE sql IS NOT NULL ORDER BY name)";
    sqlite3_stmt *q;
    char *fresh;

    begin();
    sqlite3_prepare_v2(s->db, sum, -1, &q, NULL);
    sqlite3_step(q);
    fresh = strdup((const char *) sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    end();

    leave(1);
    open_again(0);
    sqlite3_prepare_v2(s->db, sum, -1, &q, NULL);
    sqlite3_step(q);
    check(strcmp(fresh, (const char *) sqlite3_column_text(q, 0)) == 0);
    sqlite3_finalize(q);
    end();

    free(fresh);
}

static void
a_newer_schema_is_refused_in_one_sentence(void)
{
    char path[128], sql[64];
    expo_store_t *other;
    sqlite3 *db;

    leave(STORE_SCHEMA);
    snprintf(path, sizeof(path), "%s/store.db", dir);
    snprintf(sql, sizeof(sql), "UPDATE meta SET schema = %d", STORE_SCHEMA + 1);
    check(sqlite3_open(path, &db) == SQLITE_OK);
    run(db, sql);
    sqlite3_close(db);

    check(expo_store_open(dir, 0, &other, error, sizeof(error)) ==
          EXPO_UNSUPPORTED);
    check(strstr(error, "it is older than the data.") != NULL &&
          strchr(error, '\n') == NULL);

    check(sqlite3_open(path, &db) == SQLITE_OK);
    check(number(db, "SELECT schema FROM meta") == STORE_SCHEMA + 1);
    sqlite3_close(db);
    end();
}

/* Whichever write fails, the old database is there or the new one. */
static void
a_migration_is_whole_or_not_begun(void)
{
    expo_store_t *other;
    expo_status_t st = EXPO_IO;
    int failed = 0;

    count_database_writes(1);

    for (int at = 1; st != EXPO_OK && at < 1000; at++) {
        leave(1);

        faults_arm(at, ENOSPC);
        st = expo_store_open(dir, 0, &other, error, sizeof(error));
        faults_arm(0, 0);

        if (st == EXPO_OK) {
            expo_store_close(other);
        } else {
            failed++;
        }

        open_again(0);
        if (number(s->db, "SELECT schema FROM meta") != STORE_SCHEMA ||
            !rows_are_there(1) || !is_clean()) {
            printf("# after failure of call %d\n", at);
            check(!"it opens whole afterwards");
        }
        end();
    }

    check(st == EXPO_OK && failed > 3);
    count_database_writes(0);
}

static void
processes_that_start_at_once_migrate_once(void)
{
    expo_store_t *other;
    int status, good = 0;

    leave(1);

    for (int i = 0; i < 4; i++) {
        fflush(stdout);
        if (fork() == 0) {
            _exit(expo_store_open(dir, 0, &other, error, sizeof(error)));
        }
    }
    for (int i = 0; i < 4; i++) {
        good += wait(&status) > 0 && status == 0;
    }
    check(good == 4);

    open_again(0);
    check(rows_are_there(1) && is_clean());
    end();
}

int
main(void)
{
    each_older_schema_keeps_its_rows_and_is_clean();
    a_migrated_database_has_the_tables_of_a_new_one();
    a_newer_schema_is_refused_in_one_sentence();
    a_migration_is_whole_or_not_begun();
    processes_that_start_at_once_migrate_once();

    return done();
}
