/* Why signing in by a provider did not work; apart from what talks to it, which
 * is fetched only then. */

export type Refusal =
    /** The person, or the provider, said no. */
    | 'denied'
    /** A way back that is used up, or was begun elsewhere. */
    | 'stale'
    /** No answer from it that this page may read. */
    | 'unreachable'
    /** It says itself that it cannot now. */
    | 'unavailable'
    /** It does not accept how this service asks. */
    | 'misconfigured'
    /** It let the person in, and this service does not take its token. */
    | 'not_taken';

export class ProviderError extends Error {
    constructor(
        readonly refusal: Refusal,
        readonly provider: string,
        /** In the provider's words; for whoever runs the service. */
        readonly detail = '',
    ) {
        super(refusal);
    }
}
