package kustvakt

// MayRedirect is the check of redirect URIs that nobody has registered.
var MayRedirect = mayRedirect
