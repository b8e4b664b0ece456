#include "render-worker/import/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <seccomp.h>

static void sandbox_leave_files(void);
static int sandbox_limit(int what, rlim_t value);


int
sandbox_prepare(void)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        close_range(4, ~0u, 0) != 0 || !sandbox_limit(RLIMIT_CORE, 0) ||
        !sandbox_limit(RLIMIT_FSIZE, 0) || !sandbox_limit(RLIMIT_NOFILE, 8) ||
        !sandbox_limit(RLIMIT_CPU, SANDBOX_CPU_S)) {
        return 0;
    }

    /* The address sanitizer maps terabytes of shadow. */
#ifndef __SANITIZE_ADDRESS__
    if (!sandbox_limit(RLIMIT_AS, SANDBOX_ADDRESS_SPACE)) {
        return 0;
    }
#endif

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0 &&
        unshare(CLONE_NEWNET | CLONE_NEWIPC) != 0) {
        errno = 0;
    }

    sandbox_leave_files();

    /* After unshare: gaining capabilities takes this back. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    alarm(SANDBOX_WALL_S);

    return 1;
}


int
sandbox_enter(void)
{
    /* sysinfo: glibc's qsort asks how much memory there is. */
    static const int calls[] = {
        SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(munmap), SCMP_SYS(mremap),
        SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(futex),
        SCMP_SYS(sched_yield), SCMP_SYS(clock_gettime), SCMP_SYS(getrandom),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
#ifdef __SANITIZE_ADDRESS__
        /* The sanitizers probe memory by writing it to a pipe. */
        SCMP_SYS(sigaltstack), SCMP_SYS(pipe2), SCMP_SYS(close),
#endif
        SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sysinfo)};
    const struct scmp_arg_cmp no_code =
        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    scmp_filter_ctx ctx;
    int ok;

    ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (ctx == NULL) {
        return 0;
    }

    /* Every thread that exists gets the list, not only the caller. */
    ok = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
         seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                &no_code) == 0 &&
         seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                &no_code) == 0;

    for (size_t i = 0; ok && i < sizeof calls / sizeof *calls; i++) {
        ok = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    }

    /* glibc's heap asks /proc whether it may shrink, and lives with a no. */
    ok = ok && seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat),
                                0) == 0;

    ok = ok && sandbox_limit(RLIMIT_NPROC, 0) && seccomp_load(ctx) == 0;

    seccomp_release(ctx);
    return ok;
}


/* A Landlock ruleset with every right handled and no path granted. */
static void
sandbox_leave_files(void)
{
    struct landlock_ruleset_attr rules = {
        .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    int fd;

    fd = (int) syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (fd < 0) {
        return;
    }

    syscall(SYS_landlock_restrict_self, fd, 0);
    close(fd);
}


/* Never raises one. */
static int
sandbox_limit(int what, rlim_t value)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t) what, &limit) != 0) {
        return 0;
    }

    limit.rlim_max = limit.rlim_max < value ? limit.rlim_max : value;
    limit.rlim_cur = limit.rlim_cur < value ? limit.rlim_cur : value;

    return setrlimit((__rlimit_resource_t) what, &limit) == 0;
}
