// Who one is: by an OpenID provider, over loopback, through the real redirects.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { newPage, startBrowser } from './browser.mjs';
import { AUDIENCE, issuerAt, startProvider } from './provider.mjs';
import { freePort, startService } from './service.mjs';

const LIFE_S = 8;

let service;
let provider;
let browser;
let page;

before(async () => {
    const port = await freePort();
    service = await startService('--trust', `${issuerAt(port)} ${AUDIENCE} nginx`);
    provider = await startProvider(port, service.origin, LIFE_S);
    service.configure(`
        exposure_oidc ${provider.issuer} audience=${AUDIENCE} jwks=location:/idp/keys
                      client_id=portal "name=The house" "scope=openid profile offline_access";`,
    `location = /idp/keys { internal; proxy_pass ${provider.jwks}; }`);
    browser = await startBrowser();
    page = await newPage(browser);
});

after(async () => {
    await browser?.close();
    provider?.stop();
    service?.stop();
});

const by = (id) => page.getByTestId(id);

async function enterAs(who) {
    await by('sign-in-provider').click();
    await by('provider-who').fill(who);
    await by('provider-in').click();
}

/** What outlives the page in this browser. */
const kept = () => page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]);

test('a provider signs in, and the address one came for is the one one gets', async () => {
    await page.goto(`${service.origin}/account`);
    await enterAs('eva');
    await page.getByText('Signed in as eva of the house').waitFor();
    assert.equal(page.url(), `${service.origin}/account`, 'no code stays in the address');
    assert.deepEqual(await kept(), [], 'tokens are in memory only');
    assert.ok(provider.asked.includes('/token authorization_code'));
});

test('the token is renewed before it ends, without a word', async () => {
    const renewed = () => provider.asked.filter((a) => a === '/token refresh_token').length;
    for (let i = 0; i < 100 && renewed() < 2; i++) {
        await page.waitForTimeout(200);
    }
    assert.ok(renewed() >= 2, 'refreshed, and refreshed again');
    await page.getByRole('link', { name: 'My scans' }).click();
    await by('upload-input').waitFor({ state: 'attached' });
});

test('signing out ends it at the provider too', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Leave' }).click();
    await by('sign-in-provider').click();
    await by('provider-who').waitFor();
    assert.ok(provider.asked.some((a) => a.startsWith('/token/revocation')));
});

test('who goes back is told that nothing has happened', async () => {
    await by('provider-no').click();
    await page.getByRole('alert').getByText('did not let you in').waitFor();
    assert.deepEqual(await kept(), []);
    await page.getByRole('button', { name: 'Back to signing in' }).click();
    await by('sign-in-provider').waitFor();
});

test('a way back that nobody waits for is refused', async () => {
    await page.goto(`${service.origin}/sign-in?code=stolen&state=other`);
    await page.getByRole('alert').getByText('used up').waitFor();
});

test('a provider that is away is named', async () => {
    await page.goto(`${service.origin}/`);
    await page.route(`${provider.issuer}/**`, (route) => route.abort());
    await by('sign-in-provider').click();
    await page.getByRole('alert').getByText('The house cannot be reached').waitFor();
    await page.unrouteAll();
});
