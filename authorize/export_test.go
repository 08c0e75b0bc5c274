package authorize

// Registered is the comparison of redirect URIs.
var Registered = registered
