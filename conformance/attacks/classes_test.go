package attacks_test

import (
	"slices"
	"testing"
)

// An attack is one on a class of published vulnerabilities.
type attack struct {
	class int
	what  string
	run   func(h *house, t *testing.T)
	alone bool // it moves the clock, or measures
}

var classNames = map[int]string{
	1: "redirect matching", 2: "code binding", 3: "PKCE downgrade", 4: "refresh", 5: "disabled principals", 6: "foreign tokens as grants",
	7: "client assertions", 9: "opaque token parsing", 10: "sibling flows", 11: "fixation, login CSRF, replayed forms",
	12: "second factor, step-up", 13: "enumeration", 14: "SSRF", 15: "host poisoning", 16: "account linking",
	17: "key and algorithm confusion", 18: "JOSE denial of service", 19: "other denial of service", 20: "XSS, content types",
	22: "tenants and owners", 26: "predictable values",
}

// owed are the classes that must have an attack of their own.
var owed = []int{1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 26}

var attacks = slices.Concat(redirectAttacks, codeAttacks, principalAttacks, flowAttacks, factorAttacks, outsideAttacks, joseAttacks, floodAttacks, tenantAttacks)
