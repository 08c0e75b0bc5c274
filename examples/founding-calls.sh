#!/bin/sh
# The calls of the founding pages, in their own words, against a running quickstart. Prints what each answers and stops at
# the first answer that is not the one the pages promise.
#
#	go run ./cmd/sallyport quickstart     in one terminal
#	sh examples/founding-calls.sh         in another
#
# BASE is the server's address, default http://127.0.0.1:8089.
set -eu
BASE=${BASE:-http://127.0.0.1:8089}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
calls=0

# call STATUS TITLE CURL-ARGUMENTS: makes a call, shows it, checks its status. The answer stays in $dir/body.
call() {
	want=$1 title=$2
	shift 2
	calls=$((calls + 1))
	printf '\n## %s\n' "$title"
	status=$(curl -sS -o "$dir/body" -D "$dir/head" -w '%{http_code}' "$@")
	printf '%s' "$status"
	sed -n 's/\r$//; s/^\([Ww][Ww][Ww]-[Aa]uthenticate: .*\)/   \1/p' "$dir/head" | tr '\n' ' '
	printf '\n%s\n' "$(cut -c1-700 "$dir/body")"
	[ "$status" = "$want" ] || { printf 'expected status %s\n' "$want" >&2; exit 1; }
}

# says TEXT: the answer holds the text.
says() {
	grep -qF -- "$1" "$dir/body" || { printf 'the answer does not hold: %s\n' "$1" >&2; exit 1; }
}

# matches PATTERN: the answer matches the extended regular expression.
matches() {
	grep -qE -- "$1" "$dir/body" || { printf 'the answer does not match: %s\n' "$1" >&2; exit 1; }
}

# challenge TEXT: the answer carries a WWW-Authenticate header that holds the text.
challenge() {
	grep -i '^www-authenticate:' "$dir/head" | grep -qF -- "$1" || { printf 'no WWW-Authenticate with: %s\n' "$1" >&2; exit 1; }
}

# member NAME: the value of a string member of the answer.
member() {
	sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p' "$dir/body"
}

FORM='Content-Type: application/x-www-form-urlencoded'

# --- digiRunner -------------------------------------------------------------------------------------------------------
DR='Authorization: Basic dHNwY2xpZW50OmRITndNVEl6WVdKalpBPT0='
call 200 'digiRunner: password mode' -X POST "$BASE/oauth/token" -H "$FORM" -H "$DR" \
	-d 'grant_type=password' -d 'username=tspuser' -d 'password=dXNlcjEyM2FiY2Q='
matches '^\{"access_token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9\.[^"]+","expires_in":86399,"jti":"[0-9a-f-]{36}","node":"executor1","org_id":"100000","refresh_token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9\.[^"]+","scope":"2000000006","stime":[0-9]{13},"token_type":"bearer"\}'
dr_access=$(member access_token) dr_refresh=$(member refresh_token)
call 401 'digiRunner: wrong user password' -X POST "$BASE/oauth/token" -H "$FORM" -H "$DR" \
	-d 'grant_type=password' -d 'username=tspuser' -d 'password=d3Jvbmc='
says '{"error":"invalid_grant","error_description":"Bad credentials"}'
call 200 'digiRunner: calling a registered API' "$BASE/orders/1" -H "Authorization: Bearer $dr_access"
call 200 'digiRunner: refresh, confidential client' -X POST "$BASE/oauth/token" -H "$FORM" -H "$DR" \
	-d 'grant_type=refresh_token' -d "refresh_token=$dr_refresh"
dr_access=$(member access_token) dr_refresh=$(member refresh_token)
call 200 'digiRunner: refresh, public client' -X POST "$BASE/oauth/token" -H "$FORM" -H 'Authorization: Basic dHNwY2xpZW50Og==' \
	-d 'grant_type=refresh_token' -d "refresh_token=$dr_refresh"
dr_old=$dr_access dr_access=$(member access_token)
call 403 'the access token that the refresh replaced is revoked' "$BASE/orders/1" -H "Authorization: Bearer $dr_old"
challenge 'error="invalid_token"'
call 200 'digiRunner: the new one opens the API' "$BASE/orders/1" -H "Authorization: Bearer $dr_access"

# --- DDI Central ------------------------------------------------------------------------------------------------------
ID=ab5a442c7d57bd3dcbdc0675e9bdd9f6e6d67d1171b043939ff5
SECRET=8c7f2eb1609125d43e945cee63501dff80c461166ccfe15291
JSON="{ \"client_id\":\"$ID\", \"client_secret\":\"$SECRET\", \"grant_type\":\"client_credentials\" }"
DDI='^\{"access_token":"[0-9a-f]{56}","expires_in":1800,"token_type":"Bearer","scope":"read write"\}'
for path in /oauth2/token/ /oauth2/token; do
	call 200 "DDI Central: JSON body, $path" -X POST "$BASE$path" -H 'Content-Type: application/json' -d "$JSON"
	matches "$DDI"
	call 200 "DDI Central: form body, $path" -X POST "$BASE$path" -H "$FORM" -d "client_id=$ID&client_secret=$SECRET&grant_type=client_credentials"
	matches "$DDI"
done
call 200 'DDI Central: client_id as a number' -X POST "$BASE/oauth2/token/" -H 'Content-Type: application/json' \
	-d "{\"client_id\":4711,\"client_secret\":\"$SECRET\",\"grant_type\":\"client_credentials\"}"
matches "$DDI"
call 200 'DDI Central: a stray Bearer header is ignored' -X POST "$BASE/oauth2/token/" -H 'Content-Type: application/json' \
	-H 'Authorization: Bearer 604c6b3c89688821edc3f852701b636e0c3d76bf5cc153dd76815d08' -d "$JSON"
matches "$DDI"
ddi_access=$(member access_token)
call 200 'DDI Central: read opens GET' "$BASE/api/dns/zone/" -H "Authorization: Bearer $ddi_access" -H 'Content-Type: application/json'
call 200 'DDI Central: write opens POST' -X POST "$BASE/api/dns/zone/" -H "Authorization: Bearer $ddi_access" -H 'Content-Type: application/json' -d '{}'

# --- Kustvakt ---------------------------------------------------------------------------------------------------------
KV='Authorization: Basic ZFJKbnBGSDZSSFRyNkw3Yk5ocm43RjpfSUdhUXF2VVVyUFR6UktKdnFQWW5B'
call 200 'Kustvakt: credentials in the header' -H "$FORM" -H "$KV" \
	-d 'grant_type=password&client_id=dRJnpFH6RHTr6L7bNhrn7F&username=dory&password=dorypass&scope=search match_info' "$BASE/api/oauth2/token"
says '"scope":"search match_info"'
says '"token_type":"Bearer"'
says '"expires_in":259200'
kv_first=$(member access_token)
call 200 'Kustvakt: credentials in the body' -H "$FORM" \
	-d 'grant_type=password&client_id=dRJnpFH6RHTr6L7bNhrn7F&client_secret=_IGaQqvUUrPTzRKJvqPYnA&redirect_uri=http://example.client.com/redirect&username=dory&password=dorypass&scope=search match_info' "$BASE/api/oauth2/token"
kv_access=$(member access_token) kv_refresh=$(member refresh_token)
[ -n "$kv_refresh" ] || { echo 'no refresh token' >&2; exit 1; }
call 200 'Kustvakt: searching through the gateway' "$BASE/api/v1.0/search?q=Sonne" -H "Authorization: Bearer $kv_access"
call 200 'Kustvakt: revoking the token' -H "$FORM" \
	-d "client_id=dRJnpFH6RHTr6L7bNhrn7F&client_secret=_IGaQqvUUrPTzRKJvqPYnA&token=$kv_access" "$BASE/api/oauth2/revoke"
says SUCCESS

# --- at the gateway ---------------------------------------------------------------------------------------------------
call 401 'gateway: no token' "$BASE/orders/1"
challenge 'Bearer'
call 401 'gateway: garbage' "$BASE/orders/1" -H 'Authorization: Bearer garbage'
challenge 'error="invalid_token"'
call 401 'gateway: revoked' "$BASE/api/v1.0/search" -H "Authorization: Bearer $kv_access"
says 'invalid'
challenge 'error="invalid_token"'
call 401 'gateway: revoked token, garbled' "$BASE/api/v1.0/search" -H "Authorization: Bearer ${kv_first}0"
call 403 'gateway: a good token without the scope' "$BASE/api/dns/zone/" -H "Authorization: Bearer $kv_first"
challenge 'error="insufficient_scope"'

# --- what expires (the client "brief" has tokens that live one second) -------------------------------------------------
BRIEF='Authorization: Basic YnJpZWY6WW5KcFpXWXhNak5oWW1Oaw==' # brief / Base64 of brief123abcd
call 200 'digiRunner: tokens that live one second' -X POST "$BASE/oauth/token" -H "$FORM" -H "$BRIEF" \
	-d 'grant_type=password' -d 'username=tspuser' -d 'password=dXNlcjEyM2FiY2Q='
brief_access=$(member access_token) brief_refresh=$(member refresh_token)
sleep 2
call 401 'gateway: expired' "$BASE/orders/1" -H "Authorization: Bearer $brief_access"
says 'expired'
challenge 'error="invalid_token"'
call 401 'digiRunner: expired refresh token' -X POST "$BASE/oauth/token" -H "$FORM" -H "$BRIEF" \
	-d 'grant_type=refresh_token' -d "refresh_token=$brief_refresh"
says "{\"error\":\"invalid_token\",\"error_description\":\"Invalid refresh token (expired): $brief_refresh\"}"

printf '\n%d calls, each answered as the pages say.\n' "$calls"
