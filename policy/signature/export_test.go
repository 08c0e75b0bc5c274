package signature

// Minify lets the tests see what is signed.
var Minify = minify
