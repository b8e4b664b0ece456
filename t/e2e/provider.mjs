// An OpenID provider on loopback: npm's oidc-provider, whose only page asks who
// one wants to be.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(resolve('portal/package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

export const AUDIENCE = 'https://scans.test/api';

/** On loopback. */
export const issuerAt = (port) => `http://localhost:${port}`;

/** portal: origin of the pages that sign in; life_s: of its access tokens. */
export async function startProvider(port, portal, life_s) {
    const server = createServer();
    await new Promise((done) => server.listen(port, '127.0.0.1', done));
    const issuer = issuerAt(port);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const asked = []; // paths, with the grant of the token endpoint

    const provider = new Provider(issuer, {
        clients: [{
            client_id: 'portal',
            token_endpoint_auth_method: 'none',
            grant_types: ['authorization_code', 'refresh_token'],
            redirect_uris: [`${portal}/sign-in`],
            post_logout_redirect_uris: [`${portal}/`],
        }],
        jwks: {
            keys: [{
                ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256',
            }],
        },
        cookies: { keys: ['loopback'] },
        pkce: { required: () => true },
        clientBasedCORS: (_, origin) => origin === portal,
        findAccount: (_, id) => ({
            accountId: id,
            claims: () => ({ sub: id, name: `${id} of the house` }),
        }),
        claims: { openid: ['sub'], profile: ['name'] },
        conformIdTokenClaims: false,
        scopes: ['openid', 'profile', 'offline_access'],
        issueRefreshToken: () => true,
        async loadExistingGrant(ctx) {
            const grant = new ctx.oidc.provider.Grant({
                clientId: 'portal', accountId: ctx.oidc.session.accountId,
            });
            grant.addOIDCScope('openid profile offline_access');
            grant.addResourceScope(AUDIENCE, '');
            await grant.save();
            return grant;
        },
        interactions: { url: (_, { uid }) => `/interaction/${uid}` },
        features: {
            devInteractions: { enabled: false },
            revocation: { enabled: true },
            rpInitiatedLogout: {
                enabled: true,
                logoutSource: (ctx, form) => {
                    ctx.body = `${form}<button form="op.logoutForm" name="logout" value="yes"
                        >Leave</button>`;
                },
            },
            resourceIndicators: {
                enabled: true,
                getResourceServerInfo: (_, audience) => ({
                    scope: '',
                    audience,
                    accessTokenFormat: 'jwt',
                    accessTokenTTL: life_s,
                    jwt: { sign: { alg: 'RS256' } },
                }),
            },
        },
    });
    provider.use(async (ctx, next) => {
        await next();
        asked.push([ctx.path, ctx.oidc?.params?.grant_type].filter(Boolean).join(' '));
    });

    const page = (uid) => `<!doctype html><title>Who are you?</title>
        <form method="post" action="/interaction/${uid}">
            <input name="who" data-testid="provider-who">
            <button data-testid="provider-in">In</button>
            <button name="no" value="1" data-testid="provider-no">No</button>
        </form>`;
    const answer = provider.callback();
    server.on('request', async (request, response) => {
        const uid = request.url.match(/^\/interaction\/([^/?]+)$/)?.[1];
        if (!uid) {
            answer(request, response);
        } else if (request.method === 'GET') {
            response.setHeader('Content-Type', 'text/html').end(page(uid));
        } else {
            const form = new URLSearchParams((await request.toArray()).join(''));
            await provider.interactionFinished(request, response, form.has('no')
                ? { error: 'access_denied', error_description: 'as was asked for' }
                : { login: { accountId: form.get('who') } });
        }
    });

    return {
        issuer,
        asked,
        jwks: `${issuer}/jwks`,
        stop() {
            server.closeAllConnections();
            server.close();
        },
    };
}
