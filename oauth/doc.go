// Package oauth holds the words of OAuth 2.0 that every other package speaks: error codes and the reasons behind them,
// request parameters, and the encodings a request may arrive in (form, JSON, HTTP Basic).
//
// It decides nothing and stores nothing. Everything a stranger can send is decoded here, strictly, so that no face has a
// parser of its own.
package oauth
