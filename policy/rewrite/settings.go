package rewrite

// Settings are what is changed in the path and the query of a call before it goes upstream. The parts of a change of the
// path are made in the order in which they stand here. A path that is changed goes upstream as it is, behind the path of
// the upstream's own URL; "strip" of the API has no effect on it.
type Settings struct {
	// StripPrefix takes segments off the front of the path ("/orders/v1"). Paths that do not begin with it stay as they are.
	StripPrefix string `json:"strip_prefix,omitempty"`
	// Rules replace what a pattern matches; the first one that matches counts.
	Rules []Rule `json:"rules,omitempty"`
	// AddPrefix puts segments in front of the path.
	AddPrefix string `json:"add_prefix,omitempty"`
	// Query changes the query.
	Query Query `json:"query,omitzero"`
}

// A Rule is for paths that match.
type Rule struct {
	// Match is a regular expression (RE2) for the path as it came, percent-encoded; "^" and "$" are its beginning and end.
	Match string `json:"match"`
	// To takes the place of what matched. $1 or ${name} is a part of it, ${1} where letters or digits follow.
	To string `json:"to"`
	// Methods that the rule is for, all if none are named.
	Methods []string `json:"methods,omitempty"`
}

// A Query is a change of the query. What it does not name stays as it came, byte for byte.
type Query struct {
	// Remove lists parameters that are taken out.
	Remove []string `json:"remove,omitempty"`
	// Set gives parameters a value, in place of all that they had.
	Set map[string]string `json:"set,omitempty"`
}
