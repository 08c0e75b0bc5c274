// Package attacks holds a whole server against what has broken authorization servers before. One table crosses every way to a
// token with every control that must hold there, so that a check forgotten in a sibling flow shows as a hole; beside it each class
// of published vulnerability has attacks of its own. All of it goes through the front door: a browser, an HTTP client, a clock.
package attacks
