// oauth4webapi, https://github.com/panva/oauth4webapi: every request and every check is a call of its own.
import * as oauth from 'oauth4webapi';
import { assert, back, base, bye, callback, issuer, passed, refused } from './party.mjs';

const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oidc' }));
const same = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' }));
assert.equal(same.token_endpoint, as.token_endpoint);
passed('discovery, of both kinds');

// requestOf makes the parameters of an authorization request and what checks its answer.
const requestOf = async (client, scope) => {
  const verifier = oauth.generateRandomCodeVerifier();
  const nonce = oauth.generateRandomNonce();
  const state = oauth.generateRandomState();
  const query = new URLSearchParams({
    client_id: client.client_id, redirect_uri: callback, response_type: 'code', scope, nonce, state, prompt: 'consent',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  return { verifier, nonce, state, query };
};

const addressOf = (query) => {
  const u = new URL(as.authorization_endpoint);
  u.search = query;
  return u.href;
};

const redeem = async (client, by, url, { verifier, nonce, state }) => {
  const answer = oauth.validateAuthResponse(as, client, url, state);
  const response = await oauth.authorizationCodeGrantRequest(as, client, by, answer, callback, verifier);
  const result = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(as, response);
  return result;
};

const active = async (client, by, token) => (await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, by, token))).active;

// A public client: nothing but PKCE says who it is.
const phone = { client_id: 'phone' };
const inPhone = await requestOf(phone, 'openid profile offline_access');
const ofPhone = await redeem(phone, oauth.None(), await back(addressOf(inPhone.query)), inPhone);
assert.equal(oauth.getValidatedIdTokenClaims(ofPhone).sub, 'dory');
passed('public client, code with PKCE');

const refresh = async (client, by, token) => oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, by, token));
const next = await refresh(phone, oauth.None(), ofPhone.refresh_token);
assert.notEqual(next.refresh_token, ofPhone.refresh_token);
const call = await oauth.userInfoRequest(as, phone, next.access_token);
assert.equal((await oauth.processUserInfoResponse(as, phone, 'dory', call)).name, 'Dory Sample');
passed('public client, refresh and UserInfo');

const plain = await requestOf(phone, 'openid');
plain.query.delete('code_challenge');
plain.query.delete('code_challenge_method');
const without = await back(addressOf(plain.query));
assert.throws(() => oauth.validateAuthResponse(as, phone, without, plain.state), { error: 'invalid_request' });
passed('public client without PKCE is refused');

// A confidential client that pushes its requests and authenticates by its secret in the body, then by a JWT.
const shop = { client_id: 'shop' };
for (const [how, by] of [['client_secret_basic', oauth.ClientSecretBasic('shop-secret-1')], ['client_secret_post', oauth.ClientSecretPost('shop-secret-1')]]) {
  const r = await requestOf(shop, 'openid email offline_access');
  const push = await oauth.processPushedAuthorizationResponse(as, shop, await oauth.pushedAuthorizationRequest(as, shop, by, r.query));
  const tokens = await redeem(shop, by, await back(addressOf(new URLSearchParams({ client_id: 'shop', request_uri: push.request_uri }))), r);
  assert.equal(await active(shop, by, tokens.access_token), true);
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, shop, by, tokens.refresh_token));
  assert.equal(await active(shop, by, tokens.refresh_token), false);
  await refused(refresh(shop, by, tokens.refresh_token), 'invalid_grant');
  passed(`pushed request, introspection and revocation by ${how}`);
}

// A client that registers itself, with keys of each kind that Web Crypto makes.
for (const alg of ['RS256', 'PS256', 'ES256', 'Ed25519']) {
  const pair = await oauth.generateKeyPair(alg, { extractable: true });
  const key = { key: pair.privateKey, kid: `my-${alg}` };
  const jwk = { ...await crypto.subtle.exportKey('jwk', pair.publicKey), kid: key.kid, use: 'sig' };
  for (const member of ['alg', 'ext', 'key_ops']) delete jwk[member];
  const named = alg === 'Ed25519' && { [oauth.modifyAssertion]: (header) => { header.alg = 'EdDSA'; } }; // RFC 8037, not yet RFC 9864
  const client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, {
    client_name: `Signs by ${alg}`, redirect_uris: [callback], post_logout_redirect_uris: [`${base}/bye`], jwks: { keys: [jwk] },
    application_type: 'native', token_endpoint_auth_method: 'private_key_jwt',
  }));
  const by = oauth.PrivateKeyJwt(key, named);
  const r = await requestOf(client, 'openid');
  const request = await oauth.issueRequestObject(as, client, r.query, key, named);
  const tokens = await redeem(client, by, await back(addressOf(new URLSearchParams({ client_id: client.client_id, request }))), r);
  passed(`registration, signed request object and private_key_jwt by ${alg}`);
  if (alg !== 'Ed25519') continue;
  const goodbye = new URL(as.end_session_endpoint);
  goodbye.search = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: `${base}/bye`, state: 'so long' });
  assert.equal((await back(goodbye.href)).searchParams.get('state'), 'so long');
  passed('sign-out');
}

// client_secret_jwt, and a client that manages what it registered (RFC 7592).
const made = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, {
  client_name: 'Knows a secret', redirect_uris: [callback], application_type: 'native', token_endpoint_auth_method: 'client_secret_jwt',
}));
const r = await requestOf(made, 'openid');
await redeem(made, oauth.ClientSecretJwt(made.client_secret), await back(addressOf(r.query)), r);
passed('client_secret_jwt');
const manage = { headers: { authorization: `Bearer ${made.registration_access_token}` } };
assert.equal((await (await fetch(made.registration_client_uri, manage)).json()).client_name, 'Knows a secret');
assert.equal((await fetch(made.registration_client_uri, { method: 'DELETE', ...manage })).status, 204);
assert.equal((await fetch(made.registration_client_uri, manage)).status, 401);
passed('registration is read and ended');

bye();
