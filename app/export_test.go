package app

// GCPercent is how much memory may grow that holds so many live bytes.
var GCPercent = gcPercent
