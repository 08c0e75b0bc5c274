// openid-client, https://github.com/panva/openid-client, as its own manual uses it.
import * as client from 'openid-client';
import { generateKeyPair, exportJWK } from 'jose';
import { assert, back, base, bye, callback, issuer, passed, refused, visit } from './party.mjs';

const scope = 'openid profile email offline_access read';

// codeFlow sends somebody through an authorization request and redeems what comes back.
const codeFlow = async (config, build, extra = {}) => {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const request = {
    redirect_uri: callback, scope, state, nonce, code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256', prompt: 'consent', ...extra,
  };
  const answer = await visit((await build(config, request)).href);
  const tokens = await client.authorizationCodeGrant(config, request.response_mode === 'form_post' ? answer : new URL(answer.url), {
    pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
  });
  return { tokens, answer, verifier, state, nonce };
};

const config = await client.discovery(issuer, 'shop', { client_secret: 'shop-secret-1' }, client.ClientSecretBasic('shop-secret-1'));
client.enableNonRepudiationChecks(config);
passed('discovery');

const { tokens, answer, verifier, state, nonce } = await codeFlow(config, client.buildAuthorizationUrl);
assert.equal(tokens.claims().sub, 'dory');
assert.ok(tokens.refresh_token);
passed('code with PKCE');

await refused(client.authorizationCodeGrant(config, new URL(answer.url), { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }), 'invalid_grant');
assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, false);
await refused(client.refreshTokenGrant(config, tokens.refresh_token), 'invalid_grant');
passed('a code that is used again ends what the first use gave');

let current = (await codeFlow(config, client.buildAuthorizationUrl)).tokens;
const info = await client.fetchUserInfo(config, current.access_token, current.claims().sub);
assert.equal(info.email, 'dory@example.org');
assert.equal(info.given_name, 'Dory');
passed('UserInfo');

const renewed = await client.refreshTokenGrant(config, current.refresh_token);
assert.notEqual(renewed.access_token, current.access_token);
assert.equal(renewed.claims().sid, current.claims().sid);
current = renewed;
passed('refresh');

const told = await client.tokenIntrospection(config, current.access_token);
assert.deepEqual([told.active, told.sub, told.client_id], [true, 'dory', 'shop']);
passed('introspection');

await client.tokenRevocation(config, current.access_token);
assert.equal((await client.tokenIntrospection(config, current.access_token)).active, false);
await client.tokenRevocation(config, current.refresh_token);
await refused(client.refreshTokenGrant(config, current.refresh_token), 'invalid_grant');
passed('revocation');

await codeFlow(config, client.buildAuthorizationUrlWithPAR);
passed('pushed authorization request');

await codeFlow(config, client.buildAuthorizationUrl, { response_mode: 'form_post' });
passed('form_post');

const keys = await generateKeyPair('ES256', { extractable: true });
const jwk = { ...await exportJWK(keys.publicKey), kid: 'one', use: 'sig', alg: 'ES256' };
const registered = await client.dynamicClientRegistration(issuer, {
  client_name: 'A client of its own making', application_type: 'native', redirect_uris: [callback], post_logout_redirect_uris: [`${base}/bye`],
  grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] },
  id_token_signed_response_alg: 'ES256',
}, client.PrivateKeyJwt({ key: keys.privateKey, kid: 'one' }));
client.enableNonRepudiationChecks(registered);
passed('registration');

const own = { scope: 'openid profile email offline_access' };
const byKey = await codeFlow(registered, client.buildAuthorizationUrl, own);
assert.equal(byKey.tokens.claims().aud, registered.clientMetadata().client_id);
passed('private_key_jwt');

const signed = (c, p) => client.buildAuthorizationUrlWithJAR(c, p, { key: keys.privateKey, kid: 'one' });
const byObject = await codeFlow(registered, signed, { ...own, max_age: '3600', claims: '{"id_token":{"email":{"essential":true}}}' });
assert.equal(byObject.tokens.claims().email, 'dory@example.org');
passed('signed request object');

const pushed = async (c, p) => {
  const u = await signed(c, p);
  return client.buildAuthorizationUrlWithPAR(c, { request: u.searchParams.get('request') });
};
await codeFlow(registered, pushed, own);
passed('signed request object, pushed');

const goodbye = client.buildEndSessionUrl(registered, { post_logout_redirect_uri: `${base}/bye`, id_token_hint: byObject.tokens.id_token, state: 'so long' });
const gone = await back(goodbye.href);
assert.equal(gone.href, `${base}/bye?state=so+long`);
const silent = client.buildAuthorizationUrl(registered, { redirect_uri: callback, scope: 'openid', prompt: 'none', state: 'x' });
await refused(client.authorizationCodeGrant(registered, await back(silent.href), { expectedState: 'x' }), 'login_required');
passed('sign-out');

bye();
