package account

// Program is program.
func Program(agent string) string { return program(agent) }
