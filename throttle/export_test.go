package throttle

// Len is how many names and sources are remembered.
func (t *Throttle) Len() int {
	t.pairs.CleanUp()
	return t.pairs.EstimatedSize()
}
