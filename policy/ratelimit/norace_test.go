//go:build !race

package ratelimit_test

const slowness = 1
