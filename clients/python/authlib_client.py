"""Authlib, https://github.com/authlib/authlib, on requests. See ../node/party.mjs for how it talks to the test."""

import os
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign
from authlib.oidc.core import CodeIDToken, UserInfo
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

issuer, base = os.environ["ISSUER"], os.environ["BASE"]
callback = base + "/callback"
arrivals = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    """Where the client's redirect URIs lead."""

    def do_GET(self):
        if self.path != "/favicon.ico":
            arrivals.put(base + self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>arrived</title><h1>arrived</h1>")

    def log_message(self, *_):
        pass


receiver = HTTPServer(("127.0.0.1", urlsplit(base).port), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()


def visit(url):
    print("visit", url)
    return arrivals.get(timeout=60)


def passed(what):
    print("passed", what)


def id_token(token, keys, client_id, nonce=None):
    """The claims of an ID token, checked as the library does it."""
    parsed = jwt.decode(token["id_token"], keys, algorithms=["RS256", "ES256", "EdDSA"])
    params = {"nonce": nonce, "client_id": client_id, "access_token": token["access_token"]}
    options = {"iss": {"values": [issuer]}, "aud": {"values": [client_id]}}
    claims = CodeIDToken(parsed.claims, parsed.header, options, params)
    claims.validate()
    return claims


metadata = requests.get(issuer + "/.well-known/openid-configuration", timeout=20).json()
assert metadata["issuer"] == issuer, metadata
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=20).json())
passed("discovery")

shop = OAuth2Session("shop", "shop-secret-1", scope="openid profile email offline_access read", redirect_uri=callback, code_challenge_method="S256")
verifier, nonce = generate_token(48), generate_token()
url, state = shop.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, prompt="consent")
token = shop.fetch_token(metadata["token_endpoint"], authorization_response=visit(url), code_verifier=verifier, state=state)
assert id_token(token, keys, "shop", nonce)["sub"] == "dory"
passed("code with PKCE")

info = UserInfo(shop.get(metadata["userinfo_endpoint"]).json())
assert info.sub == "dory" and info.name == "Dory Sample" and info.email_verified, info
passed("UserInfo")

old = dict(token)
token = shop.refresh_token(metadata["token_endpoint"])
assert token["access_token"] != old["access_token"]
assert id_token(token, keys, "shop")["sub"] == "dory"
passed("refresh")

told = shop.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json()
assert told["active"] and told["username"] == "dory", told
passed("introspection")

assert shop.revoke_token(metadata["revocation_endpoint"], token=token["refresh_token"]).status_code == 200
try:
    shop.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    raise AssertionError("a revoked refresh token is good")
except OAuthError as e:
    assert e.error == "invalid_grant", e
passed("revocation")

key = ECKey.generate_key("P-256", {"kid": "of-python", "use": "sig"})
made = requests.post(metadata["registration_endpoint"], timeout=20, json={
    "client_name": "Written in Python", "redirect_uris": [callback], "post_logout_redirect_uris": [base + "/bye"], "application_type": "native",
    "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.as_dict(private=False)]},
})
assert made.status_code == 201, made.text
client_id = made.json()["client_id"]
passed("registration")

class Assertion(PrivateKeyJWT):
    """An assertion for the issuer (RFC 10070) that lives a minute. By itself the library says the token endpoint, and an hour."""

    def sign(self, auth, _):
        claims = {"exp": int(time.time()) + 60}
        return private_key_jwt_sign(auth.client_secret, auth.client_id, issuer, alg="ES256", claims=claims, header={"kid": "of-python"})


own = OAuth2Session(client_id, key, scope="openid", redirect_uri=callback, token_endpoint_auth_method="private_key_jwt", code_challenge_method="S256")
own.register_client_auth_method(Assertion())
verifier, nonce = generate_token(48), generate_token()
url, state = own.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
token = own.fetch_token(metadata["token_endpoint"], authorization_response=visit(url), code_verifier=verifier, state=state)
assert id_token(token, keys, client_id, nonce)["sub"] == "dory"
passed("private_key_jwt")

query = urlencode({"id_token_hint": token["id_token"], "post_logout_redirect_uri": base + "/bye", "state": "so long"})
gone = urlsplit(visit(metadata["end_session_endpoint"] + "?" + query))
assert (gone.path, parse_qs(gone.query)) == ("/bye", {"state": ["so long"]}), gone
url, state = own.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, prompt="none")
assert parse_qs(urlsplit(visit(url)).query)["error"] == ["login_required"]
passed("sign-out")
