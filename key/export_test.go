package key

// Seal and Open are the envelope, for its fuzz target.
var (
	Seal = seal
	Open = open
)
