package concurrency

import "sallyport/policy"

// SizeOf counts the gauges of a policy.
func SizeOf(p policy.Policy) int { return p.(*concurrency).places.size() }
