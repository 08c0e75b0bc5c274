package storetest

import "testing"

func configTests() map[string]func(*testing.T, Database)     { return nil }
func commitTests() map[string]func(*testing.T, Database)     { return nil }
func revocationTests() map[string]func(*testing.T, Database) { return nil }
func expiryTests() map[string]func(*testing.T, Database)     { return nil }
func recordTests() map[string]func(*testing.T, Database)     { return nil }
func feedTests() map[string]func(*testing.T, Database)       { return nil }
func databaseTests() map[string]func(*testing.T, Database)   { return nil }
