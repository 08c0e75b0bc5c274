package digirunner

// The decoders every stranger reaches, for their own tests.
var (
	LooseBase64 = looseBase64
	Credentials = credentials
)

// Reasons returns every reason that a table foresees, so that a test can tell that each is tried.
func Reasons() map[string]bool {
	rows := map[string]bool{}
	tables := map[string]table{"common": common, "token": tokenErrors, "v2": tokenV2Errors, "refresh": refreshErrors, "inspect": inspectErrors, "gateway": gatewayErrors, "authorize": authorizeErrors, "hint": hintErrors}
	for way, t := range wayErrors {
		tables[way] = t
	}
	for name, t := range tables {
		for reason := range t {
			rows[name+"/"+string(reason)] = true
		}
	}
	return rows
}
