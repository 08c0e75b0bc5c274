package client

// nobody is a key set whose private keys were thrown away: nothing verifies by it, and finding that out takes as long as
// with a client's own keys.
const nobody = `{"keys":[
{"kty":"RSA","n":"2Fejx9GVx9x1JRA8nQrnI_FDf8up_6QtcznfNZYf-K7Kpt3x0G581tgzB2rQzw-qwRXn9ubczouFEaFOQ1Fgr1s4WIH-OoZfFGT-po3FmLVqL2P1Q0f0VA21_Fo5X4_JO__xvHuZDGBLNk5iM5MymiakOvJr247JWs4I2KghlYpqy-n0TRld8CQFk9Z7rn6GvaG-y9c1LF-QyY3bARFRtFPI2VlaFamzeaGXNQWhw_QvLq5oLnhlwJlGHD3FNsfjHiOQ2kUJ5bYBxW_15mbpJrjrnsVDQ1uRfgTPe7offSoiXvzUkgvkoWi02IVNBX8jpHlShLJd1VV1c9OqsmZhRw","e":"AQAB"},
{"kty":"EC","crv":"P-256","x":"flJ9fzVfvXLgdzi8dumtNTVoeCJSRFXIpyBF3FTECm0","y":"tUotkvJQVBW6UUaoc3uX0cVsju8wkYjpN8Gx5B283l4"},
{"kty":"OKP","crv":"Ed25519","x":"fdSk0Gop-kRE_-bUEU5V4vzW4YPgOGWiSRf9xlLo784"}]}`
