#include "exposure-vault/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <seccomp.h>

static int sandbox_become(const char *user);


void
sandbox_no_dumps(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}


int
sandbox_lock(const char *user, int *locked)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

    /*
     * Only root may do these two. A user namespace would permit the first to
     * others, but in it SO_PEERCRED names nobody.
     */
    (void) unshare(CLONE_NEWNET);
    (void) setrlimit(RLIMIT_MEMLOCK, &all);

    if (user != NULL && sandbox_become(user) < 0) {
        return -1;
    }

    sandbox_no_dumps(); /* setuid takes it back */

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return -1;
    }

    *locked = mlockall(MCL_CURRENT | MCL_FUTURE) == 0;

    return 0;
}


int
sandbox_enter(void)
{
    static const int calls[] = {
        SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(poll),
        SCMP_SYS(ppoll), SCMP_SYS(accept4), SCMP_SYS(getsockopt),
        SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
        SCMP_SYS(sendmsg), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
        SCMP_SYS(madvise), SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(futex),
        SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(getpid),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(restart_syscall),
#ifdef __SANITIZE_ADDRESS__
        /* The sanitizers look for leaks, and probe memory, as they please. */
        SCMP_SYS(sigaltstack), SCMP_SYS(pipe2), SCMP_SYS(clone),
        SCMP_SYS(gettid), SCMP_SYS(prctl), SCMP_SYS(wait4),
        SCMP_SYS(sched_yield),
#endif
        SCMP_SYS(exit), SCMP_SYS(exit_group)};
    const struct scmp_arg_cmp no_code =
        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    scmp_filter_ctx ctx;
    int ok;

    ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (ctx == NULL) {
        return -1;
    }

    ok = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                &no_code) == 0 &&
         seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                &no_code) == 0;

    for (size_t i = 0; ok && i < sizeof calls / sizeof *calls; i++) {
        ok = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    }

    /* glibc's heap asks /proc whether it may shrink, and lives with a no. */
    ok = ok &&
         seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0) ==
             0 &&
         seccomp_load(ctx) == 0;

    seccomp_release(ctx);

    return ok ? 0 : -1;
}


static int
sandbox_become(const char *user)
{
    struct passwd *pw = getpwnam(user);

    if (pw == NULL) {
        errno = ENOENT;
        return -1;
    }

    return initgroups(user, pw->pw_gid) == 0 && setgid(pw->pw_gid) == 0 &&
                   setuid(pw->pw_uid) == 0
               ? 0
               : -1;
}
