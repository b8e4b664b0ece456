/* The one script whose address the pages make up themselves. The server's
 * Content-Security-Policy lets only this policy, by name, do so. */

import made from './reader.worker.ts?worker&url';

interface Policy {
    createScriptURL(url: string): URL;
}
interface TrustedTypes {
    createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}
/* Not every browser has it. */
const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };

const policy = trustedTypes?.createPolicy('portal', {
    createScriptURL(url) {
        if (url !== made) {
            throw new TypeError(`not a script of the portal: ${url}`);
        }
        return url;
    },
});

export const readerUrl: string | URL = policy?.createScriptURL(made) ?? made;
