package headers

// Settings are the fields that are changed on the way to the upstream and on the way back.
type Settings struct {
	// Request changes what the upstream gets.
	Request Change `json:"request,omitzero"`
	// Response changes what the caller gets, from the upstream or from the cache. Refusals are not changed.
	Response Change `json:"response,omitzero"`
}

// A Change is made in the order of its parts. Values may name what is known of the call: {client}, {user}, {scope}, {way},
// {credential}, {address}, {method}, {host}, {path}, {realm}, {api}, and {param:NAME} for a parameter of the path. Bytes of
// theirs that cannot stand in a field are percent-encoded. A doubled brace stands for itself.
type Change struct {
	// Remove lists fields that are taken out.
	Remove []string `json:"remove,omitempty"`
	// Set gives fields a value, in place of those that they had. One whose value turns out empty is taken out.
	Set map[string]string `json:"set,omitempty"`
	// Add adds a value to those that a field has. An empty one is not added.
	Add map[string]string `json:"add,omitempty"`
}
