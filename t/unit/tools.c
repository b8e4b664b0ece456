/* exposure-demo, exposure-import and exposure-render, one after the other. */

#include "t/lib/worker_client.h"
#include "t/unit/check.h"

static char folder[] = "/tmp/exposure-tools-XXXXXX";
static char tools[512];

/* Exit status of a shell line, in our folder and with the tools in PATH. */
static int
run(const char *line)
{
    char command[2048];
    int status;

    snprintf(command, sizeof(command),
             "cd %s && PATH=%s:$PATH && exec 2>/dev/null && %s", folder, tools,
             line);
    status = system(command);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
a_folder_is_rendered_as_its_volume_is(void)
{
    check(run("exposure-demo phantom --out scan --size 32 --slices 16") == 0);
    check(run("exposure-import scan --out - >volume") == 0);
    check(run("test $(wc -c <volume) -eq $((512 + 2 * 32 * 32 * 16))") == 0);
    check(run("exposure-render --volume volume --size 32x32 --samples 2 "
              "--out a.pfm >json")
          == 0);
    check(run("exposure-render --volume scan --size 32x32 --samples 2 "
              "--out b.pfm >json")
          == 0);
    check(run("cmp a.pfm b.pfm") == 0);
}

static void
a_report_comes_where_no_volume_does(void)
{
    check(run("exposure-import scan --out volume.nrrd >report") == 0);
    check(run("grep -q '\"series\"' report") == 0);
    check(run("exposure-import scan --out - --report report.json >volume2")
          == 0);
    check(run("cmp volume volume2") == 0);
    check(run("cmp report report.json") == 0);
}

static void
a_folder_without_pictures_is_an_unusable_input(void)
{
    check(run("mkdir none && echo text >none/file") == 0);
    check(run("exposure-render --volume none --size 32x32 --out c.pfm") == 3);
    check(run("exposure-render --volume nowhere --out c.pfm") == 3);
    check(run("test ! -e c.pfm") == 0);
}

int
main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }

    client_program(tools, sizeof(tools), "");

    a_folder_is_rendered_as_its_volume_is();
    a_report_comes_where_no_volume_does();
    a_folder_without_pictures_is_an_unusable_input();
    check(run("rm -r scan none ./volume* ./report* ./*.pfm json") == 0);
    check(rmdir(folder) == 0);

    return done();
}
