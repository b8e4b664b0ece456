/*
 * What is left of the process's rights once it serves: memory, its sockets and
 * time. Anything else kills it.
 */

#ifndef EXPOSURE_VAULT_SANDBOX_H
#define EXPOSURE_VAULT_SANDBOX_H

/* Before any secret is read: nothing of this process is ever dumped. */
void sandbox_no_dumps(void);

/*
 * Becomes `user` (NULL: stays who it is), and leaves the network where it may.
 * -1: errno says why; 0 too when the memory could not be locked whole, which
 * *locked tells: then only the pages that keys live in are.
 */
int sandbox_lock(const char *user, int *locked);

/* The last step. -1: errno says why. */
int sandbox_enter(void);

#endif
